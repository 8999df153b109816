"""Means over pairs of short softmax rows, from Hermite coefficients of each row.

The scores of a row are a linear map of d independent normal variables ξ, one fewer than its keys. Those of two rows are
turned so that ξ_k and ξ′_k have the correlation ρ_k and all else is independent (Hotelling 1936, canonical
correlations). Mehler's formula then gives E f(ξ)g(ξ′) = Σ_n ρ^n f_n g_n, with f_n the coefficients of f in normalised
Hermite polynomials. After N terms an axis contributes at most \\|ρ\\|^N times the root of the parts of E f² and of E g²
outside the sum.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.softmax.token_scores import TokenScores, root_of

TERMS = {0: 1, 1: 500, 2: 96}  # Hermite coefficients an axis, by the number of axes
STEPS = {1: 0.15, 2: 0.25}  # largest step of the nodes: a tenth of the shortest wave of the polynomials and of a row
STEEP = 0.33  # largest step in units of the scores: rows have poles 2.2 beside the real axis
END = 13.0  # of the nodes: the root of the normal density is e^{−42} there
ROUNDING = 1e-14


class _Axis(NamedTuple):
    nodes: Floats  # (n,)
    weights: Floats  # (n,) of the normal density, with sum 1
    transform: Floats  # (terms, n): values at the nodes → Hermite coefficients


class _Row(NamedTuple):
    """The scores of a row relative to its first key: a linear map of independent normal variables."""

    map: Floats  # (keys − 1, axes), the columns λ^½E

    @property
    def axes(self) -> int:
        """Number of normal variables."""
        return int(self.map.shape[1])


class _Features(NamedTuple):
    """The entries of A and the products A_jA_l, j < l, of a row."""

    coefficients: Floats  # (features, terms, …), one axis of terms for each variable
    moments: Floats  # (features, features), E f f

    def outside(self, terms: int) -> float:
        """The largest root of the part of E f² outside the first so many terms of each axis."""
        inside = self.coefficients[(slice(None), *(slice(terms),) * (self.coefficients.ndim - 1))]
        left = np.diagonal(self.moments) - (inside**2).reshape(len(inside), -1).sum(axis=1)
        return float(np.sqrt(np.maximum(left, 0.0).max()))


class HermiteMeans:
    """Means over pairs of rows of at most three keys, with a bound on the errors of their entries."""

    def __init__(self, scores: TokenScores) -> None:
        self.scores = scores
        self._rows = [self._row(i) for i in range(scores.points)]
        self._own = [_features(row.map, row.axes) for row in self._rows]

    def __call__(self, i: int, k: int) -> tuple[Floats, Floats, float]:
        """E A_i ⊗ A_k, shape (keys of i, keys of k), E J_i ⊗ J_k, two axes for each row, and the bound."""
        means, error = self._means(i, k)
        n, m = (len(self.scores.keys(point)) for point in (i, k))
        expand, expand_other = _jacobian_of_products(n), _jacobian_of_products(m)
        jacobians = np.einsum("jlf,fg,abg->jlab", expand, means[n:, m:], expand_other)
        return means[:n, :m], jacobians, error

    def _means(self, i: int, k: int) -> tuple[Floats, float]:
        one, other = self._rows[i], self._rows[k]
        if i == k:
            return self._own[i].moments, ROUNDING
        sides = max(one.axes, other.axes)
        rho, turn, back = self._canonical(i, k)
        first, second = (
            self._own[at] if turned is None and row.axes == sides else _features(_turned(row.map, turned), sides)
            for at, row, turned in ((i, one, turn), (k, other, back))
        )
        largest = float(max(rho, key=abs, default=0.0))
        enough = np.log(ROUNDING**1.2) / np.log(abs(largest)) if 0 < abs(largest) < 1 else np.inf if largest else 1
        terms = int(min(np.ceil(enough), TERMS[sides]))
        part = (slice(None), *(slice(terms),) * sides)
        a, b = first.coefficients[part], second.coefficients[part]
        for side, value in enumerate(rho):
            a = a * (value ** np.arange(terms)).reshape(-1, *(1,) * (sides - side - 1))
        means = a.reshape(len(a), -1) @ b.reshape(len(b), -1).T
        return means, abs(largest) ** terms * first.outside(terms) * second.outside(terms) + ROUNDING

    def _row(self, i: int) -> _Row:
        keys, scores = self.scores.keys(i), self.scores
        contrast = _contrast(len(keys))
        covariance = contrast @ scores.sigma[np.ix_(keys, keys)] @ contrast.T
        columns, variances = root_of(scores.s2 * scores.sigma[i, i] * covariance)
        return _Row(columns * np.sqrt(variances))

    def _canonical(self, i: int, k: int) -> tuple[Floats, Floats | None, Floats | None]:
        """The correlation of each variable of one row with its partner in the other, and the rotations to them."""
        scores, (a, b) = self.scores, (self.scores.keys(i), self.scores.keys(k))
        one, other = self._rows[i].map, self._rows[k].map
        sides = max(one.shape[1], other.shape[1])
        if np.array_equal(a, b) and one.size and other.size:  # the covariances are proportional
            rho = scores.sigma[i, k] / np.sqrt(scores.sigma[i, i] * scores.sigma[k, k])
            return np.full(sides, np.clip(rho, -1.0, 1.0)), None, None
        cross = scores.s2 * scores.sigma[i, k] * _contrast(len(a)) @ scores.sigma[np.ix_(a, b)] @ _contrast(len(b)).T
        turn, rho, back = np.linalg.svd(np.linalg.pinv(one) @ cross @ np.linalg.pinv(other).T)
        return np.pad(np.minimum(rho, 1.0), (0, sides - rho.size)), turn, back.T


def _contrast(keys: int) -> Floats:
    """The matrix, shape (keys − 1, keys), that subtracts the score of the first key."""
    return np.hstack([-np.ones((keys - 1, 1)), np.eye(keys - 1)])


def _turned(map_: Floats, rotation: Floats | None) -> Floats:
    return map_ if rotation is None else map_ @ rotation


def _jacobian_of_products(keys: int) -> Floats:
    """The matrix from the products A_jA_l, j < l, to J, shape (keys, keys, products): J_jl = −A_jA_l and J1 = 0."""
    first, second = np.triu_indices(keys, 1)
    expand = np.zeros((keys, keys, first.size))
    at = np.arange(first.size)
    expand[first, second, at] = expand[second, first, at] = -1.0
    expand[first, first, at] = expand[second, second, at] = 1.0
    return expand


def _features(map_: Floats, sides: int) -> _Features:
    """The features of a row by the trapezoidal rule, with `sides` ≥ axes variables."""
    terms, axes = TERMS[sides], map_.shape[1]
    steepest = float(np.sqrt(np.sum(map_**2, axis=0).max(initial=0.0)))
    halvings = max(int(np.ceil(np.log2(max(STEPS.get(sides, 1.0) * steepest / STEEP, 1.0)))), 0)
    grid = [_axis(terms, STEPS[sides] / 2**halvings) if side < axes else _still(terms) for side in range(sides)]
    xi = np.stack(np.meshgrid(*(axis.nodes for axis in grid), indexing="ij"), axis=-1) if grid else np.zeros(0)
    relative = xi[..., :axes] @ map_.T
    scores = np.concatenate([np.zeros((*relative.shape[:-1], 1)), relative], axis=-1)
    rows = np.exp(scores - scores.max(axis=-1, keepdims=True))
    rows /= rows.sum(axis=-1, keepdims=True)
    first, second = np.triu_indices(rows.shape[-1], 1)
    values = np.concatenate([rows, rows[..., first] * rows[..., second]], axis=-1)
    weight = np.ones(1)
    for axis in grid:
        weight = np.multiply.outer(weight, axis.weights).ravel()
    flat = values.reshape(-1, values.shape[-1])
    coefficients = np.moveaxis(values, -1, 0)
    for side, axis in enumerate(grid):
        coefficients = np.moveaxis(np.tensordot(axis.transform, coefficients, axes=(1, side + 1)), 0, side + 1)
    return _Features(coefficients, (flat.T * weight) @ flat)


@cache
def _axis(terms: int, step: float) -> _Axis:
    """Nodes of the trapezoidal rule on one axis."""
    nodes = step * np.arange(-np.ceil(END / step), np.ceil(END / step) + 1)
    root = np.exp(-0.25 * nodes**2) * np.sqrt(step / np.sqrt(2 * np.pi))
    transform = np.empty((terms, nodes.size))
    before, now = np.zeros_like(nodes), root
    for n in range(terms):  # √(n + 1) h_{n+1} = x h_n − √n h_{n−1}
        transform[n] = now
        before, now = now, (nodes * now - np.sqrt(n) * before) / np.sqrt(n + 1)
    return _Axis(nodes, root**2, transform * root)


def _still(terms: int) -> _Axis:
    """An axis on which nothing depends."""
    transform = np.zeros((terms, 1))
    transform[0] = 1.0
    return _Axis(np.zeros(1), np.ones(1), transform)
