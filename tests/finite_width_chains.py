"""Random networks of finite width in law, many at once: the units of a layer are independent given the layer before.

Given the covariance S of the units of a layer, over two inputs or an input and a direction of its derivative, the units
are independent with law N(0, S). So S is a Markov chain, at any width. A residual stream keeps its units, which are
drawn. Nothing of the package is used.
"""

import numpy as np


def gaussians(rng, s, width):
    """Pairs (u, v) of covariances s[network] = (S₁₁, S₁₂, S₂₂), each of shape (networks, width)."""
    first = np.sqrt(s[:, :1])
    slope = np.divide(s[:, 1:2], first, out=np.zeros_like(first), where=first > 0)
    rest = np.sqrt(np.maximum(s[:, 2:] - slope**2, 0))
    z = rng.standard_normal((2, len(s), width))
    return first * z[0], slope * z[0] + rest * z[1]


def plain(rng, phi, slope, w, b, start, depth, width, networks):
    """The last S of networks h′ = W φ(h) + b; with `slope` = φ′ the second component is a derivative, else an input."""
    s = np.tile(np.asarray(start, dtype=float), (networks, 1))
    for _ in range(depth):
        u, v = gaussians(rng, s, width)
        one, other = phi(u), slope(u) * v if slope else phi(v)
        s = w * np.stack([np.mean(one**2, 1), np.mean(one * other, 1), np.mean(other**2, 1)], axis=1)
        s += b * (np.array([1.0, 0.0, 0.0]) if slope else 1.0)
    return s


def residual(rng, phi, slope, w, b, skip, scale, q, depth, width, networks):
    """The last conditional second moments of h and of its derivative for h′ = skip·h + scale·(W φ(h) + b)."""
    s = np.tile([q, 0.0, 1.0], (networks, 1))
    u, v = gaussians(rng, s, width)
    k, t = s[:, 0], s[:, 2]
    for _ in range(depth):
        one, other = phi(u), slope(u) * v
        new = w * np.stack([np.mean(one**2, 1), np.mean(one * other, 1), np.mean(other**2, 1)], axis=1)
        new[:, 0] += b
        k, t = skip**2 * k + scale**2 * new[:, 0], skip**2 * t + scale**2 * new[:, 2]
        x, y = gaussians(rng, new, width)
        u, v = skip * u + scale * x, skip * v + scale * y
    return np.stack([k, t], axis=1)


def variance(sample):
    """The variance of a sample and its standard error."""
    centred = (sample - sample.mean()) ** 2
    return centred.sum() / (sample.size - 1), centred.std() / np.sqrt(sample.size)
