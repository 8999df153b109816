"""The sigma_w at which correlations and gradients last longest, for blocks in which nothing is critical."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meanfield._types import Axes, Floats, Ints
from meanfield.numerics.solve.bracketed import root
from meanfield.numerics.solve.least import least
from meanfield.reports.numbers import number
from meanfield.reports.report import Report, Table
from meanfield.reports.result import Result
from meanfield.theory.assumptions.block import Block
from meanfield.theory.fixed_points.analysis import factors
from meanfield.theory.fixed_points.correlation import INFINITE, stable_c
from meanfield.theory.fixed_points.depth_scales import CRITICAL, depth_scale
from meanfield.theory.fixed_points.finite_variance import largest_q
from meanfield.theory.fixed_points.maps import signal_map
from meanfield.theory.fixed_points.stable_variance import stable_and_multiple_q

__all__ = ["Deepest"]

TRAINABLE = 6.0  # layers that train, in units of the depth scale (Schoenholz et al. 2017, section 5)
HUGE = 1e300
SPAN = np.log(1e2)  # of ln σ_w that is searched, to both sides
SCANNED = 41  # points of the scan
TIE = 1e-9  # relative difference of depth scales below which the middle of the scan, or a critical sigma_w, is best
CLOSE = 1e-8  # error of ln σ_w at the best one


@dataclass(frozen=True, repr=False)
class Deepest(Result):
    """Where signals carry deepest, one entry per sigma_b; nan where no sigma_w is best.

    The best sigma_w has the largest min(xi_c, |xi_gradient|) of all from 0.01 to 100 times the one at which gradients
    keep their size at q = 1; those at which q grows exponentially are left out. A tie goes to chi_1 = 1.

    Attributes
    ----------
    sigma_b, sigma_w : ndarray, shape (biases,)
        Standard deviations of biases and of weights (times √fan_in).
    q : ndarray
        Second moment that is reached from q = 1 there; may be 0 or inf.
    xi_c, xi_gradient : ndarray
        Depth scales of correlation and gradient, in layers, as of `analyze`.
    depth : ndarray
        6·min(xi_c, |xi_gradient|): layers that train.
    """

    sigma_b: Floats
    sigma_w: Floats
    q: Floats
    xi_c: Floats
    xi_gradient: Floats
    depth: Floats

    def report(self) -> Report:
        """One row for each sigma_b."""
        columns = (self.sigma_b, self.sigma_w, self.q, self.xi_c, self.xi_gradient, self.depth)
        rows = tuple(tuple(map(number, row)) for row in zip(*columns, strict=True))
        return [Table(("sigma_b", "sigma_w", "q", "xi_c", "xi_gradient", "layers that train"), rows)]

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw the number of layers that train against sigma_b; returns the Axes."""
        from meanfield.plotting.axes import axes_for, named

        ax = axes_for(ax)
        ax.plot(self.sigma_b, self.depth, marker="o", label=label)
        ax.set(xlabel=r"$\sigma_b$", ylabel=r"layers that train, at the best $\sigma_w$")
        return named(ax, label, title)


def correlation_scale(block: Block, q: Floats, chi_1: Floats) -> Floats:
    """ξ_c at the q of each of the block's networks; at q = 0 and ∞ the limit."""
    return depth_scale(stable_c(block, q, chi_1).chi_c)


class _Search:
    """The depth scales of a block as functions of ln σ_w, for numbered values of σ_b."""

    def __init__(self, block: Block, sigma_b: Floats) -> None:
        self.block, self.sigma_b = block, sigma_b

    def measured(self, log_sigma: Floats, which: Ints) -> tuple[Floats, Floats, Floats]:
        """q, ξ_c and ξ_gradient, which are nan where q grows exponentially."""
        networks = self.block.at(sigma_w=np.exp(log_sigma), sigma_b=self.sigma_b[which])
        q, _ = stable_and_multiple_q(networks, 1.0)
        chi_parallel, chi_1, usable = factors(networks, q)
        stays = (
            chi_parallel <= 1 + CRITICAL
        )  # else an orbit from q = 1 stays at a fixed point that repels, or runs away
        chosen = np.flatnonzero(usable & stays & (np.isfinite(q) | (np.abs(chi_parallel - 1) <= CRITICAL)))
        xi_c, xi_gradient = np.full(q.size, np.nan), np.full(q.size, np.nan)
        if chosen.size:
            xi_c[chosen] = correlation_scale(networks.take(chosen), q[chosen], chi_1[chosen])
            xi_gradient[chosen] = depth_scale(chi_1[chosen])
        return q, xi_c, xi_gradient

    def shallowness(self, log_sigma: Floats, which: Ints) -> Floats:
        """−ln min(ξ_c, |ξ_gradient|), which is to be minimised; arguments of one shape."""
        _, xi_c, xi_gradient = self.measured(log_sigma.ravel(), which.ravel())
        scale = np.nan_to_num(np.minimum(xi_c, np.abs(xi_gradient)), nan=0.0, posinf=HUGE)
        return np.asarray(-np.log(np.maximum(scale, 1 / HUGE)).reshape(log_sigma.shape))


def deepest(block: Block, sigma_b: Floats, critical: Sequence[Floats] = ()) -> Deepest:
    """The sigma_w for each sigma_b, `critical` ones (for each sigma_b) among them; other parameters are scalars."""

    search, every = _Search(block, sigma_b), np.arange(sigma_b.size)
    scan = _centre(block) + np.linspace(-SPAN, SPAN, SCANNED)
    values = search.shallowness(*np.broadcast_arrays(scan, every[:, None]))
    ties = values <= values.min(axis=1, keepdims=True) + TIE
    index = np.argmin(np.where(ties, np.abs(np.arange(SCANNED) - SCANNED // 2), SCANNED), axis=1)
    log_sigma, lowest = np.full(every.size, np.nan), values[every, index]
    inside = np.flatnonzero((index > 0) & (index < SCANNED - 1) & (lowest < np.log(HUGE)))
    if inside.size:
        low, middle, high = (scan[index[inside] + shift] for shift in (-1, 0, 1))
        log_sigma[inside], lowest[inside] = least(
            lambda which, x: search.shallowness(x, inside[which]), low, middle, high, lowest[inside], atol=CLOSE
        )
    rows, candidates = _candidates(sigma_b.size, critical, _marginal(block))
    if rows.size:  # in a tie they are preferred, and the last of them most
        as_good = search.shallowness(candidates, rows) <= lowest[rows] + TIE
        log_sigma[rows[as_good]] = candidates[as_good]
    q, xi_c, xi_gradient = np.full((3, every.size), np.nan)
    best = np.flatnonzero(np.isfinite(log_sigma))
    if best.size:
        q[best], xi_c[best], xi_gradient[best] = search.measured(log_sigma[best], best)
    return Deepest(sigma_b, np.exp(log_sigma), q, xi_c, xi_gradient, TRAINABLE * np.minimum(xi_c, np.abs(xi_gradient)))


def _candidates(biases: int, critical: Sequence[Floats], marginal: Floats) -> tuple[Ints, Floats]:
    """Numbers of σ_b, and ln σ_w to try there: the critical weights of each, and the marginal ones for all."""
    own = [np.append(critical[row] if critical else np.zeros(0), marginal) for row in range(biases)]
    rows = np.repeat(np.arange(biases), [weights.size for weights in own])
    return rows, np.log(np.concatenate(own)) if own else np.zeros(0)


def _marginal(block: Block) -> Floats:
    """The σ_w, none or one, at which q grows without bound but not exponentially."""
    if largest_q(block.at(sigma_w=1.0, sigma_b=0.0), 1.0, INFINITE) < INFINITE:
        return np.zeros(0)

    def growth(_: Ints, log_sigma: Floats) -> Floats:
        networks = block.at(sigma_w=np.exp(log_sigma), sigma_b=0.0)
        return signal_map(networks, np.full(log_sigma.size, INFINITE)).q / INFINITE - 1.0

    low, high = _centre(block) + np.array([[-SPAN], [SPAN]])
    if not growth(np.zeros(1, dtype=np.intp), low)[0] < 0 < growth(np.zeros(1, dtype=np.intp), high)[0]:
        return np.zeros(0)
    return np.exp(root(growth, low, high))


def _centre(block: Block) -> float:
    """ln σ_w near which gradients keep their size at q = 1."""
    weighted = sum("sigma_w" in layer.parameters for layer in block.walk())
    chi = float(signal_map(block.at(sigma_w=1.0, sigma_b=0.0), 1.0).chi)
    return float(-0.5 * np.log(chi) / weighted) if 0 < chi < np.inf else 0.0
