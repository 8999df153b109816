"""Colours, markers and dashes of all figures, and the making of Axes, legends and labels."""

import sys
from textwrap import fill

from meanfield._types import Axes

# Okabe & Ito 2008: distinguishable with any colour vision; neighbours in this order also differ in lightness.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = "os^Dv<>PX*"  # distinguish lines in greyscale
Dash = str | tuple[int, tuple[float, ...]]
DASHES: tuple[Dash, ...] = ("-", "--", "-.", (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5, 1, 1.5)), (0, (8, 3)), (0, (3, 1)))
GREY = "#6e6e6e"
ROOM = 1.05  # final width of the Axes relative to the width before layout, whose margins are larger


def axes_for(ax: Axes, size: tuple[float, float] = (5.2, 4.0), rows: int = 1, columns: int = 1) -> Axes:
    """`ax` itself, or new Axes (an array if there are several) on a figure of `size` inches; ``.figure`` is the figure.

    Axes in one column share the x axis, Axes in one row share the y axis.

    The figure is a pyplot figure only if pyplot is imported already, so that a notebook shows it; otherwise no global
    state changes and no display is needed.
    """
    if ax is not None:
        return ax
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        figure = pyplot.figure(figsize=size, layout="constrained")
    else:
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
    return figure.subplots(rows, columns, sharex="col", sharey="row")


def legend_above(ax: Axes, title: str, columns: int) -> Axes:
    """A legend with a title above the frame, in at most `columns` columns and no wider than the Axes."""
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


def outer_xlabels(axes: Axes) -> None:
    """Remove the x labels of all Axes except the lowest ones."""
    for ax in axes:
        if (place := ax.get_subplotspec()) is not None and not place.is_last_row():
            ax.set_xlabel("")


def plain(text: str) -> str:
    """Text from the data with dollar signs escaped, shortened to 60 characters."""
    return (text if len(text) <= 60 else f"{text[:57]}…").replace("$", r"\$")
