"""Second moment and gradient at any depth, extrapolated once their growth factors have converged."""

import math
from itertools import repeat
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.errors import DivergentExpectation
from meanfield.networks.block import mlp
from meanfield.networks.layers.network import Network
from meanfield.theory.depth.scan import scan
from meanfield.theory.fixed_points.stability import stability
from meanfield.theory.fixed_points.variance import fixed_points
from meanfield.theory.layer_maps import one_point
from meanfield.theory.states import Point

SETTLED = 1e-14  # relative change of the growth factors q′/q and χ in one layer below which both count as constant
REPELLED = 1 + 1e-6  # smallest dq′/dq of a fixed point that is reported as unstable


class SignalAtDepth(NamedTuple):
    """A signal by layer.

    Attributes
    ----------
    q : ndarray, shape (depth + 1,)
        Second moments at layers 0 … depth; `inf` from the layer on where q, or a moment that q depends on, overflows.
    gradient : ndarray, shape (depth + 1,)
        Mean squared gradient of layer 0 relative to each layer; `inf` on overflow and if φ jumps.
    remark : str
        The layer and the reason of an infinite value; where q stays at a fixed point that repels, what the fixed points
        do to q; else "".
    """

    q: Floats
    gradient: Floats
    remark: str


class _State(NamedTuple):
    """The signal at one layer and the logarithms of the last growth factors of q and of the squared gradient."""

    q: float
    log_gradient: float = 0.0
    q_rate: float = math.nan
    gradient_rate: float = math.nan
    slope: float = math.nan


def signal_at_depth(block: Network, depth: int, q: float) -> SignalAtDepth:
    """q and gradient as in `meanfield.propagate`, with infinite values in place of exceptions.

    Once the growth factors of q and of the gradient are constant, which holds at a fixed point and for exponential
    growth or decay of q, the remaining layers follow as their powers.

    Parameters
    ----------
    block : Network
        The repeated block, with scalar sigmas.
    depth : int
        Number of layers, ≥ 1.
    q : float
        Second moment at layer 0, > 0.

    Examples
    --------
    >>> from meanfield.networks.block import mlp
    >>> run = signal_at_depth(mlp("relu", 1.0), 3, 1.0)
    >>> run.q, run.gradient
    (array([1.   , 0.5  , 0.25 , 0.125]), array([1.   , 0.5  , 0.25 , 0.125]))
    """
    states, remark = [], ""
    log_q, log_gradient = np.full(depth + 1, math.inf), np.full(depth + 1, math.inf)
    try:
        for state in scan(repeat(block, depth), _State(q), _advance, _settled):
            states.append(state)
    except DivergentExpectation as error:
        remark = f"infinite from layer {len(states)} on: {error}"
    else:
        last, rest = states[-1], np.arange(1, depth + 2 - len(states))
        log_q[len(states) :] = _log(last.q) + rest * last.q_rate
        log_gradient[len(states) :] = last.log_gradient + rest * last.gradient_rate
        if _settled(states[-2], last) and abs(last.q_rate) <= SETTLED and last.slope > REPELLED:
            remark = stability(fixed_points(block))
    log_q[: len(states)] = [_log(state.q) for state in states]
    log_gradient[: len(states)] = [state.log_gradient for state in states]
    with np.errstate(over="ignore", under="ignore"):
        return SignalAtDepth(np.exp(log_q), np.exp(log_gradient), remark)


def rescaled_signal_at_depth(phi: Activation, depth: int, q: float) -> SignalAtDepth:
    """q and gradient if the weights of every layer are rescaled to give q = 1: then χ = E φ′²/E φ² at q = 1."""
    signal = one_point(mlp(phi), Point.at(np.array([q, 1.0])))
    first, others = np.asarray(signal.chi.value) / signal.q.value
    with np.errstate(over="ignore", under="ignore"):
        return SignalAtDepth(np.r_[q, np.ones(depth)], np.r_[1.0, first * others ** np.arange(depth)], "")


def _advance(block: Network, state: _State) -> _State:
    """The state after one block."""
    signal = one_point(block, Point.at(np.float64(state.q)))
    q, gradient_rate = float(signal.q.value), _log(float(signal.chi.value))
    q_rate = _log(q) - _log(state.q) if q > 0 else -math.inf
    log_gradient = math.inf if state.log_gradient == math.inf else state.log_gradient + gradient_rate
    return _State(q, log_gradient, q_rate, gradient_rate, float(signal.slope.value))


def _settled(before: _State, state: _State) -> bool:
    """Whether q is 0, or both growth factors are constant up to rounding."""
    rates = ((before.q_rate, state.q_rate), (before.gradient_rate, state.gradient_rate))
    return state.q == 0 or all(a == b or abs(a - b) <= SETTLED for a, b in rates)


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf
