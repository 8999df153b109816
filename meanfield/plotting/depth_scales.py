"""Depth scales of second moment and correlation against sigma_w (Schoenholz et al. 2017, figure 3)."""

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Axes
from meanfield.errors import InvalidInput
from meanfield.plotting.axes import COLOURS, GREY, axes_for, drawing, legend_above
from meanfield.plotting.fields import DepthScaleFields

FINE = 4000  # points of a drawn curve
TOP = 30.0  # upper end of the axis in medians of xi_c, if xi_c diverges


@drawing
def plot_depth_scales(
    sigma_w: ArrayLike, scales: DepthScaleFields, ax: Axes = None, *, critical: ArrayLike = (), title: str = ""
) -> Axes:
    """Draw xi_q and xi_c against sigma_w on a logarithmic axis; curves leave the Axes where they diverge.

    1/xi is interpolated linearly between the given points, since it is finite where xi diverges.

    Parameters
    ----------
    sigma_w : array_like, 1-d, ascending
        Standard deviations of the weights.
    scales : Analysis
        Depth scales ``xi_q`` and ``xi_c`` in layers at each sigma_w.
    ax : matplotlib Axes, optional
        Where to draw; None makes a figure.
    critical : array_like
        sigma_w at which xi_c is infinite, as ``CriticalLine.sigma_w``.
    title : str
        Above the legend.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidInput
        If there are fewer than two sigma_w, or `scales` has another shape.

    Examples
    --------
    >>> import meanfield as mf, numpy as np
    >>> sigma_w = np.linspace(1, 2, 21)
    >>> scales, edge = mf.analyze(mf.mlp("tanh", sigma_w, 0.3)), mf.critical_line("tanh", 0.3).sigma_w
    >>> plot_depth_scales(sigma_w, scales, critical=edge).get_yscale()
    'log'
    """
    x, edges = np.asarray(sigma_w, dtype=float), np.atleast_1d(np.asarray(critical, dtype=float))
    if x.ndim != 1 or x.size < 2 or not np.shape(scales.xi_c) == np.shape(scales.xi_q) == x.shape:
        shapes = f"{x.shape} and {np.shape(scales.xi_c)}"
        raise InvalidInput(f"sigma_w and its depth scales must be arrays of equal shape (n,) with n ≥ 2, not {shapes}")
    ax = axes_for(ax, (5.2, 3.6))
    edges = edges[(edges > x.min()) & (edges < x.max())]
    fine = np.unique(np.concatenate([np.linspace(x.min(), x.max(), FINE), x]))
    for name, symbol, what, colour, dash, at in (
        ("xi_c", r"$\xi_c$", "correlation", COLOURS[0], "-", edges),
        ("xi_q", r"$\xi_q$", "second moment", COLOURS[1], "--", edges[:0]),
    ):
        known, first = np.unique(np.concatenate([x, at]), return_index=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.concatenate([1 / np.asarray(getattr(scales, name), dtype=float), np.zeros(at.size)])[first]
            curve = 1 / np.interp(fine, known, rate)
        curve = np.where(curve > 0, np.minimum(curve, 1e30), np.nan)
        ax.plot(fine, curve, color=colour, linestyle=dash, linewidth=1.8, label=f"{symbol}, {what}")
    for i, edge in enumerate(edges):
        ax.axvline(edge, color=GREY, linestyle=":", linewidth=1.2, label=r"$\chi_1 = 1$" if i == 0 else None)
    depths = np.array([scales.xi_q, scales.xi_c], dtype=float)
    shown = np.isfinite(depths) & (depths > 0)
    if shown.any():
        top = TOP * np.median(depths[1, shown[1]]) if edges.size and shown[1].any() else 2 * depths[shown].max()
        ax.set_ylim(depths[shown].min() / 1.5, min(max(top, 10.0), 1e12))
    ax.set(yscale="log", xlim=(x.min(), x.max()), xlabel=r"$\sigma_w$", ylabel="depth scale (layers)")
    legend_above(ax, title, 3)
    return ax
