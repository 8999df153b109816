"""Layer by layer: second moments, correlations and gradients of a block repeated in depth."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.arguments import correlation, positive, whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, shown
from meanfield.networks.images import keeps_alike, pixels_of, tokens_of, without_tokens
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.network import Network
from meanfield.networks.stack import as_blocks, as_widths, check_widths
from meanfield.theory.assumptions.block import carries_mean, check_gaussian
from meanfield.theory.assumptions.surrogates import without_surrogates
from meanfield.theory.assumptions.tokens import check_tokens
from meanfield.theory.depth.carried import Carried, mean_of
from meanfield.theory.depth.correlation_orbit import CorrelationOrbit
from meanfield.theory.depth.exchangeable_tokens import over_tokens, over_unlike_tokens
from meanfield.theory.depth.orbit import signals
from meanfield.theory.depth.pixel_means import pixel_means
from meanfield.theory.depth.stochastic_depth import dropped, over_coins
from meanfield.theory.depth.trajectory import Trajectory
from meanfield.theory.fluctuations.bands import bands
from meanfield.theory.layer_maps import one_point
from meanfield.theory.layer_maps.tokens import Tokens
from meanfield.theory.states import Pair, Point
from meanfield.theory.variance_and_correlation_map import broadcast

__all__ = ["DEEPEST", "propagate"]

LONG = 200  # layers still to go from which on a settled signal is followed by its correlation alone
APART = 1e12  # largest ratio of the second moments of two inputs: beyond, floats lose their correlation
BEGIN = 2  # layers before many are tried at once
FEWEST = 64  # layers from which on many at once are tried; their number doubles with each success
MOST = 65536  # numbers of all layers at once
DEEPEST = 10_000_000  # layers whose values are kept


@own_error_state
def propagate(
    block: Any,
    depth: int,
    *,
    q: ArrayLike = 1.0,
    c: ArrayLike | None = None,
    q2: ArrayLike | None = None,
    width: int | Sequence[int] | None = None,
    pixels: int | Sequence[int] | None = None,
    tokens: int | None = None,
    token_c: ArrayLike | None = None,
) -> Trajectory:
    """Carry one input, or a pair, through `depth` repetitions of a block, or through `depth` blocks that differ.

    Parameters
    ----------
    block : Network, activation, or list of them
        A bare activation means ``mlp(activation)``; a list gives one block a layer.
    depth : int
        Number of layers, ≥ 1.
    q : float or array_like
        Second moment of the signal at layer 0, > 0.
    c : float or array_like, optional
        Correlation of the two signals there, in [−1, 1]. Under batch normalisation any two inputs of the batch have
        it; if it is not given, the batch is the one that the block reproduces.
    q2 : float or array_like, optional
        Second moment of the other one; `q` by default.
    width : int or sequence of int, optional
        Units at layers 0 … depth, for bands and where they differ. With weights of variance sigma_w²/fan_in they do not
        matter to q and c. The *sum* of squared gradients over units grows by chi too, so their mean grows by chi times
        a ratio of widths.
    pixels : int or sequence of int, optional
        Size of images along each axis, or tokens of sequences; 16 or 8 × 8 by default. Where layers do not keep pixels
        alike, or if it is given, q, c and gradients are means over pixels, which have `q` and `c` at layer 0 and are
        orthogonal to each other; `chi` is then nan at the last layer. `propagate_pixels` says what each one does.
    tokens : int, optional
        Tokens T ≥ 2 of a sequence, exchangeable: all have `q`, and any two of them `token_c`. The trajectory then has
        `token_c` too, `c` compares tokens at one place of two sequences (c·token_c at different places), and gradients
        are of each token, through values, queries and keys. Causal attention makes tokens unlike: all covariances are
        then followed, and means over tokens and over pairs of them returned; with softmax these are sampled beyond 3
        tokens, with standard errors of about 1e-4 a layer, in seconds a layer, for 64 tokens at most. Without it, all
        tokens of a sequence are equal.
    token_c : float or array_like, optional
        Correlation of any two tokens of a sequence at layer 0, in [−1/(T − 1), 1]; 0.5 by default.

    Returns
    -------
    Trajectory
        Arrays of shape ``(depth + 1, *shape)``, where shape is the broadcast shape of q, c, q2 and the block's sigmas.

    Raises
    ------
    InvalidInput
        If an argument is out of range or shapes do not broadcast.

    References
    ----------
    Poole et al. 2016 (arXiv:1606.05340), eqs. 3 and 5; Schoenholz et al. 2017 (arXiv:1611.01232), eq. 16 for gradients.

    Examples
    --------
    The correlation of two orthogonal inputs under He's initialisation, which ends at 1 but slowly:

    >>> import meanfield as mf
    >>> mf.propagate(mf.mlp("relu", 2**0.5), 3, c=0.0).c
    array([0.        , 0.31830989, 0.49373109, 0.60482572])
    """
    depth = whole(depth, "depth", DEEPEST)
    blocks = as_blocks(block, depth)
    if tokens is not None:
        return _over_tokens(blocks, depth, q, c, q2, width, pixels, tokens, token_c)
    without_tokens(token_c)
    if (layer := dropped(blocks, depth)) is not None:
        if c is not None or pixels is not None:
            raise InvalidInput("where layers are dropped at random, propagate follows one input: no c and no pixels")
        if width is not None:
            check_widths((Network(layer.kept),), as_widths(width, depth))
        return over_coins(propagate(layer.kept, depth, q=q), layer.rate)
    if pixels is not None or not keeps_alike(*blocks):
        return _over_pixels(blocks, depth, q, c, q2, width, pixels)
    check_gaussian(*blocks, repeated=len(blocks) == 1, means=True)
    widths = None
    if width is not None:
        check_widths(blocks, units := as_widths(width, depth))
        widths = np.asarray(units, dtype=np.float64)
    if c is None and len(blocks) > 1 and batch_size(*blocks) is not None:
        raise InvalidInput("a list of blocks with BatchNorm needs c, the correlation of the batch's inputs")
    starts = [positive(q, "q")]
    if q2 is not None:
        starts.append(positive(q2, "q2"))
    if c is not None:
        starts.append(correlation(c))
    elif q2 is not None:
        raise InvalidInput("q2 belongs to a second input: give the correlation c of the two as well")
    arrays = broadcast(Network(*blocks), *starts)
    first = arrays[0]
    pair = None
    if c is not None:
        second = arrays[1] if q2 is not None else first
        if np.any(np.abs(np.log(first) - np.log(second)) > np.log(APART)):
            raise InvalidInput(
                f"q and q2 may differ by a factor of {APART:g} at most, not {shown(q)} and {shown(q2)}: "
                "beyond, the difference of the inputs does not tell their correlation"
            )
        root = np.where(first == second, first, np.sqrt(first) * np.sqrt(second))
        misfit = 0.0 if q2 is None else 0.5 * (np.sqrt(first) - np.sqrt(second)) ** 2
        d = misfit + root * (1.0 - arrays[-1])
        pair = Pair.at(first, d) if q2 is None else Pair.of(first, second, d)
    run = _run(blocks, depth, first, pair, widths)
    return run if width is None else replace(run, **bands(blocks, run.q, run.gradient, as_widths(width, depth)))


def _over_tokens(
    blocks: tuple[Network, ...], depth: int, q: Any, c: Any, q2: Any, width: Any, pixels: Any, tokens: Any, token_c: Any
) -> Trajectory:
    """The trajectory of exchangeable tokens."""
    count, t = tokens_of(tokens, token_c)
    if q2 is not None or pixels is not None:
        raise InvalidInput("with tokens= all tokens have one q, and there are no pixels: leave out q2 and pixels")
    check_tokens(*blocks, repeated=len(blocks) == 1)
    widths = None
    if width is not None:
        check_widths(blocks, units := as_widths(width, depth))
        widths = np.asarray(units, dtype=np.float64)
    given = [positive(q, "q"), t, *([] if c is None else [correlation(c)])]
    start = Tokens.at(count, *broadcast(Network(*blocks), *given))
    if not any(layer.orders_points for block in blocks for layer in block.walk()):
        return over_tokens(blocks, depth, start, widths)
    if start.q.ndim:
        raise InvalidInput(
            "causal attention makes tokens unlike, so that propagate takes one network, one q, c and token_c at a "
            f"time, not arrays of shape {start.q.shape}"
        )
    return over_unlike_tokens(blocks, depth, start, widths)


def _over_pixels(
    blocks: tuple[Network, ...], depth: int, q: Any, c: Any, q2: Any, width: Any, pixels: Any
) -> Trajectory:
    """The trajectory of means over pixels."""
    second, between = positive(q, "q"), None if c is None else correlation(c)
    if (
        (shape := Network(*blocks).shape) != ()
        or second.ndim
        or (between is not None and between.ndim)
        or q2 is not None
    ):
        raise InvalidInput(
            "where pixels differ, propagate takes one network, one q and one c at a time, and no q2"
            + (f", not arrays of shape {shape}" if shape else "")
        )
    own = float(second)
    inputs = np.array([[own]]) if between is None else own * (np.eye(2) + float(between) * (1.0 - np.eye(2)))
    means = pixel_means(blocks, depth, inputs, pixels_of(blocks, None, pixels))
    gradient, gap = means["gradient"], means.get("one_minus_c")
    with np.errstate(divide="ignore", invalid="ignore"):
        chi = np.append(gradient[:-1] / gradient[1:], np.nan)
    if width is not None:
        check_widths(blocks, units := as_widths(width, depth))
        gradient = gradient * units[-1] / np.asarray(units, dtype=np.float64)
    why = "bands are not known where pixels differ"
    return Trajectory(means["q"], None if gap is None else 1.0 - gap, gap, chi, gradient, band_reason=why)


def _run(blocks: tuple[Network, ...], depth: int, q: Floats, pair: Pair | None, widths: Floats | None) -> Trajectory:
    shape = (depth + 1, *np.shape(q))
    qs, chis, gaps = np.empty(shape), np.empty(shape), np.empty(shape)
    in_batch = pair is not None and batch_size(*blocks) is not None
    means, carry = np.zeros(shape), carries_mean(*blocks)
    alone = len(blocks) == 1 and batch_size(*blocks) is None and not carry
    carried, layer, many, retry = Carried.at(blocks[0], np.asarray(q), pair, in_batch, carry), 0, FEWEST, BEGIN
    while True:
        qs[layer], chis[layer] = carried.q, carried.after.chi.value
        if carried.pair is not None:
            gaps[layer] = carried.pair.one_minus_c
        left = depth - layer
        if left == 0:
            break
        if len(blocks) == 1 and not in_batch and not carry and left > LONG and carried.settled:
            _follow(carried, qs[layer:], chis[layer:], None if pair is None else gaps[layer:])
            means[layer + 1 :] = mean_of(carried.after)
            break
        found = None
        if alone and layer >= retry and left >= FEWEST:
            most = min(left if left <= 2 * many else many, max(MOST // np.size(q), 1))
            found = signals(carried.block, carried.q, carried.pair, most) if most >= FEWEST else None
            many, retry = (2 * many, layer) if found else (FEWEST, layer + FEWEST)
        if found:
            after = slice(layer, layer + len(found.q))
            qs[after], chis[after] = found.q, found.chi
            if found.gap is not None:
                gaps[after] = found.gap
            means[layer + 1 : layer + len(found.q)] = mean_of(one_point(carried.block, Point.at(found.q[:-1])))
            layer += len(found.q) - 1
            carried = Carried.at(carried.block, found.q[-1], found.last, in_batch, carry)
        else:
            layer += 1
            means[layer] = mean_of(carried.after)
            carried = carried.through(blocks[min(layer, len(blocks) - 1)])
    gradient = np.ones(shape)
    with np.errstate(over="ignore", invalid="ignore"):
        gradient[:-1] = np.cumprod(chis[-2::-1], axis=0)[::-1]
        if widths is not None:
            gradient *= (widths[-1] / widths).reshape(-1, *[1] * np.ndim(q))
    c, gap = (None, None) if pair is None else (1.0 - gaps, gaps)
    return Trajectory(qs, c, gap, chis, gradient, mean=means)


def _follow(carried: Carried, qs: Floats, chis: Floats, gaps: Floats | None) -> None:
    """The rest of the layers from a settled one on, in place: q to first order in its remaining drift."""
    block, signal = carried.block, carried.after
    drift, slope = signal.q.value - qs[0], np.asarray(signal.slope.value)
    for layer in range(1, len(qs)):
        qs[layer] = qs[layer - 1] + drift
        drift = drift * slope
    chis[1:] = chis[0]
    if gaps is not None:
        forward = without_surrogates(block)
        chi = chis[0] if forward is block else one_point(forward, Point.at(qs[0])).chi.value
        orbit = CorrelationOrbit(block, float(np.max(qs[0])), float(np.max(chi * qs[0] / signal.q.value)))
        gaps[:] = orbit.follow(gaps[0], len(gaps))
