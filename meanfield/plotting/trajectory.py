"""Signal propagation by layer: second moment, correlation and squared gradient."""

import numpy as np

from meanfield._types import Axes
from meanfield.errors import InvalidInput, shown
from meanfield.plotting.axes import COLOURS, axes_for, drawing, one_axes_each, outer_xlabels
from meanfield.plotting.fields import TrajectoryFields

LABELS = {
    "q": "second moment $q$",
    "mean": "mean over units",
    "c": "correlation $c$",
    "one_minus_c": "$1 - c$",
    "token_c": "correlation of tokens",
    "one_minus_token_c": "1 - correlation\nof tokens",
    "gradient": "squared gradient\n(last layer = 1)",
    "chi": r"gradient factor $\chi$",
}


@drawing
def plot_quantity(
    trajectory: TrajectoryFields, quantity: str, ax: Axes = None, *, bands: bool = False, **style: object
) -> Axes:
    """Draw one quantity by layer, on a logarithmic axis if it spans more than two decades.

    Parameters
    ----------
    trajectory : Trajectory
        Trajectory of one network, or of an array of networks: then one line for each.
    quantity : {"q", "mean", "c", "one_minus_c", "token_c", "one_minus_token_c", "gradient", "chi"}
        Quantity to draw.
    ax : matplotlib Axes, optional
        Where to draw; None makes a figure.
    bands : bool
        Whether to shade where q or the gradient of single networks lies within one standard deviation, if the
        trajectory knows it: `meanfield.propagate` with ``width=``.
    **style
        Passed on to ``Axes.plot``, as ``color`` and ``label``.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidInput
        If there is no such quantity, the trajectory has a single input, or no tokens, and so no correlation, or it has
        no mean.

    Examples
    --------
    >>> import meanfield as mf
    >>> plot_quantity(mf.propagate("relu", 5), "q").get_yscale()
    'linear'
    """
    if quantity not in LABELS:
        raise InvalidInput(f"quantity must be one of {', '.join(LABELS)}, not {shown(quantity)}")
    values = getattr(trajectory, quantity)
    if values is None and quantity == "mean":
        raise InvalidInput("means over units are not tracked where pixels or tokens are followed")
    if values is None and "token" in quantity:
        raise InvalidInput("this trajectory has no tokens: give propagate() their number tokens=")
    if values is None:
        raise InvalidInput("a trajectory of one input has no correlation: give propagate() the correlation c of two")
    ax = axes_for(ax, (5.2, 3.0))
    values, layers = values.reshape(len(values), -1), np.arange(len(values))
    (line, *_) = ax.plot(
        layers,
        values,
        **{"color": COLOURS[len(ax.get_lines()) % len(COLOURS)], "marker": "." if len(values) <= 60 else None, **style},
    )
    drawn = values[np.isfinite(values)]
    band = {"q": trajectory.q_band, "gradient": trajectory.gradient_band}.get(quantity)
    if bands and band is not None:
        ax.fill_between(layers, *band, color=line.get_color(), alpha=0.2, linewidth=0)
        drawn = np.append(drawn, band[np.isfinite(band)])
    if drawn.size and drawn.min() > 0 and drawn.max() > 100 * drawn.min():
        ax.set_yscale("log")
    ax.locator_params(axis="x", integer=True)
    ax.set(xlabel="layer", ylabel=LABELS[quantity], xlim=(0, len(values) - 1))
    return ax


@drawing
def plot_propagation(trajectory: TrajectoryFields, axes: Axes = None, *, bands: bool = False, **style: object) -> Axes:
    """Draw second moment, correlations (of two inputs, of tokens) and squared gradient, one below the other.

    Parameters
    ----------
    trajectory : Trajectory
        Result of `meanfield.propagate`.
    axes : sequence of matplotlib Axes, optional
        Two, and one more for each correlation; None makes a figure.
    bands, **style
        As in `plot_quantity`.

    Returns
    -------
    array of Axes

    Raises
    ------
    InvalidInput
        If the number of Axes differs from the number of quantities.

    Examples
    --------
    >>> import meanfield as mf
    >>> len(plot_propagation(mf.propagate("tanh", 5, c=0.5)))
    3
    """
    names = [name for name in ("q", "c", "token_c", "gradient") if getattr(trajectory, name) is not None]
    axes = one_axes_each(axes, names)
    for ax, name in zip(axes.flat, names, strict=True):
        plot_quantity(trajectory, name, ax, bands=bands, **style)
    outer_xlabels(axes.flat)
    return axes
