"""Signal and gradient at depth for every activation under every initialisation scheme."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.activations.resolve import activation
from meanfield.arguments import positive, whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, MeanFieldError, shown
from meanfield.initializers.catalogue import SCHEMES
from meanfield.initializers.initializer import WIDEST, Initializer
from meanfield.initializers.lsuv import DataDrivenInitializer
from meanfield.initializers.resolve import initializer, named_scheme
from meanfield.initializers.signal_at_depth import SignalAtDepth, rescaled_signal_at_depth, signal_at_depth
from meanfield.networks.block import mlp
from meanfield.theory.fixed_points.stability import stability
from meanfield.theory.fixed_points.variance import fixed_points

__all__ = ["ACTIVATIONS", "IN_TABLE", "SchemeRow", "scheme_table", "verdict"]

ACTIVATIONS = (
    "linear", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "tanh", "erf", "sigmoid", "sin",
)  # fmt: skip
#: The default schemes: those for plain networks; fixed laws have Keras' standard deviation.
IN_TABLE = (
    "xavier_normal", "xavier_uniform", "lecun_normal", "lecun_uniform", "orthogonal", "delta_orthogonal",
    "he_normal", "he_uniform", "he_normal:activation", "lsuv", "critical", "torch_linear",
    "gpt2", "normal:std=0.05", "uniform:bound=0.05", "truncated_normal:std=0.05,convention=uncorrected", "sparse",
)  # fmt: skip
OWN_GAIN = ":activation"  # suffix of a scheme's name: the scheme with the activation's own gain

DEEPEST = 1_000_000  # layers; a layer before convergence costs a millisecond
DEPTHS, WIDTH = (10, 50, 200), 1024
MUCH = 1e3  # factor beyond which signal or gradient vanish or explode: 3.5 % a layer over 200 layers


@dataclass(frozen=True)
class SchemeRow:
    """One activation under one scheme, in theory at infinite width.

    Attributes
    ----------
    activation : str
        Name of the activation.
    parameters : mapping of str to float
        Parameters of the activation.
    scheme : str
        Name of the scheme, as given.
    sigma_w, sigma_b : float or None
        Standard deviations at fan_in = fan_out = width; None if the scheme does not exist for the activation.
    depths : tuple of int
        Layers.
    q : tuple of float
        Second moments of the pre-activations at these layers; `inf` on overflow.
    gradient : tuple of float
        Mean squared gradient of layer 0 relative to these layers; `inf` on overflow and if φ jumps.
    verdict : str
        Fate of signal and gradient at the last depth: see `verdict`.
    reason : str
        Reason of an infinite or missing number; else what every fixed point does to q, where q stays at one that
        repels; else the q that the scheme is designed for, if different, and what the fixed points do to q; else "".
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


@own_error_state
def scheme_table(
    activations: Any = ACTIVATIONS,
    schemes: str | Iterable[str] = IN_TABLE,
    *,
    depths: int | Sequence[int] = DEPTHS,
    width: int = WIDTH,
    q: float = 1.0,
) -> tuple[SchemeRow, ...]:
    """Signal and gradient of a fully connected network at depth, by activation and initialisation scheme.

    Parameters
    ----------
    activations : str, callable or Activation, or iterable of them
        A dozen by default.
    schemes : str or iterable of str
        Names for `meanfield.initializer`, with parameters after a colon; ``"he_normal:activation"`` is the scheme with
        each activation's own gain. "critical" and "lsuv" always depend on the activation.
    depths : int or sequence of int
        Layers, ≥ 1.
    width : int
        Units of every layer, ≥ 1; relevant to schemes of a fixed standard deviation.
    q : float
        Second moment of the pre-activations at layer 0, > 0.

    Returns
    -------
    tuple of SchemeRow
        By activation, then scheme.

    Raises
    ------
    InvalidInput
        If an argument is out of range or a scheme does not exist. A scheme that does not exist for an activation has
        a row with the reason.
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
    phis = [activation(spec) for spec in _several(activations)]
    return tuple(row for phi in phis for row in _rows(phi, makers, layers, width, float(start)))


def _several(things: Any) -> Iterable[Any]:
    """An iterable of `things`; a single thing or a text counts as one."""
    several = isinstance(things, Iterable) and not isinstance(things, str) and getattr(things, "ndim", 1) > 0
    return things if several else (things,)


def verdict(signal: float, gradient: float) -> str:
    """The fate of signal and gradient: "keeps" if neither changes by more than a factor of 1000.

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
    """The function from activations to initializers for a scheme; raises at once if the name is invalid."""
    if not isinstance(name, str):
        raise InvalidInput(f"a scheme is a name, as 'he_normal', not {shown(name)}")
    base = name.removesuffix(OWN_GAIN)
    if base == name and not SCHEMES[named_scheme(name)[0]].activation:
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
    """The rows of one activation; schemes with the same sigmas share their computation."""
    runs: dict[tuple[float, float], SignalAtDepth] = {}
    key = phi.name, dict(phi.parameters)
    jumps = f"{phi.name} jumps, so its gradient is infinite" if phi.jumps and phi.surrogate is None else ""
    for name, make in makers.items():
        try:
            made = make(phi)
            sigmas = made.sigma_w_at(width, width), made.sigma_b_at(width, width)
            if isinstance(made, DataDrivenInitializer):
                run = rescaled_signal_at_depth(phi, depths[-1], q)
            else:
                run = runs[sigmas] = runs.get(sigmas) or signal_at_depth(mlp(phi, *sigmas), depths[-1], q)
        except MeanFieldError as error:
            yield SchemeRow(*key, name, None, None, depths, (), (), "-", str(error))
            continue
        signal, gradient = (tuple(float(values[depth]) for depth in depths) for values in (run.q, run.gradient))
        told = verdict(signal[-1] / q, gradient[-1])
        aim = made.constants.get("q", 0.0)
        elsewhere = f"critical at q = {aim:.6g}, not at {q:g}" if aim > 0 and not math.isclose(aim, q) else ""
        sides = stability(fixed_points(mlp(phi, *sigmas))) if aim > 0 else ""
        aside = "; ".join(filter(None, (elsewhere, sides)))
        yield SchemeRow(*key, name, *sigmas, depths, signal, gradient, told, run.remark or jumps or aside)
