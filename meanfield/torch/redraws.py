"""The model with its weights drawn anew at their own scale: what random networks of these scales do.

Entries change places and signs: independent entries of a symmetric law then give an exact copy of the model's own
law, whatever the law is. In large weights, whose moments no draw changes, normal entries of the same scale do.
Orthogonal matrices become other orthogonal matrices. The taps of a kernel keep their own scale each.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.audits.weight import Weight
from meanfield.torch.framework import framework
from meanfield.torch.trace import Pass, record

LARGE = 2**18  # entries from which on normal ones are drawn
BIAS = re.compile(r"(.*[._])?bias(_\w+)?")


def redrawn(
    model: Any,
    inputs: Any,
    loss: Callable[[Any], Any] | None,
    weights: Sequence[Weight],
    seeds: Sequence[int],
    at: str | None,
    noise: int,
) -> list[Pass]:
    """Passes of the model with other weights, one for each seed; the weights stay changed.

    The noise of dropout, whose seed is `noise`, is the same in all of them.
    """  # fmt: skip
    passes = []
    plan = _plan(model, weights)
    originals = {name: p.detach().clone() for name, p in model.named_parameters() if name in plan}
    torch = framework()
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, p in model.named_parameters():
                if name in plan:
                    p.copy_(_another(originals[name], plan[name], generator))
        passes.append(record(model, inputs, loss, noise, at, graph=False))
    return passes


def _plan(model: Any, weights: Sequence[Weight]) -> dict[str, tuple[str, int]]:
    """How each parameter is redrawn: "orthogonal" or "independent", and the number of parts of equal scale."""
    parts: dict[str, list[Weight]] = {}
    for weight in weights:
        parts.setdefault(weight.name.partition("#")[0], []).append(weight)
    plan = {}
    for name, p in model.named_parameters():
        if name in parts:
            of = parts[name]
            if not _independent(of):
                continue
            law = of[0].measured.scheme.law if of[0].measured else "other"
            plan[name] = ("orthogonal" if law == "orthogonal" and p.ndim == 2 else "independent", len(of))
        elif p.ndim == 1 and BIAS.fullmatch(name) and p.numel() > 1 and bool((p != p[0]).any()):
            plan[name] = ("independent", 1)
    return plan


def _independent(parts: Sequence[Weight]) -> bool:
    """Whether a parameter is a random matrix; tables of positions that a formula gives stay as they are."""
    if any(part.role in ("other",) and part.measured and part.measured.findings for part in parts):
        return False
    return all(part.std > 0 for part in parts) or len(parts) > 1


def _another(values: Any, plan: tuple[str, int], generator: Any) -> Any:
    """Other values of the law of a parameter, at its own scale."""
    torch = framework()
    kind, parts = plan
    if kind == "orthogonal":
        gain = float(torch.linalg.matrix_norm(values.detach().cpu().double(), 2))
        return torch.nn.init.orthogonal_(
            torch.empty_like(values, device="cpu", dtype=torch.float64), gain, generator=generator
        )
    if parts > 1 and values.shape[0] % parts == 0:
        return torch.cat([_another(part, (kind, 1), generator) for part in values.chunk(parts)])
    if values.numel() > LARGE:
        std = math.sqrt(float(values.float().square().mean()))
        return std * torch.randn(values.shape, generator=generator, dtype=torch.float64)
    flat = values.detach().cpu().reshape(values.shape[0] * (values.shape[1] if values.ndim > 1 else 1), -1)
    places = torch.randperm(len(flat), generator=generator)
    signs = torch.randint(2, (len(flat), 1), generator=generator) * 2 - 1
    if flat.shape[1] > 1:  # one order for each tap
        places = torch.argsort(torch.rand(flat.shape, generator=generator), dim=0)
        signs = torch.randint(2, tuple(flat.shape), generator=generator) * 2 - 1
        return (flat.gather(0, places) * signs).reshape(values.shape)
    return (flat[places] * signs).reshape(values.shape)


def logarithms(found: Pass, modules: Sequence[str]) -> Mapping[str, Floats]:
    """ln second moment, ln(1 − correlation) and ln squared gradient of each module's output; nan without one."""
    rows = np.full((3, len(modules)), np.nan)
    for i, path in enumerate(modules):
        signal = output_of(found, path)
        if signal is not None:
            rows[:, i] = signal.second_moment, 1.0 - signal.correlation, signal.gradient
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(rows)
    logs[~np.isfinite(logs)] = np.nan
    return dict(zip(("second moment", "1 - correlation", "squared gradient"), logs, strict=True))


def output_of(found: Pass, path: str) -> Any:
    """The first signal of a floating dtype that a module returns in its first call; None if there is none."""
    calls = found.modules.get(path)
    if not calls:
        return None
    return next((s for n in calls[0][1] if (s := found.signals[n]).floating), None)
