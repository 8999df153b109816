"""The correlation map c → c′ with its fixed points and a cobweb, after Poole et al. 2016, figure 2."""

from numpy.typing import ArrayLike

from meanfield._types import Axes
from meanfield.plotting.axes import drawing
from meanfield.plotting.cobweb import draw_map


@drawing
def plot_correlation_map(
    c: ArrayLike,
    mapped: ArrayLike,
    ax: Axes = None,
    *,
    c_star: float | None = None,
    orbit: ArrayLike | None = None,
    **style: object,
) -> Axes:
    """Draw the correlation of two signals at the next layer against their correlation at this layer.

    Parameters
    ----------
    c, mapped : array_like, 1-d
        Correlations at this layer and at the next one.
    ax : matplotlib Axes, optional
        Where to draw; None makes a figure.
    c_star : float, optional
        The stable fixed point, as ``Analysis.c_star``; if it is below 1, the fixed point at 1 is marked as unstable.
    orbit : array_like, 1-d, optional
        Correlations by layer, as ``Trajectory.c``, drawn as a cobweb.
    **style
        Properties of the map's line, as ``color``, ``linestyle`` and ``label``, to tell several maps in one Axes apart.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import meanfield as mf, numpy as np
    >>> block, c = mf.mlp("tanh", 2.5, 0.3), np.linspace(0, 1, 50)
    >>> mapped, c_star = mf.correlation_map(block, c).value, float(mf.analyze(block).c_star)
    >>> ax = plot_correlation_map(c, mapped, c_star=c_star, orbit=mf.propagate(block, 8, c=0.95).c)
    >>> ax.get_ylabel()
    '$c$ at the next layer'
    """
    points = [] if c_star is None else [(float(c_star), True)] + [(1.0, False)] * (c_star < 1)
    return draw_map(ax, c, mapped, "c", points, orbit, **style)
