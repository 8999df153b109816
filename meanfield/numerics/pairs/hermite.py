"""Hermite expansions: E f(U) g(V) is the power series Σ aₙ bₙ cⁿ in the correlation (Mehler's formula).

aₙ = E f(√q·Z) heₙ(Z) with the normalised heₙ. What a truncated series leaves out is bounded without guessing, because
Parseval gives the norm of the rest: Σ_{n>N} aₙ² = E f² − Σ_{n≤N} aₙ². Computed for f less its mean, so that a small
variation about a large constant keeps its digits.
"""

from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.quadrature.gauss_legendre import nodes_between, rule, tail
from meanfield.numerics.quadrature.one_gaussian import ROUNDING, integrate, moment
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

ORDER = 300  # terms; 0.85³⁰⁰ = 7e-22
FINE = 0.35  # panel length in standard deviations that resolves he₃₀₀


class Expansion(NamedTuple):
    """The expansion of f(√q·Z): its mean, the coefficients from n = 1 on, what they leave out, and their error."""

    q: float
    mean: float
    coefficients: Floats  # (ORDER,), n = 1 … ORDER, of f − mean
    variance: float  # Var f
    rest: float  # Σ_{n>ORDER} aₙ²
    error: float  # bound on the error of each coefficient


def expand(pieces: PiecewiseSmooth, q: float, order: int = ORDER) -> Expansion:
    """The Hermite expansion of f(√q·Z) to the given order."""
    mean = moment(pieces, "f", q)
    with pieces.lock:
        moment(pieces, "ff", q)  # refines the grid to what f needs
        coefficients, variance, error = _project(pieces, q, mean.value, order)
    rest = max(variance - float(coefficients @ coefficients), 0.0)
    return Expansion(q, mean.value, coefficients, variance, rest, error)


def hermite_coefficients(pieces: PiecewiseSmooth, n: int, q: float) -> tuple[Floats, float]:
    """The first `n` normalised coefficients E f(√q·Z) heₘ(Z), m = 0 … n − 1, and a bound on the error of each."""
    expansion = expand(pieces, q, max(n - 1, 1))
    return np.r_[expansion.mean, expansion.coefficients][:n], expansion.error


def projected(pieces: PiecewiseSmooth, q: Floats, order: int) -> tuple[Floats, Floats, Floats]:
    """E f, Var f and the coefficients 1 … `order`, shape (q, order), for variances that differ by a few octaves."""
    grid, root = pieces.grid(float(q.max())), np.sqrt(q)
    integrate(grid, "ff", q)  # refines and extends it to what f needs
    fine = FINE * np.sqrt(ORDER / order) * root.min()
    parts = np.maximum(np.ceil((grid.b - grid.a) / fine).astype(int), 1)
    edges = [np.linspace(a, b, m + 1) for a, b, m in zip(grid.a, grid.b, parts, strict=True)]
    a, b = np.concatenate([e[:-1] for e in edges]), np.concatenate([e[1:] for e in edges])
    x = nodes_between(a, b)
    z = x.ravel() / root[:, None]
    density = (0.5 * (b - a)[:, None] * rule().weights).ravel() * np.exp(-0.5 * z**2)
    density /= np.sqrt(2 * np.pi) * root[:, None]
    f = pieces(x).ravel()
    mean = density @ f
    rest = f - mean[:, None]  # a small variation about a large constant keeps its digits
    weighted = density * rest
    variance = np.einsum("qx,qx->q", weighted, rest)
    coefficients = np.empty((q.size, order))
    with np.errstate(over="ignore", invalid="ignore"):
        scale = np.exp(-0.25 * z**2)  # heₙ grows beyond floats where the weight is none
        weighted = np.where(scale > 0, weighted / np.where(scale > 0, scale, 1.0), 0.0)
    before, now = scale, z * scale
    for n in range(1, order + 1):
        coefficients[:, n - 1] = np.einsum("qx,qx->q", weighted, now)
        before, now = now, (z * now - np.sqrt(n) * before) / np.sqrt(n + 1)
    return mean, variance, coefficients


def _project(pieces: PiecewiseSmooth, q: float, mean: float, order: int) -> tuple[Floats, float, float]:
    grid, root = pieces.grid(q), np.sqrt(q)
    fine = FINE * min(1.0, np.sqrt(ORDER / order))  # the waves of heₙ are as long as 1/√n
    parts = np.maximum(np.ceil((grid.b - grid.a) / (fine * root)).astype(int), 1)
    edges = [np.linspace(a, b, m + 1) for a, b, m in zip(grid.a, grid.b, parts, strict=True)]
    a, b = np.concatenate([e[:-1] for e in edges]), np.concatenate([e[1:] for e in edges])
    x = nodes_between(a, b)
    half = 0.5 * (b - a) / root
    z = x / root
    with np.errstate(over="ignore", under="ignore"):
        density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    f = pieces(x) - mean
    weighted = half[:, None] * rule().weights * density * f
    coefficients = np.empty(order)
    before, now = np.ones_like(z), z
    for n in range(1, order + 1):
        coefficients[n - 1] = np.vdot(weighted, now)
        before, now = now, (z * now - np.sqrt(n) * before) / np.sqrt(n + 1)
    variance = float(np.vdot(weighted, f))
    unresolved = 2 * (half * tail(density * f * now)).sum()
    error = float(unresolved + ROUNDING * np.sqrt(variance))
    return coefficients, variance, error
