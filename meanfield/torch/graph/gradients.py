"""Squared gradients backwards along the graph of a pass, summed over entries.

Each step multiplies the sum by its χ, and the readers of a signal add.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from meanfield.torch.graph.operations import Operation
from meanfield.torch.wiring import Wiring


@dataclass(frozen=True)
class Step:
    """An operation, its factors for summed squared gradients by what it reads, and why theory stops at it."""

    operation: Operation
    chi: tuple[float, ...]
    why: str = ""


def backward(wiring: Wiring, steps: Sequence[Step]) -> dict[int, float]:
    """Sums of squared gradients by signal: from the outputs backwards, from measured values where theory stops."""
    sums: dict[int, float] = {}
    unknown: set[int] = set()
    spoken: dict[int, float] = {}

    def measured(number: int) -> float:
        signal = wiring.found.signals[number]
        return float(signal.gradient) * math.prod(signal.shape)

    outputs = set(wiring.found.outputs)
    for step in reversed(steps):
        given = 0.0
        for number in step.operation.gives:
            if number in outputs or number in unknown:
                given += measured(number) if math.isfinite(measured(number)) else 0.0
            elif number in sums:
                given += sums[number]
                spoken[number] = sums[number]
        if len(step.chi) != len(step.operation.reads) and step.operation.reads:
            unknown.update(step.operation.reads)
            continue
        for number, chi in zip(step.operation.reads, step.chi, strict=False):
            sums[number] = sums.get(number, 0.0) + chi * given
    return {number: value for number, value in spoken.items() if number not in unknown}
