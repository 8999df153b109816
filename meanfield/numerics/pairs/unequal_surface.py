"""The pair map of one function at unequal variances near c = 1, by the series of Mehler in sum and half difference.

Let a = ½(U + V) and δ = ½(U − V). At equal variances a and δ are independent, otherwise they have the correlation ρ
with ρ² = (q₁ − q₂)²/(16 Var a Var δ), and ½E(f(U) − f(V))² = Σ ρ²ⁿ Dₙ (see `differences`). The Dₙ depend on two
numbers, the mean variance q = ½(q₁ + q₂) and t² = Var δ/Var a, as D₀ does, the pair map at equal variances q. Their
series are made on panels of ln q, and on the range t ≤ ½·4⁻ᵏ that some pairs need: the smaller the range, the fewer the
panels of δ.

The terms of the series that are left out are bounded by the last ones that are not. For smooth f the Dₙ decrease
like t²ⁿ. At a kink they soon decrease slowly, but are small with t.
"""

import numpy as np

from meanfield._types import Bools, Floats, Ints
from meanfield.errors import DivergentExpectation, NotConverged
from meanfield.numerics.pairs.surface import ROUGH, SMOOTH
from meanfield.numerics.pairs.surface_panels import NEAR, InAngle, in_angle
from meanfield.numerics.pairs.variance_panels import PANEL, panel_number
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

LENGTH = PANEL / 8  # length of a panel in ln q: variances that differ much are rarely near c = 1
NODES = 12  # nodes of a panel of ln q
ORDERS = 10  # terms Dₙ besides D₀
FARTHEST = 0.8  # largest ρ²
LEVELS = 4  # ranges of t, each a quarter of the one before
LAST = 3  # the largest of the last terms, times SAFETY, bounds the terms that are left out
SAFETY = 4.0


class HalfDifference:
    """Pairs of centred Gaussians in the coordinates of this module, arrays of shape (pairs,).

    Attributes
    ----------
    q : ndarray
        Mean variance.
    d : ndarray
        ½E(U − V)².
    t : ndarray
        √(Var δ/Var a).
    square : ndarray
        ρ².
    """

    def __init__(self, q1: Floats, q2: Floats, gap: Floats) -> None:
        first, second = np.sqrt(q1), np.sqrt(q2)
        difference = (q1 - q2) / (first + second)
        self.q, self.d = 0.5 * (q1 + q2), 0.5 * difference**2 + first * second * gap
        with np.errstate(invalid="ignore", divide="ignore"):
            share = self.d / self.q
            self.t = np.sqrt(share / (2 - share))
            self.square = np.minimum((q1 - q2) ** 2 / (4 * self.q**2 * share * (2 - share)), 1.0)

    @property
    def served(self) -> Bools:
        """The pairs whose series may converge fast."""
        return np.asarray((self.t <= NEAR) & (self.square <= FARTHEST))

    @property
    def number(self) -> Ints:
        """The number of the panel of ln q."""
        return panel_number(self.q, LENGTH)

    @property
    def level(self) -> Ints:
        """The smallest range of t that has the pair: t ≤ ½·4⁻ᵏ."""
        with np.errstate(divide="ignore"):
            level = np.floor(0.5 * np.log2(NEAR / self.t))
        return np.asarray(np.clip(level, 0, LEVELS).astype(np.intp))


