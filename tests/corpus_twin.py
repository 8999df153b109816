"""Slow and certain Gaussian means of a corpus problem: composite Gauss–Legendre on panels cut at its known breakpoints.

It shares nothing with the package. The panels shorten towards the breakpoints and the narrow features.
"""

import numpy as np
from corpus_problems import NEAR
from scipy.special import roots_legendre

NODES, WEIGHTS = roots_legendre(40)
WIDE = 38.0  # standard deviations over which a mean is taken: all that have a weight
FAR = 13.0  # the same for pairs
TWIN = 2e-14  # relative error of a mean, of the mean of the absolute value
PAIR_TWIN = 4e-14  # the same for pairs: panels twice as fine change 64 of them by at most 1.9e-14


def mean(p, integrand, q=None):
    """E integrand(√q Z) and E |integrand|."""
    q = p.q if q is None else q
    sd = np.sqrt(q)
    edges = _edges(p, WIDE * sd, min(0.25 * sd, p.scale))
    a, b = edges[:-1, None], edges[1:, None]
    x = 0.5 * (a + b) + 0.5 * (b - a) * NODES
    values = integrand(x.ravel()).reshape(x.shape) * np.exp(-(x**2) / (2 * q)) / np.sqrt(2 * np.pi * q)
    half = 0.5 * (b - a)
    return float((half * values * WEIGHTS).sum()), float((half * np.abs(values) * WEIGHTS).sum())


def _edges(p, reach, step):
    edges = [np.arange(-reach, reach + step, step)]
    for place, width in [*((b, NEAR) for b in p.breakpoints), *p.features]:
        offsets = width * 2.0 ** np.arange(-1, np.ceil(np.log2(2 * step / width)) + 1, 0.5)
        edges.append(np.r_[place - offsets, place, place + offsets])
    return np.unique(np.clip(np.concatenate(edges), -reach, reach))


def pair_mean(p):
    """E f(U)f(V), of variances q and q2, and E |f(U)f(V)|: over U, then over V given U.

    The inner mean varies where U is near a mark, or the mean of V given U, on the scale of its own standard deviation.
    """
    if p.c == 1 and p.q == p.q2:
        return mean(p, lambda x: p.f(x) ** 2)
    sd, sd2, rest = np.sqrt(p.q), np.sqrt(p.q2), np.sqrt((1 - p.c) * (1 + p.c))
    step = min(0.25, p.scale / max(sd, sd2) * 2)
    outer, marks = [np.arange(-FAR, FAR + step, step)], [*((b, NEAR) for b in p.breakpoints), *p.features]
    for place, width in marks:
        outer.append(place / sd + _graded(width / sd, step) if width > NEAR else np.array([place / sd]))
        if abs(p.c) > 0.02:
            smeared = max(rest, width / sd2) / abs(p.c)
            outer.append(place / sd2 / p.c + _graded(smeared, step) * 0.999)
    edges = np.unique(np.clip(np.concatenate(outer), -FAR, FAR))
    nodes, weights = roots_legendre(20)
    a, b = edges[:-1, None], edges[1:, None]
    u, wu = (0.5 * (a + b) + 0.5 * (b - a) * nodes).ravel(), (0.5 * (b - a) * weights).ravel()
    factors = wu * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi) * p.f(sd * u)
    total = size = 0.0
    for ui, factor in zip(u, factors, strict=True):
        if factor == 0:
            continue
        value, absolute = _given(p, sd2, p.c * ui, rest, marks, nodes, weights)
        total, size = total + factor * value, size + abs(factor) * absolute
    return float(total), float(size)


def _given(p, sd2, centre, rest, marks, nodes, weights):
    """E f(sd2·(centre + rest·Z)) and the mean of its absolute value."""
    step = min(0.5, 2 * p.scale / (sd2 * rest))
    inner = [np.arange(-FAR, FAR + step, step)]
    for place, width in marks:
        z = (place / sd2 - centre) / rest
        if abs(z) < FAR + 1:
            narrow = width > NEAR and width / sd2 / rest < 4 * step
            inner.append(z + _graded(width / sd2 / rest, step) if narrow else np.array([z]))
    edges = np.unique(np.clip(np.concatenate(inner), -FAR, FAR))
    a, b = edges[:-1, None], edges[1:, None]
    z = 0.5 * (a + b) + 0.5 * (b - a) * nodes
    density = np.exp(-(z**2) / 2) * (0.5 * (b - a) * weights) / np.sqrt(2 * np.pi)
    values = p.f(sd2 * (centre + rest * z.ravel())).reshape(z.shape) * density
    return values.sum(), np.abs(values).sum()


def _graded(width, step):
    """Offsets on both sides of 0, from half a width up to a step."""
    offsets = width * 2.0 ** np.arange(-3, max(np.ceil(np.log2(step / width)) + 1, 2), 0.5)
    return np.r_[-offsets[::-1], 0.0, offsets]
