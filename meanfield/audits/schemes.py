"""Weights against named schemes: mistaken fans, gains of other activations, branches without depth scaling."""

import math
from collections.abc import Iterator, Sequence

from meanfield.activations.gains import gain
from meanfield.audits.finding import Finding
from meanfield.audits.scales import FLOOR, ROLES, pattern
from meanfield.audits.weight import Weight
from meanfield.errors import InvalidInput, MeanFieldError, shown
from meanfield.initializers.resolve import initializer

NEAR = 3.0  # standard errors within which a scale is the scale of a scheme
ALLOWED = 0.005  # relative difference from a scheme that is not counted
MOST = 0.6  # share of the hidden weights that have one standard deviation if the scheme is a fixed one
BIASED = 0.05  # sigma_b² above which the gain at q = 1 is not the scale that keeps q
FEWEST = 4  # residual branches from which on depth scaling matters
GAINS = {"He's gain for ReLU, √2": math.sqrt(2.0), "torch's gain for tanh, 5/3": 5 / 3}
SQUARES = {"he_normal": 2.0, "lecun_normal": 1.0, "torch_linear": 1.0 / 3.0}


def _near(weight: Weight, std: float) -> bool:
    return abs(math.log(weight.std / std)) <= NEAR * math.hypot(weight.error, FLOOR) + ALLOWED


