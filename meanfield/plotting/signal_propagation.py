"""Signal propagation in several networks: theory as lines, simulation as error bars (Poole et al. 2016)."""

from collections.abc import Mapping, Sequence

import numpy as np

from meanfield._types import Axes
from meanfield.errors import InvalidInput
from meanfield.plotting.axes import COLOURS, DASHES, MARKERS, axes_for, drawing, legend_above, outer_xlabels
from meanfield.plotting.fields import SimulationFields, TrajectoryFields
from meanfield.plotting.trajectory import plot_quantity

BARS = 12  # largest number of error bars on one line


@drawing
def plot_signal(
    runs: Mapping[str, TrajectoryFields],
    axes: Axes = None,
    *,
    simulations: Mapping[str, SimulationFields] | None = None,
    quantities: Sequence[str] | None = None,
) -> Axes:
    """Draw the signal of several networks by layer, one quantity below the other.

    Parameters
    ----------
    runs : mapping of str to Trajectory
        Theory by label, for example of a default and a recommended initialisation; one value a layer.
    axes : Axes or sequence of them, optional
        One for each quantity; None makes a figure.
    simulations : mapping of str to Simulation, optional
        Simulations by the same labels; drawn as means with two standard errors.
    quantities : sequence of str, optional
        Any of "q", "c", "one_minus_c", "token_c" and "gradient"; by default "q", "c" (if all runs have it) and
        "gradient".

    Returns
    -------
    array of Axes

    Raises
    ------
    InvalidInput
        If there are no runs, a quantity is unknown, the number of Axes is wrong, or a simulation has no run.

    Examples
    --------
    >>> import meanfield as mf
    >>> blocks = {"default": mf.mlp("relu", 3**-0.5), "recommended": mf.mlp("relu", 2**0.5)}
    >>> runs = {label: mf.propagate(block, 10) for label, block in blocks.items()}
    >>> drawn = {label: mf.simulate(block, 10, 64, networks=4, rng=0) for label, block in blocks.items()}
    >>> [ax.get_yscale() for ax in plot_signal(runs, simulations=drawn)]
    ['log', 'log']
    """
    simulations = simulations or {}
    if not runs or (quantities is not None and not len(quantities)):
        raise InvalidInput("there must be at least one run and one quantity to draw")
    if not set(simulations) <= set(runs):
        raise InvalidInput(f"every simulation needs a run of the same label: {list(simulations)}, {list(runs)}")
    if isinstance(quantities, str):
        quantities = (quantities,)
    if quantities is None:
        pairs = all(run.c is not None for run in runs.values())
        quantities = ("q", "c", "gradient") if pairs else ("q", "gradient")
    if axes is None:
        axes = axes_for(None, (5.2, 2.0 * len(quantities) + 0.4), rows=len(quantities))
    axes = np.atleast_1d(axes)
    if axes.size != len(quantities):
        raise InvalidInput(f"{len(quantities)} Axes are needed for {', '.join(quantities)}, not {axes.size}")
    deepest = max(len(run.q) for run in runs.values()) - 1
    step = max(1, -(-deepest // BARS))
    for ax, quantity in zip(axes.flat, quantities, strict=True):
        for i, (label, run) in enumerate(runs.items()):
            look = {"color": COLOURS[i % len(COLOURS)], "linestyle": DASHES[i % len(DASHES)], "linewidth": 1.5}
            plot_quantity(run, quantity, ax, bands=False, marker=None, **look)
            shape = {"marker": MARKERS[i % len(MARKERS)], "markersize": 4}
            if (sample := getattr(simulations.get(label), quantity, None)) is not None:
                rows = np.arange(len(sample.mean))[i * step // len(runs) :: step]
                bars = {"linestyle": "none", "capsize": 2, "color": look["color"], **shape}
                ax.errorbar(rows, sample.mean[rows], 2 * sample.standard_error[rows], **bars)
            ax.plot([], [], label=label, **look, **(shape if simulations.get(label) else {}))
        ax.set_xlim(-0.015 * deepest, 1.015 * deepest)
    outer_xlabels(axes.flat)
    legend_above(axes.flat[0], "lines: theory, bars: simulation" if simulations else "", 3)
    return axes
