"""Norms with a weight of zeros."""

import re
from collections.abc import Iterator
from typing import Any

from meanfield.audits.finding import Finding
from meanfield.torch.wiring import Wiring

NORM = re.compile("norm|bn", re.IGNORECASE)


def zero_norms(model: Any, wiring: Wiring) -> Iterator[Finding]:
    """Norms with a weight of zeros, which switch off a residual branch at its end and stop the signal elsewhere."""
    for path, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if not NORM.search(type(module).__name__) or weight is None or weight.ndim != 1 or bool((weight != 0).any()):
            continue
        name = f"{path}.weight"
        calls = [call for call in wiring.users(name) if call.gives]
        if not calls or any(wiring.found.signals[n].varies for call in calls for n in call.gives):
            continue  # not called, or as in formulas with 1 + weight
        if any(wiring.closes_residual(call) for call in calls):
            yield Finding(path, "zeros", "note", f"{name} is zero, so its residual branch is off at the start")
        else:
            yield Finding(
                path, "zeros", "error", f"{name} is zero, so the output is the same for all inputs: set it to 1"
            )
