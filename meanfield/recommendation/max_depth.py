"""How many blocks train where no depth scale limits them, and which width a depth needs."""

from dataclasses import dataclass

import numpy as np

from meanfield._types import Floats
from meanfield.theory.assumptions.block import Block
from meanfield.theory.criticality.deepest import TRAINABLE
from meanfield.theory.depth.propagate import propagate
from meanfield.theory.fixed_points.mlp_moments import mlp_moments
from meanfield.theory.fluctuations.fluctuations import fluctuations

WIDEST = 10**9  # units or layers
SHORT = 16  # blocks over which fluctuations are followed at first
LONG, LONG_STREAM = 256, 32  # at most; of streams, whose cost is quadratic in depth and whose units are correlated
SETTLED = 0.05  # change of the exponent over a factor 2 in depth at which they are continued as a power
FOLLOWED = 1024  # layers over which the growth of gradients is followed


@dataclass(frozen=True)
class LogGradient:
    """The variance of the log-gradient over networks, times their width, by depth.

    Attributes
    ----------
    followed : ndarray
        The variance behind 1, 2, … blocks, to first order in 1/width.
    power : float
        The exponent of the depth in a·depth^power + constant, with which it is continued beyond them.
    """

    followed: Floats
    power: float

    def width(self, depth: int) -> float:
        """The width at which the standard deviation behind `depth` blocks is 1."""
        last = self.followed.size
        if depth <= last:
            return _rounded(self.followed[depth - 1])
        with np.errstate(over="ignore"):
            return _rounded(self.followed[-1] + self._factor * ((depth / last) ** self.power - 1))

    def depth(self, width: int) -> float:
        """The depth at which the standard deviation at this width is 1."""
        last = self.followed.size
        beyond = np.flatnonzero(self.followed >= width)
        if beyond.size:
            return float(beyond[0] + 1)
        with np.errstate(over="ignore"):
            return _rounded(last * (1 + (width - self.followed[-1]) / self._factor) ** (1 / self.power))

    @property
    def _factor(self) -> float:
        half = self.followed[self.followed.size // 2 - 1]
        return float((self.followed[-1] - half) / -np.expm1(-self.power * np.log(2.0)))


def _rounded(value: float) -> float:
    """The value to nine digits: the others depend on which moments were in the caches."""
    return float(f"{value:.9g}")


def log_gradient(network: Block, start: float, width: int, depth: int) -> LogGradient | None:
    """The fluctuations of gradients from q = `start`, followed until they grow by a power of the depth.

    Where gradients are infinite they are the fluctuations of signals. None where no expansion is known.
    """
    layers, longest = SHORT, LONG if mlp_moments(network) is not None else LONG_STREAM
    while True:
        found = fluctuations(network, layers, WIDEST, q=start)
        columns = (column[1:] * WIDEST for column in (found.var_log_gradient, found.var_log_q))
        variance = next((column for column in columns if column[-1] > 0 and np.all(np.isfinite(column))), None)
        if variance is None:
            return None
        power, before = (_power(variance, n) for n in (layers, layers // 2))
        reached = variance[-1] >= width and layers >= depth
        if abs(power - before) < SETTLED or reached or layers >= longest:
            return LogGradient(variance, power) if power > 0 else None
        layers *= 2


def _power(variance: Floats, n: int) -> float:
    """The exponent from the increments over layers n/4 … n/2 … n."""
    whole, half, quarter = (variance[m - 1] for m in (n, n // 2, n // 4))
    with np.errstate(all="ignore"):
        return float(np.log2((whole - half) / (half - quarter)))


def depth_by_growth(network: Block, start: float) -> float:
    """Depth at which gradients have changed by a factor e⁶, as they do over six depth scales.

    Beyond the layers that are followed, the reciprocal of the rate |ln χ₁| is continued linearly in depth, which is
    exact for powers of depth and for exponentials.
    """
    trajectory = propagate(network, FOLLOWED, q=start)
    with np.errstate(divide="ignore"):
        log_gradient, rate = np.log(trajectory.gradient), np.abs(np.log(trajectory.chi))
    change = np.abs(log_gradient[0] - log_gradient)  # over the first layers, from layer 0
    beyond = np.flatnonzero(change >= TRAINABLE)
    if beyond.size:
        return float(beyond[0])
    half, last, left = float(rate[FOLLOWED // 2]), float(rate[FOLLOWED]), TRAINABLE - float(change[FOLLOWED])
    if min(half, last) * WIDEST < left:
        return np.inf
    bend = (1 / last - 1 / half) / (FOLLOWED / 2)  # 1/ζ of a power l^ζ, 0 of an exponential
    steps = np.expm1(min(bend * left, 700.0)) / bend if abs(bend * left) > 1e-9 else left
    return float(FOLLOWED + steps / last) if steps / last <= WIDEST else np.inf
