"""Fixed points, stability and depth scales of a repeated block: q*, c*, χ and ξ."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meanfield._types import Axes, Bools, Floats
from meanfield.arguments import positive
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.numerics.solve.far_fixed_points import LEAST, MOST
from meanfield.reports.nonfinite import Explained, Reasons
from meanfield.reports.numbers import number, numbers
from meanfield.reports.report import Report, Table
from meanfield.theory.assumptions.block import Block
from meanfield.theory.assumptions.tokens import start_of
from meanfield.theory.fixed_points.correlation import INFINITE, slope_at_one, stable_c
from meanfield.theory.fixed_points.depth_scales import CRITICAL, depth_scale
from meanfield.theory.fixed_points.finite_variance import largest_q, resolved_to
from meanfield.theory.fixed_points.maps import signal_map
from meanfield.theory.fixed_points.phases import PHASES, TOKEN_PHASES, phases, token_phases
from meanfield.theory.fixed_points.stable_variance import stable_and_multiple_q
from meanfield.theory.layer_maps import two_points
from meanfield.theory.states import Pair
from meanfield.theory.tokens.settled import settled_tokens

__all__ = ["Analysis", "analyze"]


MEANING = {
    "q_star": "second moment reached from q = 1",
    "chi_parallel": "slope of the variance map there",
    "chi_1": "growth of squared gradients a layer",
    "c_star": "limiting correlation of two inputs",
    "chi_c": "slope of the correlation map there",
    "xi_q": "depth scale of the second moment, layers",
    "xi_c": "depth scale of the correlation, layers",
    "xi_gradient": "depth scale of gradients, layers; negative: they grow",
}
OF_TOKENS = {
    "c_star": "limiting correlation of the tokens of a sequence",
    "chi_c": "rate at which that correlation settles",
}
FIELDS = (*MEANING, "phase")
UNSETTLED = "the second moments of tokens do not settle: follow them with propagate(block, depth, tokens=…)"
BEYOND = "q is unbounded, and the moments there exceed the range of a float"


@dataclass(frozen=True, repr=False)
class Analysis(Explained):
    """Fixed points, stability and depth scales of a repeated block; arrays of the broadcast shape of its sigmas.

    Attributes
    ----------
    q_star : ndarray
        The fixed point of the variance map that is reached from q = 1, or the `q` given; 0 if the signal dies out, inf
        if it is unbounded.
    chi_parallel : ndarray
        dq′/dq at q_star.
    chi_1 : ndarray
        Growth factor a layer of the mean squared gradient of one input; for an MLP also the slope of the correlation
        map at c = 1. Infinite where the activation jumps. With a surrogate derivative it is of the surrogate, and all
        else of the activation itself, as if it had none.
    c_star : ndarray
        The stable fixed point of the correlation map, in [−1, 1]; nan where an unbounded q takes the moments beyond
        floats.
    chi_c : ndarray
        Slope of the correlation map at c_star.
    xi_q, xi_c : ndarray
        Depth scales of second moment and correlation, −1/ln|chi_parallel| and −1/ln|chi_c|, in layers; inf at
        criticality.
    xi_gradient : ndarray
        −1/ln chi_1, in layers; negative where gradients grow.
    phase : ndarray of str
        "ordered" (chi_1 < 1), "critical", "chaotic" (chi_1 > 1) or "unbounded" (q grows without limit). With a
        surrogate derivative the slope of the correlation map at c = 1 decides, not chi_1. Where noise parts equal
        inputs, correlations settle at c_star < 1 whatever chi_1 is, and the phase is about gradients alone: "vanishing"
        (chi_1 < 1), "balanced" or "exploding" (chi_1 > 1).
    not_finite : dict of str to ndarray of str
        Why numbers are infinite or nan: by field, a reason or "" for each entry. Fields that are finite everywhere are
        left out.
    """

    q_star: Floats
    chi_parallel: Floats
    chi_1: Floats
    c_star: Floats
    chi_c: Floats
    xi_q: Floats
    xi_c: Floats
    xi_gradient: Floats
    phase: NDArray[np.str_]

    meaning: ClassVar[Mapping[str, str]] = MEANING
    phases: ClassVar[Mapping[str, str]] = PHASES

    def reasons(self) -> Mapping[str, Reasons]:
        """Why numbers may be infinite or nan, by field."""
        beyond = (~np.isfinite(self.q_star), UNSETTLED if np.any(np.isnan(self.q_star)) else BEYOND)
        return {
            "q_star": [(np.isnan(self.q_star), UNSETTLED), (True, "q grows without limit")],
            "chi_parallel": [beyond, (True, "the variance map is infinitely steep at q_star")],
            "chi_1": [beyond, (True, "the activation jumps, so squared gradients are infinite")],
            "c_star": [beyond],
            "chi_c": [beyond, (True, "the correlation map is infinitely steep at c_star")],
            "xi_q": [(True, "chi_parallel is 1 or -1, so q settles more slowly than exponentially")],
            "xi_c": [(True, "chi_c is 1, so correlations settle more slowly than exponentially")],
            "xi_gradient": [(True, "chi_1 is 1, so gradients keep their size")],
        }

    def report(self) -> Report:
        """Every number with its meaning; of several networks the ranges, and how many are in each phase."""
        values = {name: np.asarray(getattr(self, name)) for name in MEANING}
        if np.shape(self.phase) == ():
            phase = str(self.phase)
            rows = [(name, number(value.item(), 10), self.meaning[name]) for name, value in values.items()]
            return [Table((), (*rows, ("phase", phase, self.phases[phase]))), *self.why()]
        names, counts = np.unique(self.phase, return_counts=True)
        rows = [(name, numbers(value), self.meaning[name]) for name, value in values.items()]
        told = ", ".join(f"{count} {name}" for name, count in zip(names.tolist(), counts.tolist(), strict=True))
        return [f"{np.size(self.phase)} networks: {told}.", Table((), tuple(rows))]

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw the correlation map of one network at q_star, with c_star and an orbit; returns the Axes.

        Raises
        ------
        InvalidInput
            If this is of several networks, or was loaded without its block, or q_star is 0 or infinite.
        """
        if not isinstance(self.of, Block) or np.shape(self.phase) != () or not 0 < self.q_star < np.inf:
            raise InvalidInput(
                "plot draws the correlation map of one network whose q_star is positive and finite, as analyze gave "
                "it; phase_diagram draws many networks, plot_depth_scales one family"
            )
        from meanfield.plotting.axes import named
        from meanfield.plotting.correlation_map import plot_correlation_map

        correlations = np.linspace(-1.0, 1.0, 101)
        pairs = Pair.at(np.full(101, self.q_star), self.q_star * (1.0 - correlations))
        mapped = 1.0 - two_points(self.of, pairs).one_minus_c
        look = {} if label is None else {"label": label}
        return named(plot_correlation_map(correlations, mapped, ax, c_star=float(self.c_star), **look), label, title)


@dataclass(frozen=True, repr=False)
class TokenAnalysis(Analysis):
    """An `Analysis` of the exchangeable tokens of one sequence.

    q_star and c_star are what second moment and correlation of tokens settle at together, and chi_parallel and chi_c
    the rates at which they do. In phases "vanishing" and "exploding" what gradients do differs from what tokens do:
    they vanish although tokens stay apart, or explode although tokens become equal.

    Attributes
    ----------
    tokens : int
        Their number.
    """

    tokens: int

    meaning = MEANING | OF_TOKENS
    phases = PHASES | TOKEN_PHASES

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Refused with `InvalidInput`: the correlation of tokens has a map of its own at each q."""
        raise InvalidInput("the correlation of tokens is drawn by propagate(block, depth, tokens=…).plot()")


@own_error_state
def analyze(block: Any, *, q: ArrayLike = 1.0, tokens: int | None = None, token_c: float | None = None) -> Analysis:
    """Fixed points, stability and depth scales of a block repeated in depth.

    Parameters
    ----------
    block : Network or activation
        A bare activation means ``mlp(activation)``, with sigma_w = 1 and sigma_b = 0.
    q : float
        Second moment that signals start from, in [1e-300, 1e300]: of several fixed points the one reached from there is
        described.
    tokens : int, optional
        Tokens T ≥ 2 of a sequence. The analysis is then of one sequence of exchangeable tokens: c_star is the
        correlation of its tokens and chi_1 the growth of their gradients, which attention correlates. Causal attention
        is taken as if each token read all of them. Without it, all tokens of a sequence are equal, and c_star is the
        correlation of two such sequences.
    token_c : float, optional
        Correlation of any two tokens to start from, in [−1/(T − 1), 1]; 0.5 by default.

    Returns
    -------
    Analysis
        Arrays of the broadcast shape of the block's sigmas; of scalar sigmas `numpy.float64`, and `phase` a str.

    Raises
    ------
    InvalidInput
        If `q` is out of range, or the block's second moments do not determine what it does.

    References
    ----------
    Poole et al. 2016 (arXiv:1606.05340), eqs. 3–9; Schoenholz et al. 2017 (arXiv:1611.01232), eqs. 7–9 and 18.

    Examples
    --------
    >>> import meanfield as mf
    >>> a = mf.analyze(mf.mlp("tanh", 1.3, 0.3))
    >>> print(f"{a.q_star:.12f} {a.chi_1:.12f} {a.xi_c:.6f} {a.phase}")
    0.607046791909 0.939807428682 16.108173 ordered
    """
    (block, start), q0 = start_of(block, tokens, token_c), start_from(q)
    if start is None:
        found = described(block, q0)[0]
    else:
        found = described_tokens(block, q0, *start)
        if np.all(np.isnan(found.q_star)):
            raise InvalidInput(UNSETTLED)
    if block.shape == ():
        plain: dict[str, Any] = {name: getattr(found, name)[()] for name in MEANING}
        plain["phase"] = found.phase.item()
        return replace(found, **plain).remembering(block)
    return found


def described_tokens(block: Block, q0: float, tokens: int, token_c: float) -> Analysis:
    """The analysis of exchangeable tokens from second moment `q0` and correlation `token_c`."""
    at = settled_tokens(block, tokens, q0, np.array(1.0 - token_c))
    lost = np.isnan(at.slopes[:, :1, :1])
    rates = np.sort(np.abs(np.linalg.eigvals(np.where(lost, 0.0, at.slopes))), axis=1)
    of_q = np.abs(at.slopes[:, 0, 0])
    swapped = np.abs(rates[:, 0] - of_q) < np.abs(rates[:, 1] - of_q)
    chi_parallel, chi_c = np.where(swapped, rates.T, rates[:, ::-1].T)
    chi_1 = np.abs(np.linalg.eigvals(np.where(lost, 0.0, at.gradients))).max(axis=1)
    chi_parallel, chi_1, chi_c = (np.where(lost[:, 0, 0], np.nan, each) for each in (chi_parallel, chi_1, chi_c))
    critical = max(CRITICAL, resolved_to(block))
    shape = block.shape
    return TokenAnalysis(
        q_star=at.q.reshape(shape),
        chi_parallel=chi_parallel.reshape(shape),
        chi_1=chi_1.reshape(shape),
        c_star=(1.0 - at.gap).reshape(shape),
        chi_c=chi_c.reshape(shape),
        xi_q=depth_scale(chi_parallel, critical).reshape(shape),
        xi_c=depth_scale(chi_c, critical).reshape(shape),
        xi_gradient=depth_scale(chi_1, critical).reshape(shape),
        phase=token_phases(at.q, chi_1, at.gap, critical).reshape(shape),
        tokens=tokens,
    )


def described(block: Block, q0: float) -> tuple[Analysis, Bools | None]:
    """The analysis of a checked block from q = `q0`, and `multiple_q` where that comes with q* (None elsewhere)."""
    q, multiple = stable_and_multiple_q(block, q0)
    return at_fixed_point(block, q), None if multiple is None else multiple.reshape(block.shape)


def at_fixed_point(block: Block, q: Floats) -> Analysis:
    """The analysis of a checked block whose networks keep their signals at `q`, flattened."""
    chi_parallel, chi_1, usable = factors(block, q)
    c, chi_c, noisy = np.full(q.size, np.nan), np.full(q.size, np.inf), np.zeros(q.size, dtype=np.bool_)
    if usable.any():
        c[usable], chi_c[usable], noisy[usable] = stable_c(block.take(np.flatnonzero(usable)), q[usable], chi_1[usable])
    parting = np.where(usable, slope_at_one(block, q, chi_1), np.inf)
    critical = max(CRITICAL, resolved_to(block))
    phase = phases(q, chi_1, parting, noisy, critical)
    shape = block.shape
    return Analysis(
        q_star=q.reshape(shape),
        chi_parallel=chi_parallel.reshape(shape),
        chi_1=chi_1.reshape(shape),
        c_star=c.reshape(shape),
        chi_c=chi_c.reshape(shape),
        xi_q=depth_scale(chi_parallel, critical).reshape(shape),
        xi_c=depth_scale(chi_c, critical).reshape(shape),
        xi_gradient=depth_scale(chi_1, critical).reshape(shape),
        phase=phase.reshape(shape),
    )


def factors(block: Block, q: Floats) -> tuple[Floats, Floats, Bools]:
    """χ_∥ and χ₁ at the q of each network, and where they are known; at an infinite q their limits, if floats allow."""
    usable = np.isfinite(q)
    if not usable.all() and largest_q(block, 1.0, INFINITE) == INFINITE:
        usable = np.full(q.shape, True)
    signal = signal_map(block.take(np.arange(q.size)), np.where(usable, np.where(np.isinf(q), INFINITE, q), 1.0))
    slope, chi = (np.where(usable, factor, np.inf) for factor in (signal.slope, signal.chi))
    return slope, chi, usable


def start_from(q: ArrayLike) -> float:
    """`q` as one number, checked: the second moment that orbits start from."""
    q0 = positive(q, "q")
    if q0.ndim or not LEAST <= q0 <= MOST:
        raise InvalidInput(f"q must be one number from {LEAST:g} to {MOST:g}, the second moment that orbits start from")
    return float(q0)
