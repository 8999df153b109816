"""Cobweb diagram: a one-dimensional map, its fixed points and an orbit."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Axes
from meanfield.plotting.axes import COLOURS, GREY, axes_for


def draw_map(
    ax: Axes,
    x: ArrayLike,
    mapped: ArrayLike,
    symbol: str,
    fixed_points: Iterable[tuple[float, bool]],
    orbit: ArrayLike | None,
    **style: object,
) -> Axes:
    """Draw the map, the diagonal, the fixed points (filled if stable) and the cobweb of `orbit`; returns the Axes."""
    ax = axes_for(ax, (4.6, 4.4))
    x, known = np.asarray(x, dtype=float), {line.get_label() for line in ax.lines}

    def draw(*data: ArrayLike, label: str, **look: object) -> None:
        ax.plot(*data, label=None if label in known else label, **look)

    draw(x, x, color=GREY, linewidth=0.9, linestyle="--", label="identity")
    ax.plot(x, mapped, **{"color": COLOURS[0], "linewidth": 2, "label": f"${symbol}$ one layer deeper", **style})
    if orbit is not None:
        steps = np.repeat(np.asarray(orbit, dtype=float), 2)
        colour = style.get("color", COLOURS[1])
        draw(steps[:-1], steps[1:], color=colour, linewidth=0.9, label="orbit, layer by layer")
        ax.plot(steps[:1], steps[1:2], "s", color=colour, markersize=4)
    for stable in (True, False):
        at = [value for value, is_stable in fixed_points if is_stable is stable and x.min() <= value <= x.max()]
        if at:
            label = f"{'stable' if stable else 'unstable'} fixed point{'s' if len(at) > 1 else ''}"
            face = "black" if stable else "white"
            look = {"color": "black", "markerfacecolor": face, "clip_on": False, "linestyle": "none", "zorder": 3}
            draw(at, at, marker="o", label=label, **look)
    ax.set(xlim=(x.min(), x.max()), xlabel=f"${symbol}$ at a layer", ylabel=f"${symbol}$ at the next layer")
    ax.set_ylim(bottom=min(x.min(), *(np.min(line.get_ydata()) for line in ax.lines)))
    ax.legend(frameon=False, fontsize="small")
    return ax
