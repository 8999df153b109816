"""Sequences of exchangeable tokens, layer by layer: q, correlations of tokens and of sequences, and gradients.

Gradients go backwards as the pair (π, ρ): the mean square of a token's gradient, and the covariance of the gradients of
two tokens. At the last layer ρ is 0; attention makes it positive, so that gradients over several blocks are not the
product of factors of single blocks.
"""

from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.networks.layers.network import Network
from meanfield.theory.depth.pixels import check_images, propagate_pixels
from meanfield.theory.depth.scan import by_layer, scan
from meanfield.theory.depth.trajectory import Trajectory
from meanfield.theory.layer_maps.covariance import Pullback, all_points
from meanfield.theory.layer_maps.tokens import Tokens, stacked

BANDS = "bands are not known for sequences of tokens"


class _Layer(NamedTuple):
    """The tokens at a layer, and the way back of gradients through the block before it."""

    state: Tokens
    back: Pullback

    @staticmethod
    def through(block: Network, layer: "_Layer") -> "_Layer":
        """The next layer."""
        after, back = all_points(block, layer.state)
        return _Layer(after.anew, back)


def over_tokens(blocks: tuple[Network, ...], depth: int, start: Tokens, widths: Floats | None) -> Trajectory:
    """The trajectory of tokens from `start`; the last `chi` is of one more block, for independent gradients."""
    layers = list(scan(by_layer(blocks, depth), _Layer(start, lambda g: g), _Layer.through))
    states = [layer.state for layer in layers]
    shape = np.broadcast_shapes(np.shape(start.q), *(np.shape(state.q) for state in states))
    one = stacked(np.ones(shape), np.zeros(shape))
    pullbacks = [layer.back for layer in layers[1:]]
    gradients = [g[0] for g in scan(reversed(pullbacks), one, lambda back, g: back(g))][::-1]
    gradient = np.array([np.broadcast_to(g, shape) for g in gradients])
    more = all_points(blocks[-1], states[-1])[1](one)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        chi = np.concatenate([gradient[:-1] / gradient[1:], np.broadcast_to(more, shape)[None]])
    if widths is not None:
        gradient = gradient * (widths[-1] / widths).reshape(-1, *[1] * len(shape))

    def gaps(name: str) -> Floats:
        return np.array([np.broadcast_to(getattr(state, name).one_minus_c, shape) for state in states])

    apart, of_tokens = None if start.same is None else gaps("same"), gaps("within")
    return Trajectory(
        np.array([np.broadcast_to(state.q, shape) for state in states]),
        None if apart is None else 1.0 - apart,
        apart,
        chi,
        gradient,
        band_reason=BANDS,
        token_c=1.0 - of_tokens,
        one_minus_token_c=of_tokens,
    )


def over_unlike_tokens(blocks: tuple[Network, ...], depth: int, start: Tokens, widths: Floats | None) -> Trajectory:
    """The same where a layer makes tokens unlike, as causal attention does: means over tokens, or over pairs of them.

    All covariances of all tokens are followed. Softmax attention over more than three tokens is sampled.
    """
    sequences, count = len(start.pairs) // 2 + 1, start.count
    check_images(blocks, sequences, (count,), depth)
    own, other = np.eye(count, dtype=np.bool_), ~np.eye(count, dtype=np.bool_)
    q = float(start.q)
    within, same, across = (q - float(pair.d.value) for pair in (start.pairs * 3)[:3])
    inside, between = np.where(own, q, within), np.where(own, same, across)
    sigma = inside if sequences == 1 else np.block([[inside, between], [between, inside]])
    run = propagate_pixels(blocks[0] if len(blocks) == 1 else list(blocks), sigma, depth, pixels=count)
    gaps = run.one_minus_c.reshape(depth + 1, sequences, count, sequences, count)
    of_tokens = np.mean([gaps[:, i, :, i][:, other].mean(axis=1) for i in range(sequences)], axis=0)
    apart = None if sequences == 1 else gaps[:, 0, :, 1][:, own].mean(axis=1)
    gradient = run.gradient.mean(axis=1)
    chi = np.append(gradient[:-1] / gradient[1:], np.nan)
    if widths is not None:
        gradient = gradient * widths[-1] / widths
    return Trajectory(
        run.q.mean(axis=1),
        None if apart is None else 1.0 - apart,
        apart,
        chi,
        gradient,
        band_reason=BANDS,
        token_c=1.0 - of_tokens,
        one_minus_token_c=of_tokens,
    )
