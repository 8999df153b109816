"""The phase diagram: sigma_w against sigma_b (Poole et al. 2016, figure 1; Schoenholz et al. 2017, figure 1)."""

from typing import Any

import numpy as np

from meanfield._types import Axes, Bools, Floats
from meanfield.errors import InvalidInput
from meanfield.plotting.axes import axes_for, drawing, legend_above, plain
from meanfield.plotting.critical_lines import draw_line
from meanfield.plotting.fields import CriticalLineFields, PhaseDiagramFields

UNDER_NOISE = ("vanishing", "balanced", "exploding")  # phases of blocks in which noise parts equal inputs
ORDERED, CHAOTIC, UNBOUNDED = "#d6e6f4", "#fdeedd", "#e4e4e4"
DEPTHS = (1.0, 2.0, 5.0, 10.0, 20.0)  # contour levels of xi_c in layers; larger ones crowd at the critical line
SMALLEST = 0.02  # smallest share of the diagram that gets a phase label, or that separates a contour from the line
NARROW = 2.3  # inches; narrower Axes have smaller words and a shorter legend
SPACE = 1.8  # size of a number with the space about it, relative to the number
PADDED = 1.2  # size of a label with its margin, relative to its text


@drawing
def plot_phase_diagram(
    diagram: PhaseDiagramFields, ax: Axes = None, *, critical_line: CriticalLineFields | None = None
) -> Axes:
    """Draw the phases, the critical line and contours of the depth scale xi_c.

    Where noise parts equal inputs nothing is critical; the line chi_1 = 1 is then labelled by what gradients do.

    Parameters
    ----------
    diagram : PhaseDiagram
        Diagram with at least two values of sigma_w and of sigma_b.
    ax : matplotlib Axes, optional
        Where to draw; None makes a figure.
    critical_line : CriticalLine, optional
        Critical line to draw, dashed where q is unstable; None draws the contour chi_1 = 1 of the diagram.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidInput
        If an axis of the diagram has a single value.

    Examples
    --------
    >>> import meanfield as mf
    >>> diagram = mf.phase_diagram("relu", [1.0, 1.3, 1.6], [0.0, 0.5])
    >>> plot_phase_diagram(diagram).get_xlabel()
    '$\\\\sigma_w$'
    """
    x, y = diagram.sigma_w, diagram.sigma_b
    if min(x.size, y.size) < 2:
        raise InvalidInput(
            f"a phase diagram is drawn from at least 2 × 2 values of sigma_w and sigma_b, not {x.size} × {y.size}"
        )
    ax = axes_for(ax)
    bounded, noisy = diagram.phase != "unbounded", bool(np.isin(diagram.phase, UNDER_NOISE).any())
    with np.errstate(divide="ignore"):
        growth = np.clip(np.log(diagram.chi_1), -50.0, 50.0)
    ax.contourf(x, y, growth.T, [-np.inf, 0, np.inf], colors=[ORDERED, CHAOTIC])
    if not bounded.all():
        area = ax.contourf(x, y, np.where(bounded, 0.0, 1.0).T, [0.5, 1.5], colors=[UNBOUNDED], hatches=["///"])
        area.set(edgecolor="#bbbbbb", linewidth=0)
    label = r"$\chi_1 = 1$: gradients keep their size" if noisy else r"critical line, $\chi_1 = 1$"
    _critical(ax, x, y, np.where(_leaps(growth, bounded) & ~bounded, np.nan, growth), critical_line, label)
    numbers = _depths(ax, x, y, np.where(bounded, growth, np.nan), diagram.xi_c)
    ax.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()), xlabel=r"$\sigma_w$", ylabel=r"$\sigma_b$")
    ax.locator_params(axis="x", nbins=6)
    legend_above(ax, plain(diagram.label), 2)
    if (layout := ax.figure.get_layout_engine()) is not None:  # words are placed by the size that the Axes will have
        layout.execute(ax.figure)
    words = [_label(ax, x, y, diagram.phase == phase, phase) for phase in np.unique(diagram.phase).tolist()]
    _apart([word for word in words if word is not None], numbers)
    return ax


def _leaps(growth: Floats, bounded: Bools) -> Bools:
    """Columns (one a sigma_b) in which ln chi_1 jumps where q becomes infinite, without crossing a critical line."""
    steps = np.abs(np.diff(growth, axis=0))
    beside = np.pad(steps, ((1, 1), (0, 0)))
    leaps = (bounded[:-1] != bounded[1:]) & (steps > 2 * np.maximum(beside[:-2], beside[2:]) + 1e-9)
    return np.asarray(leaps.any(axis=0))


def _critical(ax: Axes, x: Floats, y: Floats, growth: Floats, line: CriticalLineFields | None, label: str) -> None:
    if line is not None and len(line) > 1:
        draw_line(
            ax, line, color="black", linewidth=2, label=label, unstable_label=r"$\chi_1 = 1$ with an unstable $q$"
        )
    elif np.nanmin(growth) < 0 < np.nanmax(growth):
        ax.contour(x, y, np.ma.masked_invalid(growth).T, [0.0], colors="black", linewidths=2, corner_mask=False)
        ax.plot([], [], "k-", lw=2, label=label)
    if line is not None and len(line) == 1:
        ax.plot(line.sigma_w, line.sigma_b, "ko", clip_on=False, label="critical point")


def _depths(ax: Axes, x: Floats, y: Floats, growth: Floats, xi_c: Floats) -> list[Any]:
    """Contours of xi_c by those of sign(ln chi_1)/xi_c, which is smooth at the critical line; returns their numbers."""
    signed = np.sign(growth) / xi_c
    depths = {sign / depth: f"{depth:g}" for depth in DEPTHS for sign in (-1, 1)}
    beside = {level: np.mean((signed * level > 0) & (np.abs(signed) < abs(level))) for level in depths}
    levels = sorted(at for at in depths if np.nanmin(signed) < at < np.nanmax(signed) and beside[at] > SMALLEST)
    if levels:
        lines = ax.contour(
            x, y, np.ma.masked_invalid(signed).T, levels, colors="#555555", linewidths=0.7, linestyles="-"
        )
        name = r"depth scale $\xi_c$ (layers)" if _wide(ax) else r"$\xi_c$ (layers)"
        ax.plot([], [], "-", color="#555555", lw=0.7, label=name)
        return list(ax.clabel(lines, fmt=depths, fontsize="x-small"))
    return []


def _apart(words: list[Any], numbers: list[Any]) -> None:
    """Hide the numbers of contours that words would cover, also if the Axes shrink a little later on."""
    for number in numbers:
        extent = number.get_window_extent().expanded(SPACE, SPACE)
        if any(extent.overlaps(word.get_window_extent().expanded(PADDED, PADDED)) for word in words):
            number.set_visible(False)


def _label(ax: Axes, x: Floats, y: Floats, where: Bools, text: str) -> Any:
    """Write `text` into the region as far from its boundary as possible, vertically if it fits no other way."""
    from scipy.ndimage import binary_erosion, distance_transform_edt

    if where.mean() < SMALLEST:
        return None
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "boxstyle": "round,pad=0.25"}
    label = ax.text(x[0], y[0], text, ha="center", va="center", bbox=box, fontsize="medium" if _wide(ax) else "small")
    size, inside = label.get_window_extent(), np.pad(where, 1)
    fits = {0: inside}
    for rotation, (wide, high) in {90: (size.height, size.width), 0: (size.width, size.height)}.items():
        cells = (int(PADDED * wide / ax.bbox.width * x.size) | 1, int(PADDED * high / ax.bbox.height * y.size) | 1)
        if (room := binary_erosion(inside, np.ones(cells, dtype=bool))).any():
            fits = {rotation: room}
    ((rotation, room),) = fits.items()
    far = distance_transform_edt(
        inside, sampling=(3 / x.size, 1 / y.size)
    )  # distances along x count more, since text is wide
    i, j = np.unravel_index(np.argmax(np.where(room, far, 0)[1:-1, 1:-1]), where.shape)
    label.set(position=(x[i], y[j]), rotation=rotation)
    return label


def _wide(ax: Axes) -> bool:
    return bool(ax.bbox.width / ax.figure.dpi > NARROW)
