"""Streams with branches of an activation and one Dense layer: h′ = g h + a(W φ(h) + b).

The same units carry the stream through all layers, so that the averages over units of different layers are correlated.
Given the averages E_l = (1/n) Σ φ(h_l)² and S_l = (1/n) Σ (φ′(h_l) t_l)², the units are independent Gaussians; h_l and
h_k have the correlation g^{l−k} √(K_k/K_l).
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from meanfield._types import Floats
from meanfield.theory.fluctuations.families import NoExpansion, ResidualLayer, within_floats
from meanfield.theory.fluctuations.hermite_products import coefficients, terms
from meanfield.theory.fluctuations.one_gaussian_moments import moments_at
from meanfield.theory.fluctuations.plain import FirstOrder

MOST_LAYERS = 2000  # the cost is quadratic in depth


def residual(layers: Sequence[ResidualLayer], q: float, per_unit: Floats) -> FirstOrder:
    """The expansion before each layer and after the last; `per_unit` is 1/width, the same for all layers."""
    if len(layers) > MOST_LAYERS:
        raise NoExpansion(f"the expansion of residual layers goes to depth {MOST_LAYERS}")
    k, t = [q], [1.0]
    moments = []
    for layer in layers:
        (m,) = moments_at(layer.phi, np.array([k[-1]]))
        g, a = layer.skip**2, layer.scale**2
        moments.append(m)
        k.append(g * k[-1] + a * (layer.w * m.v + layer.b))
        t.append(t[-1] * (g + a * layer.w * m.d))
    signal, slope = np.array(k), np.array(t)
    within_floats(signal)
    along, of_t = correlations(layers, signal), correlations(layers, slope)
    squares, slopes = series(layers, signal[:-1], along)
    rows = [(0.0, 0.0, 0.0, 0.0)]
    # Weights of the noises so far: of E in δK, of E in δT/T, and of S/T in δT/T.
    of_k, e_in_t, s_in_t = np.zeros((3, len(layers)))
    var_k, var_t, cov, var_j = 0.0, 0.0, 0.0, 0.0
    for i, (layer, m) in enumerate(zip(layers, moments, strict=True)):
        g, gain, before = layer.skip**2, layer.scale**2 * layer.w, slice(0, i)
        chi = g + gain * m.d
        rho, rho_t = along[i, before], of_t[i, before]
        ee = covariances(squares[i], squares[before], rho)
        es = covariances(squares[i], slopes[before], rho)  # of E_i with S_k/T_k of earlier layers
        se = covariances(slopes[i], squares[before], rho)
        ss = covariances(slopes[i], slopes[before], rho)
        both = ss + 2 * rho_t**2 * (ss + m.d * np.array([one.d for one in moments[before]]))
        e_k, e_t = float(ee @ of_k[before]), float(ee @ e_in_t[before] + es @ s_in_t[before])
        s_k, s_t = float(se @ of_k[before]), float(se @ e_in_t[before] + both @ s_in_t[before])
        s_j = float(se @ e_in_t[before] + ss @ s_in_t[before])
        own_e, own_s, own_es = m.ffff - m.v**2, 3 * m.dddd - m.d**2, m.ffdd - m.v * m.d
        keep, turn = g + gain * m.v1, gain * m.d1 / chi
        fresh = gain / chi
        new_t = var_t + turn**2 * var_k + fresh**2 * own_s + 2 * (turn * cov + fresh * s_t + turn * fresh * s_k)
        own_j = m.dddd - m.d**2
        new_j = var_j + turn**2 * var_k + fresh**2 * own_j + 2 * (turn * cov + fresh * s_j + turn * fresh * s_k)
        new_cov = keep * (cov + turn * var_k + fresh * s_k) + gain * (e_t + turn * e_k + fresh * own_es)
        var_k = keep**2 * var_k + gain**2 * own_e + 2 * keep * gain * e_k
        var_t, var_j, cov = new_t, new_j, new_cov
        e_in_t += turn * of_k
        s_in_t[i] = fresh
        of_k *= keep
        of_k[i] = gain
        spread = float(np.sqrt(var_k) * np.sqrt(var_t))
        rows.append((var_k / k[i + 1] ** 2, var_t, var_j, cov / spread if spread > 0 else 0.0))
    share = per_unit[0]
    var_q, var_gradient, var_jacobian, correlation = np.array(rows).T
    unknown = np.full(signal.shape, np.nan)
    return FirstOrder(signal, var_q * share, unknown, var_gradient * share, unknown, var_jacobian * share, correlation)


def correlations(layers: Sequence[ResidualLayer], size: Floats) -> Floats:
    """The correlation of a unit of layers l and k ≤ l, the product of the skips between them times √(size_k/size_l)."""
    found = np.eye(len(layers))
    for i in range(1, len(layers)):
        found[i, :i] = layers[i - 1].skip * np.sqrt(size[i - 1] / size[i]) * found[i - 1, :i]
    return np.clip(found, -1.0, 1.0)


def series(layers: Sequence[ResidualLayer], k: Floats, along: Floats) -> tuple[Floats, Floats]:
    """Hermite coefficients of φ² and φ′² at each layer's variance, shape (layers, order)."""
    largest = float(np.max(np.abs(np.tril(along, -1)), initial=0.0))
    order = terms(largest)
    if order is None:
        raise NoExpansion(
            f"the units of the stream hardly change from layer to layer (correlation {largest:.6f}), "
            "so that the series of the expansion does not converge"
        )
    squares, slopes = np.empty((2, len(layers), order))
    for phi in {id(layer.phi): layer.phi for layer in layers}.values():
        own = [i for i, layer in enumerate(layers) if layer.phi is phi]
        octaves = np.zeros(k.shape) if phi.is_scale_invariant else np.floor(np.log2(k))
        for octave in np.unique(octaves[own]):
            some = [i for i in own if octaves[i] == octave]
            squares[some] = coefficients(phi, partial(_squared, phi), k[some], order, degree=2)
            slopes[some] = coefficients(phi, partial(_squared, phi.derivative), k[some], order, degree=0, jumps=True)
    return squares, slopes


def _squared(f: Callable[[Floats], Floats], x: Floats) -> Floats:
    return f(x) ** 2


def covariances(one: Floats, others: Floats, rho: Floats) -> Floats:
    """Cov f(u), g(v) = Σ_{n ≥ 1} aₙ bₙ ρⁿ of one function with others."""
    total = np.zeros(len(others))
    for n in range(one.size - 1, 0, -1):
        total = rho * (total + one[n] * others[:, n])
    return total
