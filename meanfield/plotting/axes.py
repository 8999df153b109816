"""Where figures are drawn and in which colours."""

import sys
from textwrap import fill
from typing import Any

__all__ = ["COLOURS", "DASHES", "GREY", "MARKERS", "axes_for", "legend_above", "outer_xlabels", "plain"]

# Okabe & Ito 2008, told apart by readers with any colour vision; in an order whose neighbours also differ in lightness.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = "os^Dv<>PX*"  # what tells lines apart in grey
DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5, 1, 1.5)), (0, (8, 3)), (0, (3, 1)))
GREY = "#6e6e6e"
ROOM = 1.05  # widths of the Axes before the layout, which has smaller margins


def axes_for(ax: Any, size: tuple[float, float] = (5.2, 4.0), rows: int = 1, columns: int = 1) -> Any:
    """`ax` itself, or new Axes (an array if there are several) on a figure of `size` inches; ``.figure`` is the figure.

    Axes below one another share what is along x, those beside one another what is along y.

    The figure belongs to pyplot only where pyplot is in use already, so that a notebook shows it; elsewhere nothing
    global is touched and no display is needed.
    """
    if ax is not None:
        return ax
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        figure = pyplot.figure(figsize=size, layout="constrained")
    else:
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
    return figure.subplots(rows, columns, sharex="col", sharey="row")


def legend_above(ax: Any, title: str, columns: int) -> Any:
    """A legend with a title above the frame, where it hides nothing, in as many columns as the Axes have room for."""
    room = ax.bbox.width * ROOM
    for count in range(columns, 0, -1):
        legend = ax.legend(
            *ax.get_legend_handles_labels(),
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=count,
            frameon=False,
            fontsize="small",
            columnspacing=1.2,
            borderaxespad=0.2,
        )
        if legend.get_window_extent().width <= room:
            break
    legend.set_title(title, {"weight": "bold", "size": "medium" if len(title) < 30 else "small"})
    if (wide := legend.get_title().get_window_extent().width / room) > 1:
        legend.get_title().set_text(fill(title, max(int(len(title) / wide), 12)))
    legend.set_alignment("left")
    return legend


def outer_xlabels(axes: Any) -> None:
    """Take the labels along x away where more Axes follow below."""
    for ax in axes:
        if (place := ax.get_subplotspec()) is not None and not place.is_last_row():
            ax.set_xlabel("")


def plain(text: str) -> str:
    """Text that came with the data: no mathematics, and no longer than a line."""
    return (text if len(text) <= 60 else f"{text[:57]}…").replace("$", r"\$")
