"""q and the gradient at any depth, in as few evaluations of the maps as it takes for them to settle."""

import math
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.errors import DivergentExpectation
from meanfield.networks.block import mlp
from meanfield.networks.layers.network import Network
from meanfield.theory.layer_maps import one_point
from meanfield.theory.states import OnePoint

SETTLED = 1e-14  # relative change of q′/q and χ in a layer below which both are taken to be constant from there on
REPELLED = 1 + 1e-6


class Course(NamedTuple):
    """What becomes of a signal, layer by layer.

    Attributes
    ----------
    q : ndarray, shape (depth + 1,)
        Second moment at layers 0 … depth; `inf` from where it, or a moment that it is made of, leaves the range of a
        float.
    gradient : ndarray, shape (depth + 1,)
        Mean squared gradient of layer 0 relative to that of each; `inf` likewise, and where φ jumps.
    remark : str
        Where and why something is infinite, or that q stays where it is only for want of a perturbation.
    """

    q: Floats
    gradient: Floats
    remark: str


def course(block: Network, depth: int, q: float) -> Course:
    """The same numbers as those of `meanfield.propagate`, with infinities in place of an error.

    Once the factors by which q and the gradient change no longer change themselves, at a fixed point or where q decays
    or grows exponentially, they are raised to the power of the layers that are left.

    Parameters
    ----------
    block : Network
        What is repeated, with scalar sigmas.
    depth : int
        Layers, ≥ 1.
    q : float
        Second moment at layer 0, > 0.

    Examples
    --------
    >>> from meanfield.networks.block import mlp
    >>> run = course(mlp("relu", 1.0), 3, 1.0)
    >>> run.q, run.gradient
    (array([1.   , 0.5  , 0.25 , 0.125]), array([1.   , 0.5  , 0.25 , 0.125]))
    """
    log_q, log_gradient = np.full(depth + 1, math.inf), np.full(depth + 1, math.inf)
    log_q[0], log_gradient[0] = math.log(q), 0.0
    steps, remark = (math.nan, math.nan), ""
    for layer in range(depth):
        try:
            signal = one_point(block, OnePoint(np.float64(q)))
        except DivergentExpectation as error:
            remark = f"infinite from layer {layer + 1} on: {error}"
            break
        new = float(signal.q)
        before, steps = steps, (_log(new) - _log(q) if new > 0 else -math.inf, _log(float(signal.chi)))
        log_q[layer + 1] = _log(new)
        log_gradient[layer + 1] = math.inf if log_gradient[layer] == math.inf else log_gradient[layer] + steps[1]
        if new == 0 or all(a == b or abs(a - b) <= SETTLED for a, b in zip(steps, before, strict=True)):
            left = np.arange(1, depth - layer)
            log_q[layer + 2 :] = log_q[layer + 1] + steps[0] * left
            log_gradient[layer + 2 :] = log_gradient[layer + 1] + steps[1] * left
            if abs(steps[0]) <= SETTLED and float(signal.slope) > REPELLED:
                remark = f"q = {new:.6g} repels: a deviation from it grows by {float(signal.slope):.4g} a layer"
            break
        q = new
    with np.errstate(over="ignore", under="ignore"):
        return Course(np.exp(log_q), np.exp(log_gradient), remark)


def course_of_rescaling(phi: Activation, depth: int, q: float) -> Course:
    """The same where every layer's weights are scaled so that q becomes 1, whatever it was: q = 1, χ = E φ′²/E φ²."""
    signal = one_point(mlp(phi), OnePoint(np.array([q, 1.0])))
    first, rest = np.asarray(signal.chi) / signal.q
    with np.errstate(over="ignore", under="ignore"):
        return Course(np.r_[q, np.ones(depth)], np.r_[1.0, first * rest ** np.arange(depth)], "")


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf
