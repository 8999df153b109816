"""A one-dimensional map with its fixed points and the staircase of an orbit."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield.plotting.axes import COLOURS, GREY, axes_for

__all__ = ["draw_map"]


def draw_map(
    ax: Any,
    x: ArrayLike,
    mapped: ArrayLike,
    symbol: str,
    fixed_points: Iterable[tuple[float, bool]],
    orbit: ArrayLike | None,
) -> Any:
    """The map, the diagonal, its fixed points (filled if stable) and the cobweb of `orbit`; returns the Axes."""
    ax = axes_for(ax, (4.6, 4.4))
    x = np.asarray(x, dtype=float)
    ax.plot(x, x, color=GREY, linewidth=0.9, linestyle="--", label="identity")
    ax.plot(x, mapped, color=COLOURS[0], linewidth=2, label=f"${symbol}$ one layer deeper")
    if orbit is not None:
        steps = np.repeat(np.asarray(orbit, dtype=float), 2)
        ax.plot(steps[:-1], steps[1:], color=COLOURS[1], linewidth=0.9, label="orbit, layer by layer")
        ax.plot(steps[:1], steps[1:2], "s", color=COLOURS[1], markersize=4)
    for stable in (True, False):
        at = [value for value, is_stable in fixed_points if is_stable is stable and x.min() <= value <= x.max()]
        if at:
            label = f"{'stable' if stable else 'unstable'} fixed point{'s' if len(at) > 1 else ''}"
            face = "black" if stable else "white"
            ax.plot(
                at, at, "o", color="black", markerfacecolor=face, clip_on=False, linestyle="none", label=label, zorder=3
            )
    ax.set(xlim=(x.min(), x.max()), xlabel=f"${symbol}$ at a layer", ylabel=f"${symbol}$ at the next layer")
    ax.set_ylim(bottom=min(x.min(), np.min(mapped)))
    ax.legend(frameon=False, fontsize="small")
    return ax
