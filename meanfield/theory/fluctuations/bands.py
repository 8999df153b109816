"""Bands of one standard deviation about a trajectory, for networks of given widths."""

from typing import TypedDict

import numpy as np

from meanfield._types import Floats
from meanfield.networks.layers.network import Network
from meanfield.theory.fluctuations.families import ENDS, ResidualLayer, TwoLayerBranch, of_one_kind, residual_layer, why
from meanfield.theory.fluctuations.layers import layers_of, read_by, too_large
from meanfield.theory.fluctuations.plain import gradient_to_last, plain
from meanfield.theory.fluctuations.two_layer_branch import two_layer_branches


class Bands(TypedDict):
    """The fields of a `Trajectory` that depend on widths."""

    q_band: Floats | None
    gradient_band: Floats | None
    band_reason: str


def bands(blocks: tuple[Network, ...], q: Floats, gradient: Floats, widths: tuple[int, ...]) -> Bands:
    """The bands about q and the gradient by layer, of |h|²/n and of the squared gradient of single networks.

    Parameters
    ----------
    blocks : tuple of Network
        One that is repeated, or one a layer.
    q, gradient : ndarray, shape (layers, ...)
        At infinite width. |h|²/n is q[0] exactly at layer 0.
    widths : tuple of int
        Units of each layer.
    """
    if q.ndim > 1:
        return Bands(q_band=None, gradient_band=None, band_reason="bands are of one network and one q")
    first, back, reason = _factors(blocks * ((len(widths) - 1) // len(blocks)), float(q[0]), widths)
    return Bands(
        q_band=None if first is None else q * first,
        gradient_band=None if back is None else gradient * back,
        band_reason=reason,
    )


def _factors(
    blocks: tuple[Network, ...], q: float, widths: tuple[int, ...]
) -> tuple[Floats | None, Floats | None, str]:
    """The bands relative to infinite width, shape (2, layers), and why one of them is not known."""
    read, units = 1.0 / np.array(widths[:-1], dtype=np.float64), np.array(widths, dtype=np.float64)
    try:
        kinds = tuple(residual_layer(block) for block in blocks)
        if any(isinstance(kind, ResidualLayer) for kind in kinds):
            return None, None, "bands are known of plain blocks and of branches (Dense, activation, Dense)"
        if any(kind is not None for kind in kinds):
            stream = two_layer_branches(of_one_kind(kinds, TwoLayerBranch), q, read)
            if reason := too_large(stream):
                return None, None, reason
            return _band(stream.shift_log_q, stream.var_log_q), None, "gradients of residual streams have no band"
        layers, ends = layers_of(blocks)
        shares = read_by(blocks, widths)
        found = plain(layers, q, shares, fixed_norm=True)
        if reason := too_large(found):
            return None, None, reason
        back = gradient_to_last(layers, found, shares)
    except ENDS as error:
        return None, None, why(error)
    norm = _band(found.shift_log_q[ends] - 1 / units, found.var_log_q[ends] + 2 / units)
    if not np.isfinite(back.var).all():
        return norm, None, "the activation jumps, so gradients are infinite"
    return norm, _band(back.shift[ends], back.var[ends]), ""


def _band(shift: Floats, variance: Floats) -> Floats:
    spread = np.sqrt(np.maximum(variance, 0.0))
    return np.exp(np.stack([shift - spread, shift + spread]))