class UnequalSurface:
    """The pair map of one function at unequal variances near c = 1, in panels of ln q and ranges of t.

    Parameters
    ----------
    pieces : PiecewiseSmooth
        The function f.
    """

    def __init__(self, pieces: PiecewiseSmooth) -> None:
        self.pieces, self.power = pieces, 1 if pieces.jumps else 0
        self._parts: dict[tuple[int, int], InAngle | None] = {}

    def made(self, index: int, level: int) -> int | None:
        """The level, `level` or a lower one, that is cached for panel `index`; None if none is."""
        return next((one for one in range(level, -1, -1) if (index, one) in self._parts), None)

    def make(self, index: int, level: int) -> None:
        """Compute the series of panel `index` on the range of t of this level, or find that they cannot be computed."""
        with self.pieces.lock:
            if self.made(index, level) is None:
                try:
                    made = in_angle(
                        self.pieces,
                        None,
                        index * LENGTH,
                        length=LENGTH,
                        nodes=NODES,
                        largest=NEAR * 0.25**level,
                        orders=ORDERS,
                    )
                except (DivergentExpectation, NotConverged):
                    made = None
                self._parts[index, level] = made

    def distance(self, q1: Floats, q2: Floats, gap: Floats) -> tuple[Floats, Floats]:
        """½E(f(U) − f(V))² and bounds on its error, each of shape (pairs,); infinite where the series may not serve."""
        value, _, error, _ = self._evaluate(HalfDifference(q1, q2, gap), slopes=False)
        return value, error

    def slope(self, q1: Floats, q2: Floats, gap: Floats) -> tuple[Floats, Floats, Floats]:
        """E f′(U)f′(V), bounds on its error, and ½E(f(U) − f(V))²/½E(U − V)², each of shape (pairs,)."""
        pairs = HalfDifference(q1, q2, gap)
        distance, value, _, error = self._evaluate(pairs, slopes=True)
        return value, error, distance / pairs.d

    def _evaluate(self, pairs: HalfDifference, *, slopes: bool) -> Floats:
        """Shape (4, pairs): D, dD/dd, and bounds on their errors; dD/dd is only meaningful if `slopes` is true."""
        result = np.zeros((4, pairs.q.size))
        result[2:] = np.inf
        served, number, level = pairs.served, pairs.number, pairs.level
        for index in np.unique(number[served]).tolist():
            here = served & (number == index)
            for one in np.unique(level[here]).tolist():
                if self.made(index, one) is None:
                    self.make(index, one)
                finest = self.made(index, one)
                made = None if finest is None else self._parts[index, finest]
                if made is not None:
                    own = np.flatnonzero(here & (level == one))
                    result[:, own] = _summed(made, self.power, pairs, own, slopes)
        return result


def _summed(made: InAngle, power: int, pairs: HalfDifference, own: Ints, derivatives: bool) -> Floats:
    """D, its derivative in d, and bounds on their errors, shape (4, pairs), of the pairs number `own`.

    D = d·Σ ρ²ⁿ Wₙ/tᵖ. At fixed variances ρ² is proportional to 1/(d(2q − d)).
    """
    t, d, square = pairs.t[own], pairs.d[own], pairs.square[own]
    w, steepness, smooth, rough, length = made.at(np.log(pairs.q[own]), t, derivatives)
    n = np.arange(len(w))[:, None]
    powers, turn, falls = square**n, 0.5 * (1 + t**2), n * (1 - t**2)  # d·dt/dd = t·turn, −d·d ln ρ²ⁿ/dd = falls
    scale = np.where(t > 0, t, 1.0) ** -power
    slopes = w * (1 - power * turn - falls) + t * turn * steepness
    weight = t * turn * 2 / length
    error = smooth + rough
    slope_error = smooth * (1 + falls + SMOOTH * weight) + rough * (1 + falls + ROUGH * weight)
    beyond = powers[-1] * square / (1 - square)
    left_out, left_out_slope = (SAFETY * np.abs(part[-LAST:]).max(axis=0) * beyond for part in (w, slopes))
    columns = [
        d * scale * (powers * w).sum(axis=0),
        scale * (powers * slopes).sum(axis=0),
        d * scale * ((powers * error).sum(axis=0) + left_out),
        scale * ((powers * slope_error).sum(axis=0) + left_out_slope / (1 - square)),
    ]
    if power:
        columns[3] = np.where(t > 0, columns[3], np.inf)
    return np.stack(columns)
