"""Weights that keep q = 1 where nothing is critical: without biases, or with them where q = 1 would repel."""

from collections.abc import Callable

import numpy as np

from meanfield._types import Floats
from meanfield.errors import DivergentExpectation, InvalidInput
from meanfield.numerics.solve.bracketed import root
from meanfield.recommendation.choice import Choice
from meanfield.theory.assumptions.block import Block
from meanfield.theory.fixed_points.analysis import at_fixed_point
from meanfield.theory.fixed_points.depth_scales import CRITICAL
from meanfield.theory.fixed_points.maps import signal_map
from meanfield.theory.fixed_points.stability import fixed_point, told
from meanfield.theory.fixed_points.variance import variance_maps

REACH = 30.0  # of ln σ_w, to both sides of 0, in which q = 1 is kept
BIASES = np.log([1e-6, 1e3])  # of ln σ_b
FARTHER = 1.5  # a signal of this q comes nearer to 1 …
NEARER = 0.9  # … by this factor a layer


def weights_that_keep_one(block: Block, because: str, these: str = "these are the weights that keep") -> Choice:
    """The weights that keep q = 1 without biases; smaller ones with biases where q = 1 repels but need not.

    `because` is the beginning of the reason, why nothing is critical, and `these` says what weights they are.
    """
    log_sigma = 0.0
    if abs(_log_image(block, log_sigma, 0.0)) > CRITICAL:
        log_sigma = _zero(lambda x: _log_image(block, x, 0.0), -REACH, REACH)
    if np.isnan(log_sigma):
        raise InvalidInput(
            f"there is nothing to recommend for this block: {because}, and no sigma_w keeps q = 1 either"
        )
    network = block.at(sigma_w=np.exp(log_sigma), sigma_b=0.0)
    point, sigmas = fixed_point(variance_maps(network), 1.0), (float(np.exp(log_sigma)), 0.0)
    why = f"{because}: {these} q = 1 but not the gradient"
    if abs(point.slope) > 1 + CRITICAL and (biased := _with_biases(block, log_sigma)) is not None:
        repels, sigmas = f"at the forward gain, sigma_w = {sigmas[0]:.6g}, {told(point)}", biased
        why = f"{because}, and {repels}: these are smaller weights, and biases with which q = 1 is stable"
    at = at_fixed_point(block.at(sigma_w=sigmas[0], sigma_b=sigmas[1]), np.ones(1))
    if sigmas[1] and np.isfinite(at.chi_1):
        why += f" and chi_1 = {float(at.chi_1):.6g}"
    return Choice(*sigmas, 1.0, "none", why, float(at.xi_c), float(at.xi_gradient))


def _with_biases(block: Block, log_forward: float) -> tuple[float, float] | None:
    """σ_w and σ_b that keep q = 1 and bring signals of q = 3/2 nearer to it in every layer; None if none do."""

    def log_bias(log_sigma: float) -> float:
        return _zero(lambda x: _log_image(block, log_sigma, np.exp(x)), *BIASES)

    def steepness(log_sigma: float) -> float:
        network = block.at(sigma_w=np.exp(log_sigma), sigma_b=np.exp(log_bias(log_sigma)))
        return float(signal_map(network, FARTHER).q - 1.0) / (FARTHER - 1.0) - NEARER

    log_sigma = _zero(steepness, log_forward - REACH / 2, log_forward - 1e-6)
    sigmas = float(np.exp(log_sigma)), float(np.exp(log_bias(log_sigma)))
    if np.isnan(sigmas).any():
        return None
    return sigmas if fixed_point(variance_maps(block.at(sigma_w=sigmas[0], sigma_b=sigmas[1])), 1.0).stable else None


def _log_image(block: Block, log_sigma: float, sigma_b: float) -> float:
    """ln q′ of q = 1; large beyond the range of floats."""
    try:
        q = signal_map(block.at(sigma_w=np.exp(log_sigma), sigma_b=sigma_b), 1.0).q
    except DivergentExpectation:
        q = np.asarray(np.inf)
    return float(np.log(np.clip(q, 1e-300, 1e300)))


def _zero(function: Callable[[float], float], low: float, high: float) -> float:
    """The zero at which `function` rises through 0 between `low` and `high`; nan if it does not."""

    def numbered(_: object, x: Floats) -> Floats:
        return np.array([function(float(one)) for one in x])

    if not function(low) < 0 < function(high):
        return np.nan
    return float(root(numbered, np.array([low]), np.array([high]))[0])
