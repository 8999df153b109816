"""Weights for a block of any form: critical ones if there are any, else those at which signals carry deepest."""

import numpy as np

from meanfield.errors import DivergentExpectation, InfiniteDerivative
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.residual import Residual
from meanfield.recommendation.choice import Choice, gradient_growth
from meanfield.recommendation.critical_weights import critical_weights, deepest_weights
from meanfield.recommendation.keeping_one import weights_that_keep_one
from meanfield.theory.assumptions.block import Block, checked
from meanfield.theory.assumptions.surrogates import with_surrogates
from meanfield.theory.criticality.line import line_of
from meanfield.theory.criticality.no_critical_line import Carried, carried, noise
from meanfield.theory.fixed_points.analysis import at_fixed_point
from meanfield.theory.fixed_points.depth_scales import CRITICAL
from meanfield.theory.fixed_points.stable_variance import stable_q


def weights_for_block(block: Block, depth: int) -> Choice:
    """The weights of a block that is repeated `depth` times; its other parameters are scalars."""
    if batch_size(block) is not None:
        return _batch_normalised(block, depth)
    if (skips := carried(block)).whole:
        return _whole_skip(block, depth, skips)
    try:
        bare = line_of(block, np.zeros(1), stable_only=False)
        names = noise(block)
        because = f"{names} parts equal inputs, so no weights are critical" if names else bare.reason[:-1]
        because = because or "no sigma_w is critical at a q that is stable"
        found = None if names or with_surrogates(block) else critical_weights(block, bare)
        return found or deepest_weights(block, because) or weights_that_keep_one(block, because)
    except (InfiniteDerivative, DivergentExpectation) as error:
        return weights_that_keep_one(block, str(error))


def _whole_skip(block: Block, depth: int, skips: Carried) -> Choice:
    """The weights that suit the branch by itself, and how gradients grow along the skip connection."""
    residuals = [layer for layer in block.walk() if isinstance(layer, Residual)]
    inside = weights_for_block(checked(residuals[0].branch), depth)
    network, start = block.at(sigma_w=inside.sigma_w, sigma_b=inside.sigma_b), inside.q or 1.0
    at, layers = at_fixed_point(network, stable_q(network, start)), len(residuals) * depth
    shortened = layers**-0.5
    how = f"by {gradient_growth(network, depth, start):.4g} over {depth} layers"
    if at.chi_1 > 1 + CRITICAL:
        how += f", in the end exponentially with a factor {at.chi_1:.6g} a layer"
    else:
        how += ", more slowly than exponentially"
    if skips.alone > 1 + CRITICAL:
        scale, cure = None, "a skip_scale of 1 would be the first thing to mend"
    elif all(np.abs(layer.branch_scale) <= shortened * (1 + CRITICAL) for layer in residuals):
        scale, cure = None, "its branch_scale is short enough for that"
    else:
        scale = shortened
        shorter = network.with_parameters(
            lambda layer: {"branch_scale": shortened} if isinstance(layer, Residual) else {}
        )
        cure = (
            f"branch_scale = {shortened:.4g}, 1/√{layers}, would make that {gradient_growth(shorter, depth, start):.4g}"
        )
    why = (
        f"the skip connection carries gradients whole, so they grow with any weights, here {how}: "
        f"these weights suit the branch by itself, and {cure}"
    )
    if not skips.adds:
        scale = None
        why = "the skip connection carries everything past a branch that is scaled by 0: these weights suit the branch"
    return Choice(inside.sigma_w, inside.sigma_b, start, "none", why, float(at.xi_c), float(at.xi_gradient), scale)


def _batch_normalised(block: Block, depth: int) -> Choice:
    """The weights at which q = 1 is the fixed point, if there is one; gradients do not depend on them."""
    q = float(stable_q(block.at(sigma_w=1.0, sigma_b=0.0))[0])
    if np.isinf(q):  # along a whole skip connection: the branch by itself
        branch = next(layer.branch for layer in block.walk() if isinstance(layer, Residual))
        q = float(stable_q(checked(branch).at(sigma_w=1.0, sigma_b=0.0))[0])
    network = block.at(sigma_w=q**-0.5, sigma_b=0.0)
    at, layers = (
        at_fixed_point(network, stable_q(network)),
        f"{gradient_growth(network, depth, 1.0):.4g} over {depth} layers",
    )
    if at.chi_1 > 1 + CRITICAL:
        how = f"explode by chi_1 = {at.chi_1:.6g} a layer, {layers}, unless a skip_scale of 1 carries them past it"
    else:
        how = f"grow more slowly than exponentially, by {layers}, because a skip connection carries them whole"
    why = f"behind BatchNorm no weights are critical, for they do not change gradients, which {how}"
    return Choice(q**-0.5, 0.0, 1.0, "none", why, float(at.xi_c), float(at.xi_gradient))
