"""Why a block has no critical line: noise, a skip connection that carries gradients whole, or no solution of χ₁ = 1."""

from contextlib import suppress
from typing import NamedTuple

import numpy as np

from meanfield.errors import MeanFieldError
from meanfield.theory.assumptions.block import Block
from meanfield.theory.criticality.curve import CriticalCurve
from meanfield.theory.criticality.line_from_curve import TOUCH
from meanfield.theory.fixed_points.maps import distance_map, signal_map


class Carried(NamedTuple):
    """What skip connections do to gradients."""

    whole: bool  # whether they carry gradients at their full size or more, without any weights
    alone: float  # χ at q = 1 without weights; nan where the block has no signal then
    adds: bool  # whether weights change χ at all


def noise(block: Block) -> str:
    """The names of the layers by which equal inputs part, so that c = 1 is no fixed point; "" if they stay equal."""
    if not np.any(distance_map(block.at(sigma_w=1.0, sigma_b=0.0), 1.0, 0.0) > 0):
        return ""
    leaves = [layer for layer in block.walk() if not (layer.inner or layer.fresh)]
    parting = [layer for layer in leaves if np.any(distance_map(layer, 1.0, 0.0) > 0)]
    return " and ".join(dict.fromkeys(type(layer).__name__ for layer in parting))


def carried(block: Block) -> Carried:
    """What the block's skip connections do to gradients."""
    with_weights = signal_map(block.at(sigma_w=1.0, sigma_b=0.0), 1.0).chi  # refuses what is wrong with weights too
    with suppress(MeanFieldError):  # without weights a norm may have only zeros before it
        alone = signal_map(block.at(sigma_w=0.0, sigma_b=0.0), np.array([0.25, 1.0, 4.0])).chi
        whole = bool(np.all((alone >= 1) & np.isfinite(alone)))
        return Carried(whole, float(alone[1]), bool(with_weights != alone[1]))
    return Carried(False, np.nan, True)


def why_no_rows(block: Block, curve: CriticalCurve | None) -> str:
    """One sentence about a block for which χ₁ = 1 has no solution, by its critical curve if it has one."""
    if (skips := carried(block)).whole:
        if not skips.adds:
            return "every branch is scaled by 0, so chi_1 does not depend on sigma_w."
        return (
            "the skip connection carries gradients whole, so chi_1 exceeds 1 for every sigma_w > 0: a skip_scale below "
            "1 makes some sigma_w critical, a branch_scale of 1/√depth keeps the growth small."
        )
    if curve is None:
        if jumping := [phi.name for phi in block.activations if phi.jumps and not phi.surrogate]:
            return f"{jumping[0]} jumps, so its gradients are infinite whatever sigma_w is."
        return "no sigma_w from 0.001 to 1000 leads, from q = 1, to a q at which chi_1 is 1."
    at = curve.at(curve.grid)
    variance, error = at.bias, at.bias_error
    told = np.isfinite(error)
    touch = error + TOUCH * curve.grid / curve.bias
    if not told.any():
        return "gradients vanish at every q, whatever sigma_w is."
    if np.all(np.abs(variance[told]) <= touch[told]):
        return "chi_1 = 1 has solutions for sigma_b = 0 alone, where every q is one."
    if np.all(variance[told] <= touch[told]):
        return "chi_1 = 1 has no solution, because it would need a negative sigma_b² at every q."
    low, high = np.where(told, variance, np.inf).argmin(), np.where(told, variance, -np.inf).argmax()
    least, most = (f"{np.sqrt(max(float(variance[end]), 0.0)):.6g}" for end in (low, high))
    starts_above_zero = low > 0 and variance[low] > touch[low]
    ends = f"from {least} on" * bool(starts_above_zero), f"up to {most}" * bool(high < variance.size - 1)
    if where := " and ".join(filter(None, ends)):
        return f"chi_1 = 1 has solutions only for sigma_b {where}."
    return "chi_1 = 1 is looked for at q from 1e-10 to 1e8, and has no solution with this sigma_b there."
