"""The variance map q → q′ with its fixed points and a cobweb, after Poole et al. 2016, figure 1."""

from collections.abc import Iterable

from numpy.typing import ArrayLike

from meanfield._types import Axes
from meanfield.plotting.axes import drawing
from meanfield.plotting.cobweb import draw_map
from meanfield.plotting.fields import FixedPointFields


@drawing
def plot_variance_map(
    q: ArrayLike,
    mapped: ArrayLike,
    ax: Axes = None,
    *,
    fixed_points: Iterable[FixedPointFields] = (),
    orbit: ArrayLike | None = None,
    **style: object,
) -> Axes:
    """Draw the second moment of the next layer against the second moment of this layer.

    Parameters
    ----------
    q, mapped : array_like, 1-d
        Second moments at this layer and at the next one.
    ax : matplotlib Axes, optional
        Where to draw; None makes a figure.
    fixed_points : iterable of FixedPoint
        Drawn as circles, filled if stable.
    orbit : array_like, 1-d, optional
        Second moments by layer, as ``Trajectory.q``, drawn as a cobweb.
    **style
        Properties of the map's line, as ``color``, ``linestyle`` and ``label``, to tell several maps in one Axes apart.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import meanfield as mf, numpy as np
    >>> block, q = mf.mlp("tanh", 1.5, 0.3), np.linspace(0, 2, 50)
    >>> points, orbit = mf.fixed_points(block), mf.propagate(block, 8, q=1.9).q
    >>> ax = plot_variance_map(q, mf.variance_map(block, q).value, fixed_points=points, orbit=orbit)
    >>> ax.get_xlabel()
    '$q$ at a layer'
    """
    return draw_map(ax, q, mapped, "q", [(point.q, point.stable) for point in fixed_points], orbit, **style)
