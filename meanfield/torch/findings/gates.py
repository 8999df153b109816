"""Gates: two matrices that read one signal and whose outputs are multiplied, as in SwiGLU."""

import math
from collections.abc import Iterator

from scipy import special

from meanfield.audits.finding import Finding
from meanfield.audits.scales import FLOOR, LEAST
from meanfield.audits.weight import Weight
from meanfield.torch.activation_calls import ELEMENTWISE
from meanfield.torch.trace import Call
from meanfield.torch.wiring import CONVOLUTIONS, LINEAR, PRODUCTS, Wiring

GATE = math.log(1.5)  # ratio of the two matrices of a gate that is an error


def unequal_gates(pairs: Iterator[tuple[Weight, Weight]], alpha: float) -> Iterator[Finding]:
    """The two matrices of a gate, which read the same signal and are multiplied, with different scales."""
    limit = -float(special.ndtri(0.5 * alpha))
    for one, other in pairs:
        if not (one.std > 0 and other.std > 0):
            continue
        log = math.log(one.std / other.std)
        if abs(log) > max(LEAST, limit * math.hypot(one.error, other.error, FLOOR)):
            low, high = (one, other) if log < 0 else (other, one)
            yield Finding(
                low.module,
                "gate",
                "error" if abs(log) > GATE else "warning",
                f"{low.name} and {high.name} read the same signal and are multiplied, but their standard deviations "
                f"are {low.std:.4g} and {high.std:.4g}: a gate's two matrices have one scale",
            )


def read_together(weights: tuple[Weight, ...], wiring: Wiring) -> Iterator[tuple[Weight, Weight]]:
    """Pairs of matrices of one shape that read one signal and whose outputs are multiplied, as in SwiGLU."""
    calls = {
        name: call for call in wiring.found.calls if call.function in LINEAR | CONVOLUTIONS for name in call.parameters
    }
    hidden = [w for w in weights if w.role == "hidden" and w.name in calls]
    for i, one in enumerate(hidden):
        for other in hidden[i + 1 :]:
            alike = one.reads == other.reads and one.shape == other.shape
            if alike and _meet_in_product(wiring, calls[one.name], calls[other.name]):
                yield one, other


def _meet_in_product(wiring: Wiring, one: Call, other: Call) -> bool:
    first, second = (set(_behind(wiring, call)) for call in (one, other))
    for call in wiring.found.calls:
        if call.function in PRODUCTS and len(set(call.reads)) == 2:
            a, b = call.reads[:2]
            if (a in first and b in second) or (a in second and b in first):
                return True
    return False


def _behind(wiring: Wiring, call: Call) -> Iterator[int]:
    """The signals behind a call, through functions of one signal."""
    todo = list(call.gives)
    while todo:
        number = todo.pop()
        yield number
        for reader in wiring.readers.get(number, []):
            if wiring.passes_on(reader) or (reader.function in ELEMENTWISE and wiring.reads_only_one(reader)):
                todo += reader.gives
