"""Gaussian moments of formulas with proven error bounds, by Gauss–Legendre quadrature on proven panels.

Three parts make the bound: the truncation error on the panels and beyond them, which is proven from the formula; the
distance of each factor's value at a node from a tiny disc that holds the true value there; and the rounding of weights
and sums.
"""

from functools import reduce
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.estimates import Estimate
from meanfield.numerics.discs.evaluation import Discs, Ranges
from meanfield.numerics.discs.panels import LARGEST, Panels, Proof
from meanfield.numerics.discs.program import UNIT, Program
from meanfield.numerics.quadrature import one_gaussian
from meanfield.numerics.quadrature.gauss_legendre import rule
from meanfield.numerics.quadrature.grid import REACH, half_octave
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

FACTORS = frozenset("fdx")
TRUNCATION = 1e-15  # largest proven error of the quadrature, relative to the integral of the absolute integrand
ATTEMPTS = 3
SUM = 32 * UNIT  # relative rounding error of a pairwise sum
TERM = 20 * UNIT  # of a term: the exponential of the weight, and some products
BLOCK = 1_000_000  # numbers a block
FAILED = 2  # after so many scales at which a product has no proof, it is not tried again


class Proven(NamedTuple):
    """Values, proven bounds on their errors, and integrals of the absolute integrand, each of shape (q,)."""

    value: Floats
    error: Floats
    size: Floats


