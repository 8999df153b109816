"""Fixed points in time of gated recurrent cells whose weights are drawn anew at each step.

With independent ("untied") weights the gates are independent of the state. Inputs are independent over time with the
second moment R. With Q = E h², expectations ⟨·⟩ over the gate's argument N(μ, σ_w²Q + σ_v²R), and σ(−x) = 1 − σ(x):

- minimalRNN (Chen et al. 2018, arXiv:1806.05394): h′ = u h + (1 − u) x. Q = ⟨(1 − u)²⟩R/(1 − ⟨u²⟩), and gradients
  shrink by χ = ⟨u²⟩ + σ_w²⟨u′²⟩(Q + R) a step.
- GRU (Cho et al. 2014, arXiv:1406.1078): h′ = z h + (1 − z) g, g = tanh(W(r h) + V x), with a reset gate r of bias 0.
  Q = ⟨(1 − z)²⟩⟨g²⟩/(1 − ⟨z²⟩), and χ = ⟨z²⟩ + σ_w²⟨z′²⟩(Q + ⟨g²⟩) + σ_w²⟨(1 − z)²⟩⟨g′²⟩(⟨r²⟩ + σ_w²⟨r′²⟩Q).

In a network whose steps share their weights, gates remember with the state; memory is then longer: χ = 0.774 ± 0.012 in
place of 0.744 for the minimalRNN at μ = 2 and unit variances.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.solve.bracketed import root
from meanfield.special_functions import special

END = 9.0  # standard deviations of the nodes; more has a probability of 1e-18
STEP, STEEP = 0.2, 0.4  # of the nodes, in standard deviations and in units of the argument: poles are π/2 away


class Fixed(NamedTuple):
    """The state that a cell settles in."""

    hidden: float  # Q
    loss: float  # 1 − χ, which a difference from 1 would round


class _Gate(NamedTuple):
    """Moments of u = σ(e)."""

    square: float  # ⟨u²⟩
    rest: float  # ⟨1 − u²⟩
    closed: float  # ⟨(1 − u)²⟩
    slope: float  # ⟨u′²⟩


@dataclass(frozen=True)
class Cell:
    """A cell, with the standard deviations of its weights and the second moment of its inputs."""

    kind: str
    sigma_w: float
    sigma_v: float
    input_q: float

    def fixed(self, bias: float) -> Fixed:
        """The state at this bias of the gate that keeps the state."""
        most = np.full(1, self._most)
        hidden = float(root(lambda _, q: np.array([self._excess(float(q[0]), bias)]), np.zeros(1), most)[0])
        gate, (fresh, pull) = _gate(self._argument(hidden), bias), self._candidate(hidden)
        lost = gate.rest - self.sigma_w**2 * (gate.slope * (hidden + fresh) + gate.closed * pull)
        return Fixed(hidden, lost)

    @property
    def most_variance(self) -> float:
        """The largest variance that the argument of a gate can have."""
        return self._argument(self._most)

    @property
    def _most(self) -> float:
        """The largest second moment that the state can have."""
        return self.input_q if self.kind == "minimal" else 1.0

    def _argument(self, hidden: float) -> float:
        return self.sigma_w**2 * hidden + self.sigma_v**2 * self.input_q

    def _excess(self, hidden: float, bias: float) -> float:
        """Q − Q′, divided by what an open gate lets through."""
        gate, (fresh, _) = _gate(self._argument(hidden), bias), self._candidate(hidden)
        return hidden - gate.closed / gate.rest * fresh

    def _candidate(self, hidden: float) -> tuple[float, float]:
        """The second moment of what enters the state, and the factor of its gradient over σ_w²."""
        if self.kind == "minimal":
            return self.input_q, 0.0
        reset = _gate(self._argument(hidden), 0.0)
        q = self.sigma_w**2 * reset.square * hidden + self.sigma_v**2 * self.input_q
        x, weights = _nodes(q)
        g = np.tanh(x)
        slope = float(weights @ (1.0 - g * g) ** 2)
        return float(weights @ (g * g)), slope * (reset.square + self.sigma_w**2 * reset.slope * hidden)


def _nodes(q: float) -> tuple[Floats, Floats]:
    """Nodes and weights of the trapezoidal rule for N(0, q)."""
    step = min(STEP, STEEP / np.sqrt(q)) if q else STEP
    z = step * np.arange(-np.ceil(END / step), np.ceil(END / step) + 1)
    weights = np.exp(-0.5 * z * z)
    return np.sqrt(q) * z, weights / weights.sum()


def _gate(q: float, bias: float) -> _Gate:
    x, weights = _nodes(q)
    u, v = special.expit(bias + x), special.expit(-bias - x)
    return _Gate(*(float(weights @ f) for f in (u * u, v * (1.0 + u), v * v, (u * v) ** 2)))
