"""The spectrum of one band along a path: from its upper edge, where the solution is known, downwards.

Each point is found by Newton's method from the one before. Where a band has no edge of the form of a square root, the
path comes in from large complex z, where the solution is known as well. A step that does not converge is halved; when
steps become too short the path ends, and says where.
"""

import math
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from meanfield._types import Bools, Floats
from meanfield.errors import NotConverged
from meanfield.theory.spectrum.free_products.bands import Band, Edge
from meanfield.theory.spectrum.free_products.master_curve import MasterCurve, State, Tangent

FIRST = 1e-4  # first distance from an edge, in units of the square root of the logarithm
SHORTEST = 1e-7  # step of the path at which it gives up
AT_EDGE = 1e-8  # distance from an edge at which a path is at its end
AIM = 0.15  # correction of log w that steps are chosen for
TOO_FAR = 0.6  # correction at which a step is repeated with a shorter one
GROWTH, SHRINK = 2.0, 0.35
MOST = 600  # points of a path
NEAREST = 1e-12  # argument of w at which a path ends
LEFT = 1e-13  # mass beyond the end of a path
EPS = float(np.finfo(float).eps)
CORRECTIONS = 3


class Points(NamedTuple):
    """Points of a spectrum at given logarithms of the eigenvalue, arrays of one shape."""

    log_density: Floats  # density of the logarithm of the eigenvalue
    error: Floats  # bound on its error
    above: Floats  # mass of the eigenvalues above
    converged: Bools  # whether Newton's method reached the point


