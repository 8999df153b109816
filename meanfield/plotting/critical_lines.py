"""Critical lines χ₁ = 1 of several activations in the plane of sigma_w and sigma_b."""

from collections.abc import Iterator, Mapping

import numpy as np

from meanfield._types import Axes, Ints
from meanfield.plotting.axes import COLOURS, MARKERS, axes_for, drawing, legend_above
from meanfield.plotting.fields import CriticalLineFields


@drawing
def plot_critical_lines(lines: Mapping[str, CriticalLineFields], ax: Axes = None) -> Axes:
    """Draw critical lines, solid where q is stable and dashed where it is unstable; a single solution as a dot.

    Parameters
    ----------
    lines : mapping of str to CriticalLine
        Critical lines by label.
    ax : matplotlib Axes, optional
        Where to draw; None makes a figure.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import meanfield as mf
    >>> ax = plot_critical_lines({"tanh": mf.critical_line("tanh", [0.1, 0.2, 0.3])})
    >>> len(ax.lines[0].get_xdata())
    3
    """
    ax = axes_for(ax)
    stable = True
    for i, (label, line) in enumerate(lines.items()):
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
        draw_line(ax, line, label=label, linewidth=1.6, color=colour, marker=marker, markersize=4.5, markevery=0.13)
        stable &= bool(line.stable.all())
    if not stable:
        ax.plot([], [], "--", color="#555555", label="unstable $q$")
    ax.set(xlabel=r"$\sigma_w$", ylabel=r"$\sigma_b$")
    legend_above(ax, "", 4)
    return ax


def draw_line(ax: Axes, line: CriticalLineFields, *, label: str, unstable_label: str = "", **style: object) -> None:
    """Draw one critical line; `unstable_label` goes into the legend for its dashed stretches."""
    labels = {True: label, False: unstable_label or (label if not line.stable.any() else "")}
    for stable, rows in sorted(_stretches(line), key=lambda stretch: not stretch[0]):
        look = {"linestyle": "-" if stable else (0, (4, 2)), **style}
        if len(rows) == 1:
            look |= {
                "marker": style.get("marker", "o"),
                "markersize": 7,
                "markevery": None,
                "linestyle": "none",
                "clip_on": False,
            }
        ax.plot(line.sigma_w[rows], line.sigma_b[rows], label=labels.pop(stable, "") or None, **look)


def _stretches(line: CriticalLineFields) -> Iterator[tuple[bool, Ints]]:
    """Connected stretches of equal stability, as pairs (stable, rows).

    The line is a curve parametrised by q. Two rows that are neighbours in q are connected if their sigma_b are equal or
    neighbours too, except if both are at the largest sigma_b, where the curve leaves the range and comes back.
    """
    order = np.argsort(line.q, kind="stable")
    place = np.searchsorted(np.unique(line.sigma_b), line.sigma_b[order])
    start = 0
    for i in range(1, len(order) + 1):
        end = i == len(order)
        if not end:
            step = abs(int(place[i]) - int(place[i - 1]))
            apart = step > 1 or (step == 0 and place[i] == place.max())
        if end or apart or line.stable[order[i]] != line.stable[order[i - 1]]:
            reach = i if end or apart else i + 1  # both stretches contain the first point after a change of stability
            yield bool(line.stable[order[i - 1]]), order[start:reach]
            start = i
