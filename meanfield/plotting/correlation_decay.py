"""Convergence of two correlated inputs: 1 − c by depth on logarithmic axes (Hayou et al. 2019, figure 3)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Axes
from meanfield.errors import InvalidInput, shown
from meanfield.plotting.axes import COLOURS, MARKERS, axes_for, drawing
from meanfield.plotting.fields import TrajectoryFields


@drawing
def plot_decay(
    runs: Mapping[str, TrajectoryFields], ax: Axes = None, *, laws: Mapping[str, tuple[str, ArrayLike]] | None = None
) -> Axes:
    """Draw 1 − c of several networks by layer, with their asymptotic laws as black dashed lines.

    Parameters
    ----------
    runs : mapping of str to Trajectory
        Trajectories of two inputs by label, one value of ``one_minus_c`` a layer.
    ax : matplotlib Axes, optional
        Where to draw; None makes a figure.
    laws : mapping of str to (str, array_like)
        Name of the law and its value at each layer of the run, by the label of the run.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidInput
        If there are no runs, a run has no or several pairs of inputs, or a law has no run or another number of layers.

    Examples
    --------
    >>> import meanfield as mf, numpy as np
    >>> run, layer = mf.propagate(mf.mlp("relu", 2**0.5), 300, c=0.0), np.arange(301)
    >>> law = 4.5 * np.pi**2 / np.maximum(layer, 1) ** 2
    >>> ax = plot_decay({"ReLU": run}, laws={"ReLU": (r"$9\\pi^2/2\\ell^2$", law)})
    >>> ax.get_xscale(), ax.get_yscale()
    ('log', 'log')
    """
    laws = laws or {}
    if not runs:
        raise InvalidInput("there must be at least one run to draw, not none")
    if not set(laws) <= set(runs):
        raise InvalidInput(f"every law needs a run of the same label: {list(laws)}, {list(runs)}")
    ax = axes_for(ax, (5.2, 3.8))
    lowest, deepest = 1.0, 2
    for i, (label, run) in enumerate(runs.items()):
        if run.one_minus_c is None:
            raise InvalidInput(
                f"the run {shown(label)} has one input and so no correlation: give propagate() the correlation c of two"
            )
        if np.ndim(run.one_minus_c) != 1:
            raise InvalidInput(
                f"the run {shown(label)} must have one value a layer, not {np.shape(run.one_minus_c)[1:]}"
            )
        values = np.asarray(run.one_minus_c, dtype=float)[1:]
        values = np.where(values > 0, values, np.nan)
        layer = np.arange(1, values.size + 1)
        ticks = np.unique(np.geomspace(1, values.size, 12).astype(int)) - 1
        name = f"{label}, dashed: {laws[label][0]}" if label in laws else label
        look: dict[str, object] = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
        ax.plot(layer, values, linewidth=1.8, markersize=4.5, markevery=list(ticks), label=name, **look)
        if label in laws:
            if np.shape(laws[label][1]) != np.shape(run.one_minus_c):
                raise InvalidInput(f"the law of {shown(label)} must have a value for each of layers 0 … {values.size}")
            law = np.asarray(laws[label][1], dtype=float)[1:]
            drawn = law <= 2  # 1 − c is at most 2
            ax.plot(layer[drawn], law[drawn], color="black", linestyle="--", linewidth=1.0, zorder=3)
        lowest, deepest = min(lowest, values[values > 0].min(initial=1.0)), max(deepest, values.size)
    ax.set(xscale="log", yscale="log", xlim=(1, deepest), ylim=(lowest / 2, 2.5), xlabel=r"layer $\ell$")
    ax.set_ylabel(r"$1 - c$")
    ax.legend(*ax.get_legend_handles_labels(), frameon=False, fontsize="small", loc="lower left")
    return ax
