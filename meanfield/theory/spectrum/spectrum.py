"""The spectrum of the input-output Jacobian of a deep random network, for users."""

import math
from collections.abc import Sequence
from typing import Any

from meanfield.arguments import choice, number, whole
from meanfield.bounded import Bounded
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.estimates import Estimate
from meanfield.networks.layers.network import Network
from meanfield.networks.stack import as_blocks, as_widths, check_widths
from meanfield.theory.assumptions.block import check_gaussian
from meanfield.theory.spectrum.free_products.assembly import assembled
from meanfield.theory.spectrum.free_products.distribution import Distribution
from meanfield.theory.spectrum.free_products.jacobian import LAWS, NotFree, Weights, repeated
from meanfield.theory.spectrum.free_products.log_mean import log_mean
from meanfield.theory.spectrum.free_products.moments import moments
from meanfield.theory.spectrum.law import Spectrum
from meanfield.theory.spectrum.start import start
from meanfield.theory.spectrum.stream_moments import stream_layers, stream_moments

__all__ = ["spectrum"]

DEEPEST = 10_000
STREAM = 1e-11  # relative error a layer of the moments of a stream
CORRELATED = (
    "only the first two moments are known: the slopes of Residual(activation, Dense) read one stream at all depths, so "
    "that the layers are not free of each other"
)


@own_error_state
def spectrum(
    block: Any,
    depth: int,
    *,
    q: float | None = None,
    weights: Weights = "gaussian",
    widths: Sequence[int] | None = None,
) -> Spectrum:
    """The law of the squared singular values of the input-output Jacobian of `depth` blocks, at infinite width.

    Parameters
    ----------
    block : Network, activation, or list of them
        With scalar sigmas: activations, Dense layers and residual layers whose branch starts and ends in a Dense layer.
        A bare activation means ``mlp(activation)``; a list gives one block a layer.
    depth : int
        Number of blocks, ≥ 1.
    q : float, optional
        Second moment of the units at layer 0, > 0; it is followed from layer to layer. By default every layer is at
        the fixed point q* of the block that is reached from q = 1.
    weights : {"gaussian", "orthogonal"}
        Law of the weight matrices, with entries of variance sigma_w²/fan_in. "orthogonal" matrices are
        sigma_w times Haar-distributed ones.
    widths : sequence of int, optional
        Units of layers 0 … depth, whose ratios count; by default all equal.

    Returns
    -------
    Spectrum

    Raises
    ------
    InvalidInput
        If an argument is out of range, q* is 0 or infinite, or the spectrum of the block is not known. Of
        ``Residual(activation, Dense)`` with Gaussian weights the first two moments are known, and `reason` says why
        no more.
    InfiniteDerivative
        If an activation jumps.

    References
    ----------
    Pennington, Schoenholz & Ganguli 2017 (arXiv:1711.04735), eqs. 11–16, and 2018 (arXiv:1802.09979); Tarnowski et al.
    2019 (arXiv:1809.08848) for residual blocks.

    Examples
    --------
    >>> import meanfield as mf
    >>> s = mf.spectrum(mf.mlp("relu", 2**0.5), 8, weights="orthogonal")
    >>> print(f"{s.edges[1]:.9f} {s.spread:.6f} {s.atoms}")  # 8⁸/7⁷
    20.371997576 8.000000 {0.0: 0.5}
    """
    depth = whole(depth, "depth", DEEPEST)
    weights = choice(weights, "weights", LAWS)
    blocks = as_blocks(block, depth)
    sizes = as_widths(2 if widths is None else widths, depth)
    check_widths(blocks, sizes)
    if (shape := Network(*blocks).shape) != ():
        raise InvalidInput(f"spectrum takes one sigma_w and sigma_b, not arrays of shape {shape}")
    check_gaussian(*blocks)
    settled = q is None
    begin = start(blocks) if q is None else number(q, "q")
    if not (math.isfinite(begin) and begin > 0):
        raise InvalidInput(f"q must be one finite number > 0, not {begin:g}")
    try:
        sequence = list(repeated(blocks, depth, begin, settled and len(set(sizes)) == 1))
        if weights == "gaussian" and (stream := stream_layers(sequence)) is not None:
            return _of_stream(stream_moments(stream), depth, _label(blocks))
        assembly = assembled(sequence, weights, sizes)
    except NotFree as error:
        raise InvalidInput(f"no spectrum can be given: {error}") from None
    found = moments(assembly.curve)
    share = assembly.share
    law = Distribution(assembly, float(found[0].value))
    low, high = law.edges
    exponent = -math.inf if assembly.at_zero > 0 else log_mean(assembly.curve)
    return Spectrum(
        edges=(Estimate(*low), Estimate(*high)),
        atoms=law.atoms,
        bands=tuple((_exp(band.low.log), _exp(band.high.log)) for band in law.bands),
        moments=tuple(_scaled(share, one) for one in found),
        log_mean=Estimate(exponent, 0.0 if math.isinf(exponent) else 1e-13 * (depth + abs(exponent))),
        depth=depth,
        weights=weights,
        label=_label(blocks),
        reason="",
        _law=law,
    )


def _of_stream(found: tuple[float, float], depth: int, label: str) -> Spectrum:
    """The first two moments of a stream whose slopes are correlated across depth."""
    unknown = Estimate(math.nan, math.inf, False)
    return Spectrum(
        edges=(unknown, unknown),
        atoms={},
        bands=(),
        moments=tuple(Estimate(one, STREAM * depth * abs(one)) for one in found),
        log_mean=unknown,
        depth=depth,
        weights="gaussian",
        label=label,
        reason=CORRELATED,
        _law=None,
    )


def _exp(log: float) -> float:
    return math.inf if log == math.inf else math.exp(log)


def _scaled(share: float, one: Bounded) -> Estimate:
    return Estimate(float(share * one.value), float(share * one.error))


def _label(blocks: tuple[Network, ...]) -> str:
    return repr(blocks[0]) if len(set(map(repr, blocks))) == 1 else f"{len(blocks)} different blocks"