class Path:
    """The solution on one band, as points from the upper end to the lower one.

    Parameters
    ----------
    curve : MasterCurve
        The curve of the spectrum.
    band : Band
        Its ends.
    lowest : float
        Mass below the band and in atoms below it: where that is reached, the path is at its end.
    centre : float
        A logarithm of the eigenvalue inside the band, for bands without an upper edge.
    """

    def __init__(self, curve: MasterCurve, band: Band, lowest: float, mean: float) -> None:
        self.curve, self.band, self.lowest, self.mean = curve, band, lowest, mean
        self.log: list[float] = []
        self.states: list[State] = []
        self.slopes: list[tuple[complex, ...]] = []  # dω/dlog z
        self.complete = True
        self.reason = ""
        self._trace()

    # The place on the path: log z = place(s) with a square root at each edge.

    def _place(self, s: float) -> float:
        low, high = self.band.low.log, self.band.high.log
        if self.band.high.state is not None and math.isfinite(low):
            return 0.5 * (low + high) + 0.5 * (high - low) * math.cos(s)
        if self.band.high.state is not None:
            return high - s * s
        end = high if s < 0 else low
        if not math.isfinite(end):
            return self._start - s
        length = math.sqrt(abs(end - self._start))
        return end + math.copysign(max(length - abs(s), 0.0) ** 2, self._start - end)

    def _trace(self) -> None:
        edge = self.band.high
        if edge.state is not None:
            state = self._next_to(edge, FIRST)
            begin = (
                FIRST
                if not math.isfinite(self.band.low.log)
                else FIRST / math.sqrt(0.25 * (edge.log - self.band.low.log))
            )
            self._walk(state, begin, 1.0)
            return
        self._start = self._inside()
        state = self._landed(self._start)
        self._walk(state, 0.0, -1.0)
        if self.log:
            for one in (self.log, self.states, self.slopes):
                one.reverse()
        upper = self.log, self.states, self.slopes
        self.log, self.states, self.slopes = [], [], []
        self._walk(state, 0.0, 1.0)
        self.log = upper[0][:-1] + self.log
        self.states, self.slopes = upper[1][:-1] + self.states, upper[2][:-1] + self.slopes

    def _inside(self) -> float:
        """A logarithm well inside the band."""
        low, high = self.band.low.log, self.band.high.log
        if math.isfinite(low) and math.isfinite(high):
            return 0.5 * (low + high)
        return min(self.mean, high - 1.0) if math.isfinite(high) else max(self.mean, low + 1.0)

    def _next_to(self, edge: Edge, distance: float) -> State:
        """The state at distance² below an upper edge, from the square root."""
        assert edge.state is not None
        curve, real = self.curve, edge.state
        complex_state = State(real.m + 0j, real.m1 + 0j, tuple(omega + 0j for omega in real.omega))
        tangent = curve.tangent(complex_state)
        # The second derivative of log z in m from the first one, which is 0 at the edge, beside it.
        shift = -1e-3j * min(abs(float(real.m[0])), abs(float(real.m1[0])))
        curvature = float(np.real(self._slope(complex_state, tangent, shift) / shift))
        step = -1j * math.sqrt(2 * distance**2 / abs(curvature))
        omega = tuple(o + d * step for o, d in zip(complex_state.omega, tangent.omega, strict=True))
        state = State(complex_state.m + step, complex_state.m1 + step, omega)
        found, _, reached = curve.solved(state, np.array([edge.log - distance**2 + 0j]))
        if not reached[0]:
            raise NotConverged(f"the spectrum could not be followed from its edge at {math.exp(edge.log):.6g}")
        return found

    def _slope(self, state: State, tangent: Tangent, shift: complex) -> complex:
        """d log z/dm at m + shift."""
        curve = self.curve
        omega = tuple(o + d * shift for o, d in zip(state.omega, tangent.omega, strict=True))
        moved = State(state.m + shift, state.m1 + shift, omega)
        for _ in range(CORRECTIONS):
            found = curve.tangent(moved)
            missing = curve.missing(moved, found)
            moved = State(moved.m, moved.m1, tuple(o + one for o, one in zip(moved.omega, missing, strict=True)))
        return complex(curve.tangent(moved).slope[0])

    def _landed(self, log: float) -> State:
        """The state at a real log z, by way of large and then of complex z."""
        curve = self.curve
        far = 30.0
        z = np.exp(self.mean + far + 0.5j * math.pi)
        m = np.array([np.exp(self.mean) / z])
        omegas = []
        for factor, _, c in curve.members:
            mean = factor.first()
            omegas.append(np.log(mean / (c * m)))
        state = State(m, 1 + m, tuple(omegas))
        stops = [(self.mean + far, 0.5), (log, 0.5), (log, 0.0)]
        for (log_a, turn_a), (log_b, turn_b) in pairwise(stops):
            at, step = 0.0, 0.05
            state, tangent, reached = curve.solved(state, np.array([log_a + 1j * math.pi * turn_a]))
            if not reached[0]:
                raise NotConverged("the spectrum could not be found at large z")
            while at < 1:
                following = min(1.0, at + step)
                target = log_a + (log_b - log_a) * following + 1j * math.pi * (turn_a + (turn_b - turn_a) * following)
                moved = self._predicted(state, tangent, target - complex(tangent.log_z[0]))
                found, found_tangent, reached = curve.solved(moved, np.array([target]))
                if reached[0]:
                    state, tangent, at, step = found, found_tangent, following, step * GROWTH
                else:
                    step *= SHRINK
                    if step < 1e-6:
                        raise NotConverged(f"the spectrum could not be followed to {math.exp(log):.6g}")
        return state

    def _predicted(self, state: State, tangent: Tangent, by: complex) -> State:
        delta = by / tangent.slope
        omega = tuple(o + d * delta for o, d in zip(state.omega, tangent.omega, strict=True))
        omega = tuple(
            np.where(np.imag(n) > 0, n, np.real(n) + 0.5j * np.imag(o)) for n, o in zip(omega, state.omega, strict=True)
        )
        return State(state.m + delta, state.m1 + delta, omega)

    def _walk(self, state: State, s: float, direction: float) -> None:
        """Follow the path from s downwards (direction 1) or upwards (−1)."""
        curve, edges = self.curve, math.isfinite(self.band.low.log) and self.band.high.state is not None
        last = math.pi - s if edges else math.inf
        tangent = curve.tangent(state)
        self._keep(self._place(s), state, tangent)
        step = s if s else 0.1
        while len(self.log) < MOST:
            step = min(step, last - s)
            if step <= 1e-9 * max(s, 1.0):
                return
            target = self._place(s + direction * step)
            if not (self.band.low.log < target < self.band.high.log):
                step *= SHRINK
                if step < SHORTEST:
                    return
                continue
            moved = self._predicted(state, tangent, target - self.log[-1])
            found, found_tangent, reached = curve.solved(moved, np.array([target + 0j]))
            change = max(float(np.abs(a - b)[0]) for a, b in zip(found.omega, moved.omega, strict=True))
            if not reached[0] or not change < TOO_FAR:
                step *= SHRINK
                if step < SHORTEST:
                    end = self.band.high.log if direction < 0 else self.band.low.log
                    if abs(self.log[-1] - end) > AT_EDGE:
                        self.complete, self.reason = False, f"the path stops at {math.exp(self.log[-1]):.6g}"
                    return
                continue
            s, state, tangent = s + direction * step, found, found_tangent
            self._keep(target, state, tangent)
            above = float(curve.mass_above(state, tangent, np.array([target]))[0])
            if (above if direction < 0 else 1 - above - self.lowest) <= LEFT:
                return
            if self._next_to_axis(state):
                self.complete = (above if direction < 0 else 1 - above - self.lowest) <= 1e3 * LEFT
                self.reason = (
                    "" if self.complete else f"the path comes too near to the real axis at {math.exp(target):.6g}"
                )
                return
            step *= min(GROWTH, max(SHRINK, math.sqrt(AIM / max(change, 1e-12))))
        self.complete, self.reason = False, f"the path has {MOST} points at {math.exp(self.log[-1]):.6g}"

    def _next_to_axis(self, state: State) -> bool:
        """Whether a factor's w is as near to the real axis as the transforms tell apart."""
        near = [
            min(float(np.imag(one)[0]), member.factor.ceiling - float(np.imag(one)[0]))
            for one, member in zip(state.omega, self.curve.members, strict=True)
        ]
        return min(near) < NEAREST

    def _keep(self, log: float, state: State, tangent: Tangent) -> None:
        self.log.append(log)
        self.states.append(state)
        with np.errstate(all="ignore"):
            self.slopes.append(tuple(complex((d / tangent.slope)[0]) for d in tangent.omega))

    @cached_property
    def above(self) -> Floats:
        """The mass above each point of the path, ascending."""
        found = self.at(np.array(self.log)).above
        return np.maximum.accumulate(found)

    def at(self, log: Floats) -> Points:
        """The spectrum at logarithms of eigenvalues within the band, shape (n,)."""
        log = np.asarray(log, dtype=np.float64)
        known = np.array(self.log)  # descending
        i = np.clip(np.searchsorted(-known, -log), 1, known.size - 1)
        upper, lower = known[i - 1], known[i]
        width = lower - upper
        t = np.clip((log - upper) / width, 0.0, 1.0)
        omegas = []
        for k in range(len(self.curve.members)):
            values = np.array([state.omega[k][0] for state in self.states])
            slopes = np.array([one[k] for one in self.slopes])
            a, b, da, db = values[i - 1], values[i], slopes[i - 1] * width, slopes[i] * width
            omega = _hermite(t, a, b, da, db)
            bad = ~np.isfinite(omega) | (np.imag(omega) <= 0)
            omegas.append(np.where(bad, a + (b - a) * t, omega))
        m_known = np.array([state.m[0] for state in self.states])
        m1_known = np.array([state.m1[0] for state in self.states])
        m, m1 = (
            m_known[i - 1] + (m_known[i] - m_known[i - 1]) * t,
            m1_known[i - 1] + (m1_known[i] - m1_known[i - 1]) * t,
        )
        state, tangent, reached = self.curve.solved(State(m, m1, tuple(omegas)), log + 0j)
        density = -np.imag(state.m) / np.pi
        error = self.error(state, tangent, log)
        return Points(density, error, self.curve.mass_above(state, tangent, log), reached)

    def error(self, state: State, tangent: Tangent, log: Floats) -> Floats:
        """Bound on the error of −Im m/π: of Newton's method, of the transforms and of rounding."""
        missing = np.abs(log - tangent.log_z) + 8 * EPS * tangent.size
        for (factor, count, _), omega, on in zip(self.curve.members, state.omega, tangent.on, strict=True):
            own = factor.error(omega)
            missing = missing + count * np.abs(on.log_slope / on.slope) * own
        return np.asarray(missing / np.abs(tangent.slope) / np.pi)


def _hermite(t: Floats, a: Floats, b: Floats, da: Floats, db: Floats) -> Floats:
    """Cubic with values a, b and slopes da, db at t = 0, 1."""
    return np.asarray(a + t * (da + t * (3 * (b - a) - 2 * da - db + t * (da + db - 2 * (b - a)))))
