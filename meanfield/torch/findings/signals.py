"""Activations that are saturated, and parameters at which no gradient arrives."""

from collections.abc import Iterator

from meanfield.audits.finding import Finding
from meanfield.torch.trace import Pass
from meanfield.torch.wiring import Wiring

SATURATED = {"tanh": 0.9, "sigmoid": None}  # mean square of the output, or of the input
FLAT = 36.0  # mean square of a sigmoid's input at which it is flat


def saturated(wiring: Wiring) -> Iterator[Finding]:
    """Bounded activations that give their extreme values for most inputs."""
    for call in wiring.found.calls:
        name = call.function.rstrip("_")
        if name not in SATURATED or not call.gives or not call.reads:
            continue
        before, after = wiring.found.signals[call.reads[0]], wiring.found.signals[call.gives[0]]
        flat = after.second_moment > 0.9 if name == "tanh" else before.second_moment > FLAT
        if flat:
            q = before.second_moment
            text = f"{name} is saturated: its input has a second moment of {q:.3g}, about 1 would be right"
            yield Finding(call.module, "saturated", "warning", text)


def without_gradient(found: Pass, explained: bool) -> Iterator[Finding]:
    """Parameters that the output does not depend on."""
    if names := found.without_gradient:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        text = f"no gradient arrives at {names[0]}{more}: the output does not depend on it"
        yield Finding(names[0].rpartition(".")[0], "no gradient", "warning", text)
    if not explained and (zero := found.zero_gradient):
        more = f" and {len(zero) - 1} more" if len(zero) > 1 else ""
        text = f"the gradient of {zero[0]}{more} is exactly 0: nothing that it multiplies reaches the output"
        yield Finding(zero[0].rpartition(".")[0], "no gradient", "warning", text)
