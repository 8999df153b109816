"""What signal and gradient do at depth, for every activation under every scheme: where the folklore breaks."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.arguments import positive, whole
from meanfield.errors import InvalidInput, MeanFieldError
from meanfield.initializers.catalogue import SCHEMES
from meanfield.initializers.initializer import WIDEST, Initializer
from meanfield.initializers.lsuv import DataDrivenInitializer
from meanfield.initializers.resolve import found, initializer, parsed, parsed_activation
from meanfield.initializers.signal_at_depth import Course, course, course_of_rescaling
from meanfield.networks.block import mlp

__all__ = ["ACTIVATIONS", "IN_TABLE", "SchemeRow", "scheme_table", "verdict"]

ACTIVATIONS = (
    "linear", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "tanh", "erf", "sigmoid", "sin",
)  # fmt: skip
#: What the table is made of unless it is told: those for plain networks, the fixed ones at Keras' standard deviation.
IN_TABLE = (
    "xavier_normal", "xavier_uniform", "lecun_normal", "lecun_uniform", "orthogonal", "delta_orthogonal",
    "he_normal", "he_uniform", "he_normal:activation", "lsuv", "critical", "torch_linear",
    "gpt2", "normal:std=0.05", "uniform:bound=0.05", "truncated_normal:std=0.05,convention=uncorrected", "sparse",
)  # fmt: skip
OWN_GAIN = ":activation"  # after a scheme's name: with the gain of the activation

DEEPEST = 1_000_000  # layers; one at which q has not settled costs a millisecond
MUCH = 1e3  # a factor beyond which signal or gradient count as lost: 3.5 % a layer over 200


@dataclass(frozen=True)
class SchemeRow:
    """One activation under one scheme, by the theory of infinite width.

    Attributes
    ----------
    activation : str
        Its name.
    parameters : mapping of str to float
        Its parameters.
    scheme : str
        The scheme as it was asked for.
    sigma_w, sigma_b : float or None
        Standard deviations at equal fans of the table's width; None where the scheme cannot be made.
    depths : tuple of int
        Layers.
    q : tuple of float
        Second moment of the pre-activations there; `inf` where it exceeds the range of a float.
    gradient : tuple of float
        Mean squared gradient of layer 0, relative to that of the layer; `inf` where φ jumps or it exceeds that range.
    verdict : str
        "keeps", or what becomes of signal and gradient at the last depth: see `verdict`.
    reason : str
        Why a number is infinite or missing, or that q only stays where it is for want of a deviation, or that the
        scheme is meant for another q; else "".
    """

    activation: str
    parameters: dict[str, float]
    scheme: str
    sigma_w: float | None
    sigma_b: float | None
    depths: tuple[int, ...]
    q: tuple[float, ...]
    gradient: tuple[float, ...]
    verdict: str
    reason: str = ""


def scheme_table(
    activations: Any = ACTIVATIONS,
    schemes: str | Iterable[str] = IN_TABLE,
    *,
    depths: int | Sequence[int] = (10, 50, 200),
    width: int = 1024,
    q: float = 1.0,
) -> tuple[SchemeRow, ...]:
    """What becomes of signal and gradient of a fully connected network, by activation and scheme.

    Parameters
    ----------
    activations : str, callable or Activation, or iterable of them
        A dozen by default.
    schemes : str or iterable of str
        Names as `meanfield.initializer` takes them, with parameters after a colon; ``"he_normal:activation"`` is that
        scheme with each activation's own gain. "critical" and "lsuv" always see the activation.
    depths : int or sequence of int
        Layers, ≥ 1.
    width : int
        Units of every layer, ≥ 1: it matters to schemes of a fixed standard deviation.
    q : float
        Second moment of the pre-activations at layer 0, > 0.

    Returns
    -------
    tuple of SchemeRow
        By activation, then scheme.

    Raises
    ------
    InvalidInput
        If an argument is out of range or a scheme does not exist; a scheme that exists but not for that activation
        has a row that says why.
    UnknownActivation, BadActivation
        If an activation is not usable.

    Examples
    --------
    GELU with ReLU's gain loses the signal:

    >>> import meanfield as mf
    >>> row, = mf.scheme_table(["gelu"], ["he_normal"])
    >>> [f"{q:.0e}" for q in row.q], row.verdict
    (['3e-02', '3e-14', '2e-59'], 'signal and gradient vanish')
    """
    layers = tuple(sorted({whole(depth, "depth", DEEPEST) for depth in _several(depths)}))
    if not layers:
        raise InvalidInput("depths must name at least one depth, as (10, 50, 200)")
    width, start = whole(width, "width", WIDEST), positive(q, "q")
    if start.ndim:
        raise InvalidInput(f"q must be one number, not an array of shape {start.shape}")
    makers = {name: _maker(name) for name in _several(schemes)}
    phis = [parsed_activation(spec) for spec in _several(activations)]
    return tuple(row for phi in phis for row in _rows(phi, makers, layers, width, float(start)))


def _several(things: Any) -> Iterable[Any]:
    """One of them, given without a list, as a list of one."""
    return things if isinstance(things, Iterable) and not isinstance(things, str) else (things,)


def verdict(signal: float, gradient: float) -> str:
    """What becomes of both, in words: "keeps" where neither changes by more than a factor of 1000.

    Examples
    --------
    >>> verdict(1.0, 0.5), verdict(1e-9, 1e-9), verdict(0.4, float("inf")), verdict(1e-9, 1e9)
    ('keeps', 'signal and gradient vanish', 'gradient explodes', 'signal vanishes, gradient explodes')
    """
    fates = {what: _fate(factor) for what, factor in (("signal", signal), ("gradient", gradient))}
    changes = {what: fate for what, fate in fates.items() if fate}
    if len(changes) == 2 and fates["signal"] == fates["gradient"]:
        return f"signal and gradient {fates['signal']}"
    return ", ".join(f"{what} {'vanishes' if fate == 'vanish' else 'explodes'}" for what, fate in changes.items()) or (
        "keeps"
    )


def _fate(factor: float) -> str:
    return "explode" if factor > MUCH else "vanish" if factor < 1 / MUCH else ""


def _maker(name: str) -> Callable[[Activation], Initializer]:
    """From an activation to the initializer; raises at once what is wrong with the name or its parameters."""
    if not isinstance(name, str):
        raise InvalidInput(f"a scheme is a name, as 'he_normal', not {name!r:.60}")
    base = name.removesuffix(OWN_GAIN)
    if base == name and not SCHEMES[found(parsed(name)[0])[0]].activation:
        same = initializer(name)
        return lambda phi: same
    initializer(base, activation="linear")
    return lambda phi: initializer(base, activation=phi)


def _rows(
    phi: Activation,
    makers: Mapping[str, Callable[[Activation], Initializer]],
    depths: tuple[int, ...],
    width: int,
    q: float,
) -> Iterator[SchemeRow]:
    """The rows of one activation: schemes of the same sigmas share their trajectory."""
    runs: dict[tuple[float, float], Course] = {}
    key = phi.name, dict(phi.parameters)
    jumps = f"{phi.name} jumps, so its gradient is infinite" if phi.jumps else ""
    for name, make in makers.items():
        try:
            made = make(phi)
            sigmas = made.sigma_w_at(width, width), made.sigma_b_at(width, width)
            if isinstance(made, DataDrivenInitializer):
                run = course_of_rescaling(phi, depths[-1], q)
            else:
                run = runs[sigmas] = runs.get(sigmas) or course(mlp(phi, *sigmas), depths[-1], q)
        except MeanFieldError as error:
            yield SchemeRow(*key, name, None, None, depths, (), (), "-", str(error))
            continue
        signal, gradient = (tuple(float(values[depth]) for depth in depths) for values in (run.q, run.gradient))
        told = verdict(signal[-1] / q, gradient[-1])
        aim = made.constants.get("q", 0.0)
        aside = f"critical at q = {aim:.6g}, not at {q:g}" if aim > 0 and not math.isclose(aim, q) else ""
        yield SchemeRow(*key, name, *sigmas, depths, signal, gradient, told, run.remark or jumps or aside)
