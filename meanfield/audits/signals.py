"""Signals and gradients that grow or vanish over the layers, are not finite, or differ from theory or redraws."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from meanfield.audits.finding import Finding
from meanfield.audits.row import Row
from meanfield.audits.scales import pattern

WIDE = 100.0  # the ratio that is a warning
WIDEST = 1000.0  # ratio of second moments, or of squared gradients, of layers of one name that is an error
LEFT_OUT = ("head", "embedding", "embedding and head", "other")


def not_finite(rows: Sequence[Row]) -> Iterator[Finding]:
    """The first module whose output is not finite, and the last whose gradient is not."""
    bad = next((row for row in rows if row.shape and not math.isfinite(row.second_moment)), None)
    if bad is not None:
        yield Finding(bad.module, "not finite", "error", "its output is infinite or NaN in places")
    backwards = next((row for row in reversed(rows) if math.isinf(row.gradient)), None)
    if backwards is not None and bad is None:
        yield Finding(backwards.module, "not finite", "error", "the gradient that arrives at its output is infinite")


def leaving_the_band(rows: Sequence[Row]) -> Iterator[Finding]:
    """Second moments and squared gradients that change by more than 100 over layers of one name, branches left out."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        left_out = row.in_branch or any(w.role in LEFT_OUT or w.std == 0 for w in row.weights)
        if not left_out and row.second_moment > 0 and not row.gradient <= 0:  # nan where gradients are not measured
            groups.setdefault((pattern(row.module), row.kind), []).append(row)
    worst: dict[str, tuple[float, list[Row], dict[str, float]]] = {}
    for group in groups.values():
        for kind in ("signal", "gradient"):
            values = {row.module: _value(row, kind) for row in group}
            ratio = max(values.values()) / min(values.values())
            if len(group) > 2 and math.isfinite(ratio) and ratio > max(WIDE, worst.get(kind, (0.0,))[0]):
                worst[kind] = (ratio, group, values)
    for kind, (ratio, group, values) in worst.items():
        first, last = group[0].module, group[-1].module
        what = "the second moment" if kind == "signal" else "the squared gradient"
        end = max(values, key=lambda path: abs(math.log(values[path] / values[first if kind == "signal" else last])))
        yield Finding(
            end,
            kind,
            "error" if ratio > WIDEST else "warning",
            f"{what} changes by a factor of {ratio:.2g} over {len(group)} layers, from {values[first]:.2g} at {first} "
            f"to {values[last]:.2g} at {last}: a factor below {WIDE:g} would be right",
        )


def _value(row: Row, kind: str) -> float:
    return row.second_moment if kind == "signal" else row.gradient * math.prod(row.shape)


def unlike_redrawn(rows: Sequence[Row], threshold: float) -> Iterator[Finding]:
    """The first module at which the model differs from networks with weights of the same scales."""
    for row in rows:
        for quantity, z in (row.z or {}).items():
            if abs(z) > threshold:
                low, high = (row.bands or {})[quantity]
                own = {"second moment": row.second_moment, "squared gradient": row.gradient}
                value = own.get(quantity, 1.0 - row.correlation)
                yield Finding(
                    row.module,
                    "structure",
                    "error",
                    f"the {quantity} is {value:.3g}, and from {low:.3g} to {high:.3g} with independent weights of the "
                    f"same scales (z = {z:.1f}): the weights are not independent of each other",
                )
                return


def far_from_theory(rows: Sequence[Row], allowance: float) -> Iterator[Finding]:
    """The first module at which signal or gradient is not what theory says."""
    for row in rows:
        pairs = (
            ("second moment", row.second_moment, row.predicted_second_moment),
            ("squared gradient", row.gradient, row.predicted_gradient),
        )
        for name, value, predicted in pairs:
            if not (value > 0 and predicted > 0 and np.isfinite([value, predicted]).all()):
                continue
            low, high = (row.bands or {}).get(name, (value, value))
            width = 0.5 * math.log(high / low) if low > 0 else 0.0
            if abs(math.log(value / predicted)) > allowance + width:
                text = f"the {name} is {value:.3g}, and {predicted:.3g} in theory for weights of these scales"
                yield Finding(row.module, "theory", "warning", text)
                return
