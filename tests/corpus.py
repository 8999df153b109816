"""Random functions with a known truth, for asking whether a reported error ever understates.

    python tests/corpus.py 5000            # the long run: a table by family, and every offender
    python tests/corpus.py 5000 --seed 7

A problem knows its breakpoints; the methods under test are given the callable alone. The truth comes from a slow
twin that shares nothing with the package: composite 40-point Gauss–Legendre on thousands of panels cut at the known
breakpoints, graded towards them. `test_corpus.py` runs a short stretch of it and holds the twin itself against mpmath.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, roots_legendre

NODES, WEIGHTS = roots_legendre(40)
WIDE = 38.0  # standard deviations over which the twin integrates: all that have a weight
FAR = 13.0  # the same for pairs
TWIN = 2e-14  # relative error of the twin, of the integral of the absolute value


@dataclass(frozen=True)
class Problem:
    """One random function, its derivative and what is true of it."""

    family: str
    f: Callable
    derivative: Callable
    breakpoints: tuple[float, ...]
    scales: tuple[float, ...]  # lengths on which it varies
    jumps: bool
    q: float
    c: float


def polynomial_pieces(rng, continuous):
    """Two to five pieces of random polynomials of degree up to 4."""
    points = np.sort(rng.uniform(-3, 3, rng.integers(1, 5)))
    points = points[np.r_[True, np.diff(points) > 1e-2]]
    pieces = [
        np.polynomial.Polynomial(rng.normal(size=rng.integers(1, 6)) / 2.0 ** np.arange(1))
        for _ in range(points.size + 1)
    ]
    if continuous:
        for i, x in enumerate(points):
            pieces[i + 1] = pieces[i + 1] - pieces[i + 1](x) + pieces[i](x)
    slopes = [piece.deriv() for piece in pieces]

    def piecewise(parts):
        return lambda x: np.select([x < p for p in points], [part(x) for part in parts[:-1]], parts[-1](x))

    return piecewise(pieces), piecewise(slopes), tuple(points), (1.0,), not continuous


def sigmoid_mixture(rng):
    """A sum of steps of random steepness: widths from 1 to 1e-3."""
    n = rng.integers(1, 5)
    a, k, m = rng.normal(size=n), 10.0 ** rng.uniform(0, 3, n), rng.uniform(-3, 3, n)

    def f(x):
        return sum(ai * expit(ki * (x - mi)) for ai, ki, mi in zip(a, k, m, strict=True))

    def d(x):
        return sum(ai * ki * expit(ki * (x - mi)) * expit(-ki * (x - mi)) for ai, ki, mi in zip(a, k, m, strict=True))

    return f, d, (), tuple(zip(m, 1 / k, strict=True)), False


def kinks(rng):
    """A smooth function with kinks at random places."""
    n = rng.integers(1, 6)
    a, m, w = rng.normal(size=n), rng.uniform(-4, 4, n), rng.uniform(0.3, 3)

    def f(x):
        return np.tanh(w * x) + sum(ai * np.maximum(x - mi, 0) for ai, mi in zip(a, m, strict=True))

    def d(x):
        return w / np.cosh(np.minimum(np.abs(w * x), 300)) ** 2 + sum(
            ai * (x > mi) for ai, mi in zip(a, m, strict=True)
        )

    return f, d, tuple(np.sort(m)), (1 / w,), False


def wave(rng):
    """An oscillation, on one side of a kink only in half of the cases."""
    w, p = rng.uniform(1, 60), rng.uniform(0, 2 * np.pi)
    if rng.integers(2):
        return lambda x: np.sin(w * x + p), lambda x: w * np.cos(w * x + p), (), (1 / w,), False
    m = rng.uniform(-2, 2)

    def f(x):
        return np.where(x > m, np.sin(w * (x - m)), 0.3 * (x - m))

    def d(x):
        return np.where(x > m, w * np.cos(w * (x - m)), 0.3)

    return f, d, (m,), (1 / w,), False


def bump(rng):
    """A thin bump on a slope."""
    width, m, a = 10.0 ** rng.uniform(-2, 0), rng.uniform(-2.5, 2.5), rng.normal()

    def f(x):
        return 0.2 * x + a * np.exp(-(((x - m) / width) ** 2))

    def d(x):
        return 0.2 - 2 * a * (x - m) / width**2 * np.exp(-(((x - m) / width) ** 2))

    return f, d, (), ((m, width),), False


def tails(rng):
    """A one-sided exponential or an algebraic tail, with or without a kink."""
    m, r = rng.uniform(-1.5, 1.5), rng.uniform(0.2, 2.0)
    if rng.integers(2):
        return (
            lambda x: np.where(x > m, x - m, np.expm1(r * np.minimum(x - m, 0)) / r),
            lambda x: np.where(x > m, 1.0, np.exp(r * np.minimum(x - m, 0))),
            (m,),
            (1 / r,),
            False,
        )
    return (
        lambda x: (x - m) / (1 + r * np.abs(x - m)),
        lambda x: (1 + r * np.abs(x - m)) ** -2.0,
        (m,),
        (1 / r,),
        False,
    )


FAMILIES = {
    "continuous pieces": lambda rng: polynomial_pieces(rng, True),
    "pieces with jumps": lambda rng: polynomial_pieces(rng, False),
    "sigmoids": sigmoid_mixture,
    "kinks": kinks,
    "wave": wave,
    "bump": bump,
    "tails": tails,
}


def problem(seed, index):
    """Problem number `index` of the corpus of a seed: the same wherever and in whatever order it is made."""
    rng = np.random.default_rng([seed, index])
    family = list(FAMILIES)[index % len(FAMILIES)]
    f, d, points, scales, jumps = FAMILIES[family](rng)
    size = 10.0 ** rng.uniform(-3, 3)
    q, c = 10.0 ** rng.uniform(-1.5, 1.2), 1 - 10.0 ** rng.uniform(-8, 0.3)
    return Problem(family, lambda x: size * f(x), lambda x: size * d(x), points, scales, jumps, q, max(c, -1.0))


def _edges(p, low, high, step):
    """Panels of length at most `step`, graded towards the breakpoints and the thin features."""
    places = [(b, 1e-9) for b in p.breakpoints] + [s for s in p.scales if isinstance(s, tuple)]
    finest = min([s for s in p.scales if not isinstance(s, tuple)] + [step])
    edges = [np.arange(low, high + finest, finest)]
    for m, width in places:
        offsets = width * 2.0 ** np.arange(-1, np.ceil(np.log2((high - low) / width)), 0.5)
        edges.append(np.r_[m - offsets, m, m + offsets])
    merged = np.unique(np.clip(np.concatenate(edges), low, high))
    return merged


def twin(p, integrand):
    """E integrand(√q Z) and E |integrand|, by brute force."""
    sd = np.sqrt(p.q)
    edges = _edges(p, -WIDE * sd, WIDE * sd, 0.25 * sd)
    a, b = edges[:-1, None], edges[1:, None]
    x = 0.5 * (a + b) + 0.5 * (b - a) * NODES
    values = integrand(x) * np.exp(-(x**2) / (2 * p.q)) / np.sqrt(2 * np.pi * p.q)
    half = 0.5 * (b - a)
    return float((half * values * WEIGHTS).sum()), float((half * np.abs(values) * WEIGHTS).sum())


def pair_twin(p):
    """E f(U)f(V) by nesting: over U, then over V given U; and E |f(U)f(V)|."""
    sd, rest = np.sqrt(p.q), np.sqrt((1 - p.c) * (1 + p.c))
    outer = [np.linspace(-FAR, FAR, 105)]
    marks = [b / sd for b in p.breakpoints] + [s[0] / sd for s in p.scales if isinstance(s, tuple)]
    widths = [rest] + [s[1] / sd for s in p.scales if isinstance(s, tuple)]
    for mark in marks:  # the inner mean varies where U, or V = c·U, is near a mark, on the scale of its own sd
        for centre in (mark, mark / p.c if abs(p.c) > 0.05 else mark):
            for width in widths:
                outer.append(centre + np.r_[-1, 1][:, None] * width * 2.0 ** np.arange(-5, 6.1, 0.5))
            outer.append(np.array([centre]))
    edges = np.unique(np.clip(np.concatenate([np.ravel(e) for e in outer]), -FAR, FAR))
    nodes, weights = roots_legendre(16)
    a, b = edges[:-1, None], edges[1:, None]
    u, wu = (0.5 * (a + b) + 0.5 * (b - a) * nodes).ravel(), (0.5 * (b - a) * weights).ravel()
    total = size = 0.0
    plain = [np.linspace(-FAR, FAR, 53)]
    for ui, w in zip(u, wu, strict=True):
        cuts = [(m - p.c * ui) / rest for m in marks]
        near = [
            cut + np.r_[-1, 1][:, None] * s[1] / sd / rest * 2.0 ** np.arange(-2, 5)
            for cut, s in zip(cuts[len(p.breakpoints) :], [s for s in p.scales if isinstance(s, tuple)], strict=True)
        ]
        inner = np.unique(np.clip(np.concatenate([*plain, cuts, *(np.ravel(n) for n in near)]), -FAR, FAR))
        ai, bi = inner[:-1, None], inner[1:, None]
        z = 0.5 * (ai + bi) + 0.5 * (bi - ai) * nodes
        values = p.f(sd * (p.c * ui + rest * z)) * np.exp(-(z**2) / 2) * (0.5 * (bi - ai) * weights)
        factor = w * np.exp(-(ui**2) / 2) / (2 * np.pi) * p.f(np.array([sd * ui]))[0]
        total += factor * values.sum()
        size += abs(factor) * np.abs(values).sum()
    return float(total), float(size)


def _within_reach_of_nesting(p):
    """The problem at a q for which the nested twin's panels, half a standard deviation long, resolve it.

    Waves may have two radians a panel, and growing tails no weight beyond the nine standard deviations that it
    integrates.
    """
    limit = min([s for s in p.scales if not isinstance(s, tuple)] + [1e3])
    steep = min([s[1] for s in p.scales if isinstance(s, tuple)] + [1e3]) if p.family == "sigmoids" else 1e3
    return replace(p, q=min(p.q, (4 * limit) ** 2, max((2 * steep) ** 2, 0.3)))


@dataclass(frozen=True)
class Outcome:
    """What one computed number was worth."""

    family: str
    index: int
    what: str
    error: float  # the true one
    claimed: float
    size: float
    converged: bool
    evaluations: int

    @property
    def honest(self):
        return self.error <= self.claimed + TWIN * self.size


def outcomes(seed, index, pairs):
    """The moments of problem `index`, E f², E f′² and, if `pairs`, E f(U)f(V), each against its twin."""
    import meanfield as mf
    from meanfield.activations.resolve import activation
    from meanfield.numerics.quadrature.one_gaussian import moment

    p = problem(seed, index)
    pieces = activation(p.f).pieces
    results = [("E f²", moment(pieces, "ff", p.q), twin(p, lambda x: p.f(x) ** 2))]
    if not p.jumps:
        results.append(("E f'²", moment(pieces, "dd", p.q, rtol=1e-10), twin(p, lambda x: p.derivative(x) ** 2)))
    if pairs:
        tame = _within_reach_of_nesting(p)
        results.append(("E f(U)f(V)", mf.pair_expectation(activation(p.f), q=tame.q, c=p.c), pair_twin(tame)))
    for what, estimate, (truth, size) in results:
        error = abs(estimate.value - truth)
        yield Outcome(p.family, index, what, error, estimate.error, size, estimate.converged, estimate.evaluations)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pair-every", type=int, default=10, help="every so many problems the pair is computed too")
    arguments = parser.parse_args()
    table, offenders = {}, []
    for index in range(arguments.count):
        for outcome in outcomes(arguments.seed, index, index % arguments.pair_every == 0):
            row = table.setdefault((outcome.family, outcome.what), [0, 0, 0, 0.0, 0])
            row[0] += 1
            row[1] += not outcome.honest
            row[2] += outcome.converged
            row[3] = max(row[3], outcome.error / outcome.size if outcome.size else 0.0)
            row[4] = max(row[4], outcome.evaluations)
            if not outcome.honest:
                offenders.append(outcome)
    print(f"{'family':20} {'what':12} number understated converged  worst error  evaluations")
    for (family, what), (n, bad, good, worst, most) in sorted(table.items()):
        print(f"{family:20} {what:12} {n:6d} {bad:11d} {good / n:9.2%} {worst:12.1e} {most:12d}")
    for outcome in offenders[:40]:
        print(outcome)


if __name__ == "__main__":
    main()
