"""Where figures are drawn and in which colours."""

import sys
from typing import Any

__all__ = ["COLOURS", "DASHES", "GREY", "MARKERS", "axes_for", "legend_above"]

# Okabe & Ito 2008, told apart by readers with any colour vision; in an order whose neighbours also differ in lightness.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = "os^Dv<>PX*"  # what tells lines apart in grey
DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5, 1, 1.5)), (0, (8, 3)), (0, (3, 1)))
GREY = "#6e6e6e"


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


def legend_above(ax: Any, title: str, columns: int) -> None:
    """A legend with a title above the frame, where it hides nothing."""
    title = title if len(title) <= 60 else f"{title[:57]}…"
    legend = ax.legend(
        *ax.get_legend_handles_labels(),
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        frameon=False,
        fontsize="small",
        borderaxespad=0.2,
    )
    legend.set_title(title.replace("$", r"\$"), {"weight": "bold"})
    legend.set_alignment("left")
