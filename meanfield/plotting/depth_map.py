"""A quantity over sigma_w and depth with the curve depth = 6 ξ_c (Schoenholz et al. 2017, figure 5)."""

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Axes
from meanfield.errors import InvalidInput
from meanfield.plotting.axes import axes_for, drawing


@drawing
def plot_depth_map(
    sigma_w: ArrayLike,
    depth: ArrayLike,
    values: ArrayLike,
    ax: Axes = None,
    *,
    label: str,
    xi_c: ArrayLike | None = None,
    scales: float = 6.0,
    **style: object,
) -> Axes:
    """Draw a quantity as colour over sigma_w and depth, with the curve depth = `scales` · ξ_c.

    Parameters
    ----------
    sigma_w, depth : array_like, 1-d, ascending
        The axes; depth in layers.
    values : array_like, shape (len(depth), len(sigma_w))
        Quantity to draw, for example the accuracy after training; NaN stays white.
    ax : matplotlib Axes, optional
        Where to draw; None makes a figure.
    label : str
        Label of the colour bar.
    xi_c : array_like, shape (len(sigma_w),), optional
        Depth scale of the correlation, in layers.
    scales : float
        Factor on ξ_c; Schoenholz et al. 2017 found networks trainable up to about six depth scales.
    **style
        Passed on to ``Axes.pcolormesh``, as ``norm``, ``vmin`` and ``vmax``.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidInput
        If the shape of `values` or of `xi_c` is another one.

    Examples
    --------
    >>> import meanfield as mf, numpy as np
    >>> sigma_w, block = np.linspace(1, 2, 11), mf.mlp("tanh", np.linspace(1, 2, 11), 0.2)
    >>> c, xi_c = mf.propagate(block, 50, c=0.5).c, mf.analyze(block).xi_c
    >>> plot_depth_map(sigma_w, np.arange(51), c, label="correlation $c$", xi_c=xi_c).get_ylabel()
    'depth (layers)'
    """
    x, y, z = (np.asarray(values, dtype=float) for values in (sigma_w, depth, values))
    if z.shape != (y.size, x.size):
        raise InvalidInput(f"values must have the shape (len(depth), len(sigma_w)) = {(y.size, x.size)}, not {z.shape}")
    if xi_c is not None and np.shape(xi_c) != x.shape:
        raise InvalidInput(f"xi_c must have a value for each of {x.size} sigma_w, not the shape {np.shape(xi_c)}")
    from matplotlib.patheffects import withStroke

    ax = axes_for(ax)
    image = ax.pcolormesh(x, y, np.ma.masked_invalid(z), **{"cmap": "cividis", "shading": "nearest", **style})
    bar = ax.figure.colorbar(image, ax=ax, label=label)
    bar.solids.set(rasterized=False, edgecolor="face")  # no bitmap and no seams in vector output
    limits = {"xlim": ax.get_xlim(), "ylim": ax.get_ylim()}
    if xi_c is not None:
        outline = [withStroke(linewidth=4, foreground="black")]
        depths = np.minimum(scales * np.asarray(xi_c, dtype=float), 10 * y.max())
        ax.plot(x, depths, color="white", lw=2, path_effects=outline, label=rf"theory: ${scales:g}\,\xi_c$")
        ax.legend(facecolor="0.35", labelcolor="white", framealpha=0.9, fontsize="small")
    ax.set(xlabel=r"$\sigma_w$", ylabel="depth (layers)", **limits)
    return ax
