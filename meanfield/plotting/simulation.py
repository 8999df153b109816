"""Simulated signals and gradients by layer, with their standard errors."""

import numpy as np

from meanfield._types import Axes
from meanfield.plotting.axes import COLOURS, MARKERS, drawing, one_axes_each, outer_xlabels
from meanfield.plotting.fields import SimulationFields
from meanfield.plotting.trajectory import LABELS


@drawing
def plot_simulation(simulation: SimulationFields, axes: Axes = None, *, label: str | None = None) -> Axes:
    """Draw second moment, correlations (of two inputs, of tokens) and squared gradient, one below the other.

    Parameters
    ----------
    simulation : Simulation
        Result of `meanfield.simulate`.
    axes : sequence of matplotlib Axes, optional
        Two, and one more for each correlation; None makes a figure.
    label : str, optional
        Name of the bars in a legend.

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
    >>> len(plot_simulation(mf.simulate("tanh", 3, 32, networks=4, c=0.5, rng=0)))
    3
    """
    names = [name for name in ("q", "c", "token_c", "gradient") if getattr(simulation, name) is not None]
    axes = one_axes_each(axes, names)
    for ax, name in zip(axes.flat, names, strict=True):
        sample, place = getattr(simulation, name), len(ax.containers)
        look = {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)]}
        layers = np.arange(len(sample.mean))
        ax.errorbar(
            layers,
            sample.mean,
            2 * sample.standard_error,
            linestyle="none",
            markersize=4,
            capsize=2,
            label=label,
            **look,
        )
        drawn = sample.mean[np.isfinite(sample.mean)]
        if drawn.size and drawn.min() > 0 and drawn.max() > 100 * drawn.min():
            ax.set_yscale("log")
        ax.locator_params(axis="x", integer=True)
        ax.set(xlabel="layer", ylabel=LABELS[name])
    outer_xlabels(axes.flat)
    return axes
