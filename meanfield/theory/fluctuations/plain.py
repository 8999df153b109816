"""One input and one direction of its derivative through plain layers.

The units of a layer are independent Gaussians given the layer before. Their second moment G and the second moment T of
their derivative in a direction are averages over the units of that layer, so that their fluctuations are of order
1/width: variances, covariances and mean shifts obey linear maps (Roberts, Yaida & Hanin 2022, arXiv:2106.10165, chapter
4, for G; the maps of T follow in the same way).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.theory.fluctuations.families import PlainLayer, within_floats
from meanfield.theory.fluctuations.one_gaussian_moments import OneGaussianMoments, moments_at


class FirstOrder(NamedTuple):
    """Variances and shifts to first order in 1/width, by layer; NaN where no expansion is known."""

    q: Floats
    var_log_q: Floats
    shift_log_q: Floats
    var_log_gradient: Floats
    shift_log_gradient: Floats
    var_log_jacobian: Floats
    correlation: Floats


class _State(NamedTuple):
    """What fluctuates about the second moments k of the units and 1 of their derivative, which is scaled to it."""

    k: float
    var_g: float = 0.0
    shift_g: float = 0.0
    var_c: float = 0.0  # of the covariance of the units and their derivative, whose mean is 0
    cov_gt: float = 0.0
    var_t: float = 0.0
    cov_gj: float = 0.0
    var_j: float = 0.0  # of the Frobenius norm
    shift_t: float = 0.0


def variances(layers: Sequence[PlainLayer], q: float) -> Floats:
    """E h² at infinite width before each layer, and after the last."""
    found = [q]
    for layer in layers:
        found.append(layer.w * float(layer.phi.moments.second_moment(found[-1])[0]) + layer.b)
    return np.array(found)


def moments_by_layer(layers: Sequence[PlainLayer], k: Floats) -> list[OneGaussianMoments]:
    """The moments of each layer's activation at its variance; those of one activation are computed together."""
    found: dict[int, OneGaussianMoments] = {}
    for phi in {id(layer.phi): layer.phi for layer in layers}.values():
        own = [i for i, layer in enumerate(layers) if layer.phi is phi]
        distinct, which = np.unique(k[own], return_inverse=True)
        at = moments_at(phi, distinct)
        found |= {i: at[j] for i, j in zip(own, which.tolist(), strict=True)}
    return [found[i] for i in range(len(layers))]


def plain(layers: Sequence[PlainLayer], q: float, per_unit: Floats, *, fixed_norm: bool = False) -> FirstOrder:
    """The expansion before each layer and after the last; `per_unit` is 1/width of the units that each layer reads.

    The units of the input are independent Gaussians. With `fixed_norm` their |h|²/n is `q` exactly: to first order this
    takes away the variance 2q²/n that it has otherwise.
    """
    k = variances(layers, q)
    within_floats(k)
    state, states = _State(q, var_g=-2 * q**2 * float(per_unit[0]) if fixed_norm else 0.0), []
    for layer, m, after, share in zip(layers, moments_by_layer(layers, k[:-1]), k[1:], per_unit, strict=True):
        states.append(state)
        state = _next(state, layer.w, m, float(after), float(share))
    states.append(state)
    k, var_g, shift_g, _, cov_gt, var_t, _, var_j, shift_t = np.array(states).T
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        spread = np.sqrt(var_g) * np.sqrt(var_t)
        correlation = np.where(spread > 0, cov_gt / np.where(spread > 0, spread, 1.0), 0.0)
        return FirstOrder(
            q=k,
            var_log_q=var_g / k**2,
            shift_log_q=shift_g / k - var_g / (2 * k**2),
            var_log_gradient=var_t,
            shift_log_gradient=shift_t - var_t / 2,
            var_log_jacobian=var_j,
            correlation=np.where(np.isfinite(var_t), correlation, np.nan),
        )


def _next(s: _State, w: float, m: OneGaussianMoments, after: float, share: float) -> _State:
    parallel, turn = w * m.v1, m.d1 / m.d
    with_slope = (m.ffdd / m.d - m.v) * w * share

    def of_norm(cov: float, var: float, fourth: float) -> tuple[float, float]:
        """The covariance with G, and the variance, of T or of the Frobenius norm."""
        fresh = (fourth * m.dddd / m.d**2 - 1) * share
        return parallel * (cov + turn * s.var_g) + with_slope, var + 2 * turn * cov + turn**2 * s.var_g + fresh

    cov_gt, var_t = of_norm(s.cov_gt, s.var_t, 3.0)
    cov_gj, var_j = of_norm(s.cov_gj, s.var_j, 1.0)
    return _State(
        k=after,
        var_g=parallel**2 * s.var_g + w**2 * (m.ffff - m.v**2) * share,
        shift_g=parallel * s.shift_g + 0.5 * w * m.v2 * s.var_g,
        var_c=(parallel**2 * s.var_c + w**2 * m.ffdd * share) / (w * m.d),
        cov_gt=cov_gt,
        var_t=var_t,
        cov_gj=cov_gj,
        var_j=var_j,
        shift_t=s.shift_t + turn * (s.cov_gt + 2 * s.var_c + s.shift_g) + 0.5 * m.d2 / m.d * s.var_g,
    )


class ToLast(NamedTuple):
    """The logarithm of the squared gradient of the last layer with respect to each layer: its variance and shift."""

    var: Floats
    shift: Floats


def gradient_to_last(layers: Sequence[PlainLayer], found: FirstOrder, per_unit: Floats) -> ToLast:
    """The same expansion read backwards, for each layer before the last and for the last, where both are 0.

    Of δ ln T = Σ (ξ + r·g), with noises ξ of T and the fluctuation g of G, the coefficient of g at a layer is R =
    r + χ_∥ R′, where R′ is the coefficient at the next layer; likewise for the terms of the mean shift.
    """
    k = found.q
    var_g = found.var_log_q * k**2
    shift_g = (found.shift_log_q + found.var_log_q / 2) * k
    var, shift = np.zeros((2, k.size))
    noise, drift, of_g, of_c = 0.0, 0.0, 0.0, 0.0  # sums from a layer on, and R and its like of Var C
    moments = moments_by_layer(layers, k[:-1])
    for i in range(len(layers) - 1, -1, -1):
        m, w, share = moments[i], layers[i].w, float(per_unit[i])
        parallel, turn, with_slope = w * m.v1, m.d1 / m.d, (m.ffdd / m.d - m.v) * w * share
        noise += (3 * m.dddd / m.d**2 - 1) * share + 2 * of_g * with_slope + (of_g * w) ** 2 * (m.ffff - m.v**2) * share
        drift += turn * shift_g[i] + 0.5 * m.d2 / m.d * var_g[i]
        drift += of_g * (parallel * turn * var_g[i] + with_slope) + of_c * w * m.ffdd / m.d * share
        of_g, of_c = turn + parallel * of_g, 2 * turn + parallel**2 / (w * m.d) * of_c
        var[i] = noise + of_g**2 * var_g[i]
        shift[i] = drift - var[i] / 2
    return ToLast(var, shift)
