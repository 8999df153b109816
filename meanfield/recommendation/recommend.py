"""The weights to draw for an activation or a block, the reason, and the code that draws them."""

from contextlib import suppress
from typing import Any

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.activations.gains import gains
from meanfield.activations.resolve import activation
from meanfield.arguments import whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, MeanFieldError
from meanfield.networks.images import without_tokens
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.residual import Residual
from meanfield.networks.text.text import written
from meanfield.recommendation.choice import Choice, gradient_growth
from meanfield.recommendation.for_activation import weights_for_activation
from meanfield.recommendation.for_block import weights_for_block
from meanfield.recommendation.last_layer import last_sigma
from meanfield.recommendation.max_depth import WIDEST, depth_by_growth, log_gradient
from meanfield.recommendation.recommendation import Recommendation
from meanfield.recommendation.snippets import Numbers, snippets
from meanfield.recommendation.tokens import of_tokens
from meanfield.shaping.transform import DEEPEST as DEEPEST_SHAPE
from meanfield.shaping.transform import transform
from meanfield.shaping.transformed import TransformedActivation
from meanfield.theory.assumptions.block import Block, weighted
from meanfield.theory.criticality.deepest import TRAINABLE
from meanfield.theory.depth.propagate import DEEPEST
from meanfield.theory.fixed_points.mlp_moments import mlp_moments
from meanfield.theory.fixed_points.stability import stability
from meanfield.theory.fixed_points.variance import fixed_points

__all__ = ["recommend"]


@own_error_state
def recommend(
    spec: Any, *, depth: int = 50, width: int = 1024, tokens: int | None = None, token_c: float | None = None
) -> Recommendation:
    """Weights for a network of an activation or of a block: critical ones, if there are any at a stable q.

    If noise makes critical weights impossible, those are recommended at which signals carry deepest. If a skip
    connection carries gradients at their full size, so that they grow, the weights suit the branch by itself, and the
    reason says what a smaller branch_scale would do.

    Parameters
    ----------
    spec : str, callable, Activation, Layer or Network
        The activation of a fully connected network, or the block that is repeated. All its weighted layers take the
        recommended sigma_w and sigma_b in place of their own.
    depth, width : int
        Depth and width of the network, ≥ 1. `growth` and `max_depth` depend on them, the weights do not.
    tokens, token_c
        As in `propagate`: `growth` is then of the gradients of each of T exchangeable tokens, and the reason also says
        what becomes of their correlation. The weights are those for equal tokens.

    Returns
    -------
    Recommendation

    Raises
    ------
    InvalidInput
        If `depth` or `width` is out of range, the activation is 0 everywhere, the block has no weights or parameters
        that are arrays, second moments do not determine what it does, or no weights keep signal or gradient.
    UnknownActivation, BadActivation
        If `spec` is not usable.

    References
    ----------
    Roberts, Yaida & Hanin 2022 (arXiv:2106.10165), section 5.3; Hanin 2018 (arXiv:1801.03744) on depth over width;
    Pretorius et al. 2018 (arXiv:1811.00293) for noise, Doshi, He & Gromov 2021 (arXiv:2111.12143) for norms and skip
    weights.

    Examples
    --------
    >>> import meanfield as mf
    >>> advice = mf.recommend("tanh")
    >>> advice.sigma_w, advice.sigma_b
    (1.0, 0.0)
    >>> print(advice.reason)
    tanh has phi(0) = 0: sigma_w = 1 keeps the gradients of small signals, and q decays, but not exponentially.

    >>> advice = mf.recommend(mf.Network("relu", mf.Dropout(0.2), mf.Dense()))
    >>> print(f"{advice.sigma_w**2:.6f} {advice.max_depth:.1f}")
    1.600000 9.3
    >>> print(advice.reason)  # doctest: +NORMALIZE_WHITESPACE
    Dropout parts equal inputs, so no weights are critical: at sigma_w² = 1.6, sigma_b = 0 signals carry deepest, with
    a depth scale of 1.554 layers, and every q is kept.
    """
    depth, width = whole(depth, "depth", DEEPEST), whole(width, "width", WIDEST)
    if tokens is None:
        without_tokens(token_c)
    if isinstance(spec, list | tuple):
        raise InvalidInput("recommend takes one block that is repeated, not a list of them")
    block = weighted(spec, "recommend")
    plain = mlp_moments(block) is not None  # (φ, Dense)
    phi = block.activations[0] if block.activations else activation("linear")
    every = gains(phi)
    choice = weights_for_activation(block, phi) if plain else weights_for_block(block, depth)
    network = block.at(sigma_w=choice.sigma_w, sigma_b=choice.sigma_b)
    start, reason, points = choice.q, choice.reason, fixed_points(network)
    if start == 0:  # where q decays: from 1, unless something repels it upwards from below 1
        ceiling = next((point.q for point in points if point.q > 0 and not point.stable), np.inf)
        start = min(1.0, 0.5 * ceiling)
        if np.isfinite(ceiling):
            reason = f"{reason}, as long as it starts below {ceiling:.6g}"
    if sides := stability(points):
        reason = f"{reason}; with the recommended weights {sides}"
    scattered = log_gradient(network, start, width, depth)
    apart = batch_size(network) is not None  # batch normalisation keeps inputs apart, so ξ_c limits nothing
    growth = gradient_growth(network, depth, start)
    if tokens is not None:
        growth, said = of_tokens(network, depth, start, tokens, token_c)
        reason = f"{reason}; {said}"
    scale = abs(choice.xi_gradient) if apart else min(choice.xi_c, abs(choice.xi_gradient))
    max_depth = max(TRAINABLE * scale, 1.0)
    if plain and scattered:
        max_depth = min(max_depth, scattered.depth(width))
    elif not np.isfinite(scale):
        max_depth = depth_by_growth(network, start)
    if plain and (choice.universality == "none" or depth > max_depth) and _can_be_shaped(phi, depth):
        reason = f"{reason}; for deep networks mf.transform shapes the activation instead"
    return Recommendation(
        choice.sigma_w,
        choice.sigma_b,
        float(every["forward"]),
        every,
        choice.q,
        choice.xi_c,
        max_depth,
        growth,
        start,
        choice.universality,
        f"{reason}.",
        snippets(
            _numbers(network, choice, phi if plain else None, depth, start),
            phi.name if plain else _named(network),
            convolutions=any(isinstance(layer, Conv) for layer in block.walk()),
        ),
        phi.name if plain else _named(block),
        phi.name,
        depth,
        width,
        scattered.width(depth) if scattered else np.nan,
    ).remembering(network)


def _can_be_shaped(phi: Activation, depth: int) -> bool:
    if isinstance(phi, TransformedActivation):
        return False
    with suppress(MeanFieldError):
        transform(phi, depth=min(depth, DEEPEST_SHAPE))
        return True
    return False


def _numbers(network: Block, choice: Choice, phi: Activation | None, depth: int, start: float) -> Numbers:
    """The numbers of the code; φ is None where the last layer reads the block's output as it is."""
    if choice.branch_scale is not None:
        shorter = {"branch_scale": choice.branch_scale}
        network = network.with_parameters(lambda layer: shorter if isinstance(layer, Residual) else {})
    scales = {(float(x.branch_scale), float(x.skip_scale)) for x in network.walk() if isinstance(x, Residual)}
    branch_scale, skip_scale = scales.pop() if len(scales) == 1 else (None, 1.0)
    last = last_sigma(network, phi, depth, start)
    return Numbers(choice.sigma_w, choice.sigma_b, start, last, depth, branch_scale, skip_scale)


def _named(network: Block) -> str:
    try:
        return written(network)
    except InvalidInput:  # it holds a function without a name
        return repr(network)
