"""Weights whose scale differs from the scale of their like."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import numpy as np
from scipy import special

from meanfield.audits.finding import Finding
from meanfield.audits.weight import Weight

LEAST = math.log(1.05)  # ratio of scales below which no finding is made
AGREE = 1e-4  # p-value below which scales of the others are not one scale
FLOOR = 1e-3  # relative error that rounding to half precision makes
#: Standard deviations times these are equal for the weights of one scheme.
NORMALISERS: dict[str, Callable[[Weight], float]] = {
    "std": lambda weight: 1.0,
    "std·√fan_in": lambda weight: math.sqrt(weight.fan_in),
    "std·√fan_out": lambda weight: math.sqrt(weight.fan_out),
    "std·√(fan_in + fan_out)": lambda weight: math.sqrt(weight.fan_in + weight.fan_out),
}
ROLES = ("hidden", "residual_out", "scaled_out", "attention", "recurrent")


def pattern(name: str) -> str:
    """A name with its numbers replaced.

    Examples
    --------
    >>> pattern("blocks.11.mlp.fc1.weight")
    'blocks.#.mlp.fc1.weight'
    """
    return re.sub(r"(?<![^.])\d+(?![^.#])", "#", name)


def unlike_their_like(weights: Sequence[Weight], alpha: float) -> Iterator[Finding]:
    """A weight whose scale differs while all others of its name, numbers aside, have one scale.

    The scale is compared under every normaliser under which the others agree: a fixed standard deviation, or one that
    falls with a fan. Weights of groups with fewer than three members are compared with all of their role that read the
    same activation.
    """
    members = [w for w in weights if w.role in ROLES and w.std > 0 and math.isfinite(w.error)]
    groups = _grouped(members, lambda w: (pattern(w.name), w.role, _activation(w)))
    small = [w for group in groups if len(group) < 3 for w in group]
    groups = [group for group in groups if len(group) >= 3]
    groups += [group for group in _grouped(small, lambda w: (w.role, _activation(w))) if len(group) >= 3]
    limit = -float(special.ndtri(0.5 * alpha / max(len(members), 1)))
    for group in groups:
        for i, weight in enumerate(group):
            ratio = _ratio(weight, group[:i] + group[i + 1 :], limit)
            if ratio is not None:
                yield Finding(
                    weight.module,
                    "scale",
                    "error",
                    f"the scale of {weight.name} is {ratio:.3g} times the scale of the {len(group) - 1} others like it "
                    f"({group[i - 1].name}, …): std {weight.std:.4g}, {weight.std / ratio:.4g} would be right",
                )


def _grouped(weights: Sequence[Weight], key: Callable[[Weight], tuple[str, ...]]) -> list[list[Weight]]:
    ordered = sorted(weights, key=lambda w: (key(w), w.order))
    return [list(group) for _, group in groupby(ordered, key)]


def _activation(weight: Weight) -> str:
    return weight.activation.name if weight.activation else weight.behind


def _ratio(weight: Weight, others: Sequence[Weight], limit: float) -> float | None:
    """The scale of a weight relative to the others, if they agree with each other and not with it."""
    ratios = []
    errors = np.array([max(one.error, FLOOR) for one in others])
    for normaliser in NORMALISERS.values():
        logs = np.array([math.log(one.std * normaliser(one)) for one in others])
        mean = float(np.average(logs, weights=errors**-2))
        if special.chdtrc(len(others) - 1, float(np.sum(((logs - mean) / errors) ** 2))) < AGREE:
            continue
        own = math.log(weight.std * normaliser(weight)) - mean
        error = math.hypot(max(weight.error, FLOOR), float(np.sum(errors**-2) ** -0.5))
        if abs(own) <= max(LEAST, limit * error):
            return None
        ratios.append(own)
    return math.exp(min(ratios, key=abs)) if ratios else None