class ProvenMoments:
    """Moments of a function that is given twice: as a piecewise smooth function, for its values, and as a formula.

    Parameters
    ----------
    pieces : PiecewiseSmooth
        The function, with its derivative.
    program : Program
        Its formula.
    index : int
        The last instruction of the formula.
    """

    def __init__(self, pieces: PiecewiseSmooth, program: Program, index: int) -> None:
        self.pieces, self.program, self.index = pieces, program, index
        self._proofs: dict[tuple[str, int], Proof | None] = {}
        self._nodes: dict[tuple[str, int], tuple[Panels, list[tuple[Floats, Floats]], Floats, Floats]] = {}

    def moment(self, product: str, q: Floats) -> Proven | None:
        """The expectation of the product at each q of shape (q,) and > 0; None if there is no proof for all of them."""
        if np.any(q > LARGEST) or not set(product) <= FACTORS or (product.count("d") > 1 and self.pieces.jumps):
            return None
        if "d" in product and self.pieces.derivative_function is None:
            return None
        found = [np.empty(q.size) for _ in range(3)]
        octave = half_octave(q)
        for k in np.unique(octave):
            members = np.flatnonzero(octave == k)
            with self.pieces.lock, np.errstate(all="ignore"):
                proven = self._of_scale(product, int(k), q[members])
            if proven is None:
                return None
            for array, part in zip(found, proven, strict=True):
                array[members] = part
        return Proven(*found)

    def _of_scale(self, product: str, k: int, q: Floats) -> Proven | None:
        key = product, k
        if key not in self._proofs:
            if sum(proof is None for (name, _), proof in self._proofs.items() if name == product) >= FAILED:
                return None
            scale = 2.0 ** (k / 2)
            points = self.pieces.breakpoints_within(2 * REACH * scale)
            self._proofs[key] = Proof(self.program, self.index, product, scale, points)
        proof = self._proofs[key]
        if proof is None:
            return None
        extreme = np.unique([q.min(), q.max()])
        least = np.zeros(extreme.size)
        for _ in range(ATTEMPTS):
            if not (proof.refined or proof.refine(extreme, least)):
                break
            found = self._integrated(key, proof, q)
            if found is None:
                break
            value, error, size = found
            errors, analytic = proof.errors(proof.panels, q), np.isfinite(proof.panels.bound)
            truncation = errors[:, analytic].sum(axis=1) + proof.outside(q)
            if np.all(truncation <= TRUNCATION * size):
                by_range = errors[:, ~analytic].sum(axis=1)
                return Proven(value, (error + truncation + by_range) * (1 + SUM), size)
            least, proof.refined = np.array([size[np.argmin(q)], size[np.argmax(q)]])[: extreme.size], False
        self._proofs[key] = None
        return None

    def _integrated(self, key: tuple[str, int], proof: Proof, q: Floats) -> Proven | None:
        """The quadrature on the proven panels, with bounds on its rounding errors."""
        if key not in self._nodes or self._nodes[key][0] is not proof.panels:
            factors, x, moved = self._factors(proof, key[0])
            if not all(np.isfinite(values).all() and np.isfinite(errors).all() for values, errors in factors):
                return None
            self._nodes[key] = proof.panels, factors, x, moved
        panels, factors, x, moved = self._nodes[key]
        analytic = np.isfinite(panels.bound)
        product = reduce(np.multiply, [values for values, _ in factors])
        most = reduce(np.multiply, [np.abs(values) + errors for values, errors in factors])
        scaled = (0.5 * (panels.b - panels.a)[analytic, None]) * rule().weights
        value, error, size = np.empty(q.size), np.empty(q.size), np.empty(q.size)
        block = max(1, BLOCK // max(x.size, 1))
        for start in range(0, q.size, block):
            variance = q[start : start + block, None, None]
            exponent = x * x / (2 * variance)
            weight = scaled * np.exp(-exponent) / np.sqrt(2 * np.pi * variance)
            inexact = TERM + 8 * UNIT * exponent + np.abs(x) * moved / variance
            part = slice(start, start + block)
            value[part] = (weight * product).reshape(variance.size, -1).sum(axis=1)
            size[part] = (weight * np.abs(product)).reshape(variance.size, -1).sum(axis=1)
            loose = most * (1 + inexact) - np.abs(product)
            error[part] = (weight * loose).reshape(variance.size, -1).sum(axis=1)
        if not analytic.all():
            integrals, _ = proof.by_range(panels.chosen(~analytic), q)
            value, size = value + integrals.sum(axis=1), size + np.abs(integrals).sum(axis=1)
        return Proven(value, error + SUM * size, size)

    def _factors(self, proof: Proof, product: str) -> tuple[list[tuple[Floats, Floats]], Floats, Floats]:
        """Values of the factors at the nodes with bounds on their errors, the nodes, and their own rounding errors."""
        chosen = proof.panels.chosen(np.isfinite(proof.panels.bound))
        a, b = chosen.a[:, None], chosen.b[:, None]
        total, h = a + b, 0.5 * (b - a)
        exact = (total - a == b) & (total - b == a)
        x = 0.5 * total + h * rule().nodes
        moved = 0.5 * np.spacing(np.abs(x)) + np.where(exact, 0.0, np.spacing(np.abs(total))) + 4 * UNIT * h
        discs = Discs(self.program, x, moved, Ranges(self.program, a, b))
        known: dict[str, tuple[Floats, Floats]] = {}
        for letter, factor in zip(product, proof.factors, strict=True):
            if letter in known:
                continue
            if letter == "x":
                known[letter] = x, moved
                continue
            values = self.pieces(x) if letter == "f" else self.pieces.derivative(x)
            middle, radius = discs.disc(factor)
            known[letter] = values, np.abs(values - middle) + radius
        return [known[letter] for letter in product], x, moved


MUCH = 10.0  # a sampled bound that is smaller by this factor is preferred to a proven one that is not tight
TIGHT = 1e-12  # a proven bound at most this large, relative to the integral of the absolute integrand, is preferred


def moment(
    pieces: PiecewiseSmooth,
    formula: ProvenMoments | None,
    product: str,
    q: Floats | float,
    *,
    rtol: float = one_gaussian.RTOL,
    atol: float = 0.0,
) -> Estimate:
    """`one_gaussian.moment`, with a proven bound where the formula of the function is at hand and the proof succeeds.

    A proof whose rounding errors are large, as where terms of the formula cancel, yields to the sampled quadrature of
    the function itself if that is much better and the two results agree; `certified` is then False.
    """
    given = np.asarray(q, dtype=np.float64)
    flat = np.maximum(given.ravel(), 2.0**one_gaussian.SMALLEST)
    before = pieces.evaluations
    proven = formula.moment(product, flat) if formula is not None and flat.size else None
    if proven is not None and np.all(proven.error <= TIGHT * proven.size):
        return _estimate(proven.value, proven.error, given.shape, rtol, atol, pieces.evaluations - before, True)
    sampled = one_gaussian.moment(pieces, product, q, rtol=rtol, atol=atol)
    if proven is None:
        return sampled
    value, error = np.ravel(sampled.value), np.ravel(sampled.error)
    agree = np.abs(value - proven.value) <= error + proven.error
    better = agree & (MUCH * error < proven.error)
    value, error = np.where(better, value, proven.value), np.where(better, error, proven.error)
    return _estimate(value, error, given.shape, rtol, atol, pieces.evaluations - before, not better.any())


def _estimate(
    value: Floats, error: Floats, shape: tuple[int, ...], rtol: float, atol: float, evaluations: int, certified: bool
) -> Estimate:
    converged = bool(np.all(error <= np.maximum(rtol * np.abs(value), atol)))
    if shape == ():
        return Estimate(float(value[0]), float(error[0]), converged, evaluations, certified=certified)
    return Estimate(value.reshape(shape), error.reshape(shape), converged, evaluations, certified=certified)
