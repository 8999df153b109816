"""The figure of an audit: second moments and squared gradients by module, beside theory and bands."""

from collections.abc import Sequence

import numpy as np

from meanfield._types import Axes
from meanfield.audits.row import Row
from meanfield.plotting.axes import COLOURS, GREY, axes_for, plain

PANELS = (
    ("second moment", "second_moment", "predicted_second_moment"),
    ("squared gradient", "gradient", "predicted_gradient"),
)
MOST = 40  # modules whose names fit under the axis


def draw(rows: Sequence[Row], axes: Axes, *, label: str | None, title: str) -> Axes:
    """Draw two panels over the modules that ran: measured values, theory, and bands of redrawn weights."""
    shown = [row for row in rows if row.second_moment > 0 or row.gradient > 0]
    axes = axes_for(axes, size=(8.0, 6.4), rows=2)
    x = np.arange(len(shown))
    for ax, (name, field, predicted) in zip(axes, PANELS, strict=True):
        bands = np.array([(row.bands or {}).get(name, (np.nan, np.nan)) for row in shown]).reshape(-1, 2)
        if np.isfinite(bands).any():
            ax.vlines(x, *bands.T, color=GREY, linewidth=3, alpha=0.45, label="weights of the same scales")
        theory = np.array([getattr(row, predicted) for row in shown])
        if np.isfinite(theory).any():
            ax.plot(x, theory, "_", color=COLOURS[1], markersize=9, markeredgewidth=2, label="theory")
        ax.plot(
            x,
            [getattr(row, field) or np.nan for row in shown],
            "o",
            color=COLOURS[0],
            markersize=3.5,
            label=label or "model",
        )
        ax.set_yscale("log")
        ax.set_ylabel(name)
    axes[0].set_title(plain(title), pad=24)
    axes[0].legend(fontsize="small", frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    step = max(1, -(-len(shown) // MOST))
    axes[1].set_xticks(x[::step], [plain(row.module) for row in shown[::step]], rotation=90, fontsize="x-small")
    return axes
