"""Phase diagrams of several activations side by side."""

from collections.abc import Mapping, Sequence

import numpy as np

from meanfield._types import Axes
from meanfield.errors import InvalidInput
from meanfield.plotting.axes import axes_for, drawing, plain
from meanfield.plotting.fields import CriticalLineFields, PhaseDiagramFields
from meanfield.plotting.phase_diagram import plot_phase_diagram


@drawing
def plot_phase_diagrams(
    diagrams: Sequence[PhaseDiagramFields],
    axes: Axes = None,
    *,
    critical_lines: Mapping[str, CriticalLineFields] | None = None,
) -> Axes:
    """Draw phase diagrams side by side with `plot_phase_diagram` and one common legend.

    Parameters
    ----------
    diagrams : sequence of PhaseDiagram
        Diagrams of at least 2 × 2 points; their labels become titles.
    axes : sequence of matplotlib Axes, optional
        One for each diagram; None makes a figure with a common sigma_b axis.
    critical_lines : mapping of str to CriticalLine, optional
        Critical lines by the label of the diagram.

    Returns
    -------
    array of Axes

    Raises
    ------
    InvalidInput
        If there are no diagrams, or the number of Axes differs from the number of diagrams.

    Examples
    --------
    >>> import meanfield as mf
    >>> diagrams = [mf.phase_diagram(name, [1.0, 1.3, 1.6], [0.0, 0.5]) for name in ("relu", "tanh")]
    >>> [ax.get_title() for ax in plot_phase_diagrams(diagrams)]
    ['relu', 'tanh']
    """
    diagrams = list(diagrams)
    if not diagrams:
        raise InvalidInput("there must be at least one phase diagram to draw, not none")
    if axes is None:
        axes = axes_for(None, (1.2 + 2.6 * len(diagrams), 3.4), columns=len(diagrams))
    axes = np.atleast_1d(axes)
    if axes.size != len(diagrams):
        raise InvalidInput(f"{len(diagrams)} phase diagrams need as many Axes, not {axes.size}")
    entries: dict[str, object] = {}
    for i, (ax, diagram) in enumerate(zip(axes.flat, diagrams, strict=True)):
        plot_phase_diagram(diagram, ax, critical_line=(critical_lines or {}).get(diagram.label))
        ax.set_title(plain(diagram.label))
        handles, labels = ax.get_legend_handles_labels()
        entries |= {label: handle for handle, label in zip(handles, labels, strict=True) if label not in entries}
        ax.get_legend().remove()
        ax.locator_params(axis="x", nbins=4)
        if i:
            ax.set_ylabel("")
    if entries:
        look: dict[str, object] = {"frameon": False, "fontsize": "small", "ncols": 2}
        axes.flat[0].figure.legend(entries.values(), entries.keys(), loc="outside lower center", **look)
    return axes