def fixed_scale(weights: Sequence[Weight]) -> float | None:
    """The standard deviation that hidden weights of different fans share, as 0.02; None if it depends on fans."""
    hidden = [w for w in weights if w.role in ("hidden", "attention") and w.std > 0]
    if len({w.fan_in for w in hidden}) < 2 and len({w.fan_out for w in hidden}) < 2:
        return None
    common = sorted(w.std for w in hidden)[len(hidden) // 2]
    return common if all(_near(w, common) for w in hidden) else None


def missed_weights(weights: Sequence[Weight]) -> Iterator[Finding]:
    """Hidden weights with another scale, where most have one standard deviation, as 0.02, whatever their fans are."""
    hidden = [w for w in weights if w.role in ("hidden", "attention") and w.std > 0 and not math.isnan(w.error)]
    same = max(([w for w in hidden if _near(w, one.std)] for one in hidden), key=len, default=[])
    one_shape = len({w.fan_in for w in same}) + len({w.fan_out for w in same}) < 3
    if len(same) < max(MOST * len(hidden), 3) or (one_shape and (_is_right(same[0]) or _mistake(same[0]))):
        return
    common = sorted(w.std for w in same)[len(same) // 2]
    found: dict[str, list[Weight]] = {}
    for w in hidden:
        if not _near(w, common) and not any(w is one for one in same):
            found.setdefault(pattern(w.name), []).append(w)
    for missed in found.values():
        w, more = missed[0], f" and {len(missed) - 1} more" if len(missed) > 1 else ""
        severity = "note" if _is_right(w) else "warning"
        text = (
            f"{w.name}{more} has std {w.std:.4g} ({w.scheme}), while {len(same)} other hidden weights have {common:.4g}"
        )
        yield Finding(w.module, "scheme", severity, text)


def mistaken_fans(weights: Sequence[Weight]) -> Iterator[Finding]:
    """Weights whose scale is a scheme's with a mistaken fan: of a packed or grouped shape, or exchanged."""
    if fixed_scale(weights) is not None:
        return
    seen: set[tuple[str, str]] = set()
    for w in weights:
        if w.role not in ROLES or w.std <= 0 or math.isnan(w.error) or _is_right(w):
            continue
        if (mistake := _mistake(w)) is None:
            continue
        name, why = mistake
        if (pattern(w.name.partition("#")[0]), why) not in seen:
            seen.add((pattern(w.name.partition("#")[0]), why))
            square = SQUARES[name] / w.fan_in if name in SQUARES else 2.0 / (w.fan_in + w.fan_out)
            yield Finding(
                w.module,
                "fan",
                "warning",
                f"the scale of {w.name} is the scale of {name} with {why}: std {w.std:.4g}, "
                f"{math.sqrt(square):.4g} would be right for fan_in = {w.fan_in}, fan_out = {w.fan_out}",
            )


def _mistake(w: Weight) -> tuple[str, str] | None:
    """The scheme and the mistaken fans that give the scale of a weight."""
    for why, fan_in, fan_out in _wrong_fans(w):
        stds = {name: math.sqrt(square / fan_in) for name, square in SQUARES.items()}
        stds["xavier"] = math.sqrt(2.0 / (fan_in + fan_out))
        for name, std in stds.items():
            if _near(w, std):
                return name, why
    return None


def _is_right(w: Weight) -> bool:
    """Whether the scale is a named scheme's for the fans of the weight."""
    stds = [math.sqrt(square / w.fan_in) for square in SQUARES.values()]
    stds += [math.sqrt(2.0 / (w.fan_in + w.fan_out)) * gain for gain in (1.0, math.sqrt(2.0), 5 / 3)]
    return any(_near(w, std) for std in stds)


def _wrong_fans(w: Weight) -> Iterator[tuple[str, int, int]]:
    """Fans that a mistake gives, each with what the mistake is."""
    if "#" in w.name:
        yield "the fan_out of the packed matrix", w.fan_in, 3 * w.fan_out
    if w.groups > 1:
        yield f"the fan_in of all {w.groups} groups", w.groups * w.fan_in, w.groups * w.fan_out
    if w.axes.startswith("einsum:"):
        yield from _as_convolution(w)
    if w.fan_in != w.fan_out and len(w.shape) == 2 and w.role != "recurrent":
        yield "fan_in and fan_out exchanged", w.fan_out, w.fan_in


def _as_convolution(w: Weight) -> Iterator[tuple[str, int, int]]:
    """The fans that torch and Keras compute for an array of three or more axes, as if it were a kernel."""
    stored = w.stored
    if len(stored) > 2:
        field = math.prod(stored[2:])
        yield f"the fans of a convolution for the shape {stored}", stored[1] * field, stored[0] * field
        field = math.prod(stored[:-2])
        yield f"the fans of a convolution for the shape {stored}", stored[-2] * field, stored[-1] * field


def foreign_gains(weights: Sequence[Weight]) -> Iterator[Finding]:
    """Weights behind one activation with another one's gain; one finding for all weights of one name and activation."""
    found: dict[tuple[str, str, str], list[tuple[Weight, float]]] = {}
    for w in weights:
        if w.role not in ROLES or w.activation is None or w.std <= 0 or w.sigma_b**2 > BIASED:
            continue
        try:
            own = gain(w.activation).value
        except MeanFieldError:
            continue
        for words, foreign in GAINS.items():
            taken = foreign == 5 / 3 and w.activation.name == "tanh"
            if not taken and abs(math.log(own / foreign)) > 0.05 and _near(w, foreign / math.sqrt(w.fan_in)):
                found.setdefault((pattern(w.name), w.activation.name, words), []).append((w, own))
    for (_, name, words), members in found.items():
        first, own = members[0]
        more = f" and {len(members) - 1} more" if len(members) > 1 else ""
        yield Finding(
            first.module,
            "gain",
            "note",
            f"{first.name}{more} stands behind {name} and has {words}: {own:.4g} keeps the second moment at q = 1",
        )


def unscaled_branches(weights: Sequence[Weight]) -> Iterator[Finding]:
    """Residual branches whose last matrices are drawn like all others."""
    ends = [w for w in weights if w.role == "residual_out" and w.std > 0]
    common, branches = fixed_scale(weights), len({w.name for w in weights if w.role == "residual_out"})
    if common is None or branches < FEWEST or not all(_near(w, common) for w in ends) or not ends:
        return
    yield Finding(
        ends[0].module,
        "residual",
        "note",
        f"the last matrices of {branches} residual branches ({ends[0].name}, …) have the standard deviation of all "
        f"others, {common:.4g}: with depth scaling it is {common:.4g}/√{branches} = {common / math.sqrt(branches):.4g}",
    )


def unlike_expected(weights: Sequence[Weight], expect: str) -> Iterator[Finding]:
    """Weights that do not have the scale of the scheme that the user names.

    Raises
    ------
    InvalidInput
        If no scheme has that name.
    """
    if not isinstance(expect, str):
        raise InvalidInput(f"expect must be the name of a scheme, such as 'gpt2' or 'he_normal', not {shown(expect)}")
    branches = max(len({w.name for w in weights if w.role == "residual_out"}), 1)
    named = None if expect == "gpt2" else initializer(expect)
    for w in weights:
        if w.role not in ROLES or w.std <= 0:
            continue
        if named is not None:
            std, why = named.std(w.fan_out, w.fan_in), expect
        else:
            out = w.role == "residual_out"
            std, why = 0.02 / math.sqrt(branches if out else 1), f"gpt2, 0.02/√{branches}" if out else "gpt2, 0.02"
        if not _near(w, std):
            kind = "residual" if w.role == "residual_out" else "scale"
            yield Finding(w.module, kind, "error", f"{w.name} has std {w.std:.4g}, and {std:.4g} under {why}")
