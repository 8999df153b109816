"""Fluctuations at finite width against random networks: 60 statistics of the exact chains and of drawn matrices.

    .ci/long fluctuations

Variances of logarithms, mean shifts and correlations of plain and residual networks at widths of 64 to 512. Fails if a
statistic is farther than 4.5 standard errors and a share of 6 % from first order: terms of second order have that size.
"""

import math
import sys

import numpy as np
from finite_width_chains import plain, residual, variance
from scipy.special import ndtr

import meanfield as mf

NETWORKS = 8000
SECOND_ORDER = 0.06
PHI = {
    "tanh": ("tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": ("relu", lambda x: np.maximum(x, 0), lambda x: 1.0 * (x > 0)),
    "gelu": ("gelu", lambda x: x * ndtr(x), lambda x: ndtr(x) + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)),
    "elu": ("elu", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), lambda x: np.exp(np.minimum(x, 0))),
    "hardtanh": ("hardtanh", lambda x: np.clip(x, -1, 1), lambda x: 1.0 * (np.abs(x) < 1)),
    "own": (lambda x: np.abs(x - 0.3), lambda x: np.abs(x - 0.3), lambda x: np.sign(x - 0.3)),
}
PLAIN = (  # φ, sigma_w, sigma_b, q, depth, width
    ("tanh", 1.3, 0.2, 0.5, 8, 256), ("relu", 1.41, 0.1, 1.0, 5, 256), ("gelu", 1.5, 0.3, 1.5, 5, 512),
    ("elu", 1.2, 0.1, 1.0, 6, 128), ("hardtanh", 1.6, 0.3, 1.0, 6, 64), ("own", 1.0, 0.3, 1.0, 4, 256),
)  # fmt: skip
STREAMS = (  # φ, sigma_w, sigma_b, skip, scale, q, depth, width
    ("relu", 1.41, 0.0, 0.866, 0.5, 1.0, 8, 256), ("tanh", 1.2, 0.3, 1.0, 0.5, 1.0, 8, 256),
    ("own", 1.0, 0.2, 0.9, 0.6, 1.0, 6, 256), ("elu", 1.3, 0.1, 1.0, 0.3, 2.0, 6, 128),
)  # fmt: skip
scores = []


def note(name, found, expected, spread):
    score = (found - expected) / spread
    allowed = 4.5 * spread + SECOND_ORDER * abs(expected)
    scores.append(abs(found - expected) <= allowed)
    print(f"{name:52} {found:11.6f} {expected:11.6f}  z = {score:5.2f}{'' if scores[-1] else '  FAILED'}", flush=True)


def compare(name, first, second, f):
    """Samples of ln q and of the log-gradient at the last layer against the expansion."""
    for what, sample in (("ln q", first), ("log gradient", second)):
        field = "q" if what == "ln q" else "gradient"
        found, spread = variance(sample)
        note(f"{name}: variance of {what}", found, getattr(f, f"var_log_{field}")[-1], spread)
    r = np.corrcoef(first, second)[0, 1]
    note(f"{name}: correlation", r, f.correlation[-1], (1 - r * r) / math.sqrt(first.size))


def networks():
    rng = np.random.default_rng(1)
    for key, sigma_w, sigma_b, q, depth, width in PLAIN:
        given, phi, slope = PHI[key]
        f = mf.fluctuations(mf.mlp(given, sigma_w, sigma_b), depth, width, q=q)
        s = plain(rng, phi, slope, sigma_w**2, sigma_b**2, (q, 0, 1), depth, width, NETWORKS)
        log_q = np.log(s[:, 0] / f.q[-1])
        compare(f"plain {key}", log_q, np.log(s[:, 2]), f)
        note(f"plain {key}: shift of ln q", log_q.mean(), f.shift_log_q[-1], log_q.std() / math.sqrt(NETWORKS))
    for key, sigma_w, sigma_b, skip, scale, q, depth, width in STREAMS:
        given, phi, slope = PHI[key]
        block = mf.Network(mf.Residual(given, mf.Dense(sigma_w, sigma_b), skip_scale=skip, branch_scale=scale))
        f = mf.fluctuations(block, depth, width, q=q)
        s = residual(rng, phi, slope, sigma_w**2, sigma_b**2, skip, scale, q, depth, width, NETWORKS // 2)
        compare(f"stream {key}", np.log(s[:, 0] / f.q[-1]), np.log(s[:, 1]), f)


def pairs():
    rng = np.random.default_rng(2)
    for key, sigma_w, sigma_b, start, depth, width in (
        ("tanh", 1.3, 0.2, (0.5, 0.2, 0.5), 5, 128),
        ("gelu", 1.5, 0.3, (2.0, -0.6, 1.0), 4, 256),
        ("own", 1.0, 0.3, (1.5, 0.3, 0.5), 3, 256),
        ("hardtanh", 1.6, 0.3, (1.0, 0.5, 2.0), 4, 256),
    ):
        given, phi, _ = PHI[key]
        q, both, q2 = start
        f = mf.fluctuations(mf.mlp(given, sigma_w, sigma_b), depth, width, q=q, q2=q2, c=both / math.sqrt(q * q2))
        s = plain(rng, phi, None, sigma_w**2, sigma_b**2, start, depth, width, NETWORKS)
        c = s[:, 1] / np.sqrt(s[:, 0] * s[:, 2])
        note(f"pair {key}: variance of c", *(variance(c)[0], f.var_c[-1], variance(c)[1]))
        note(f"pair {key}: shift of c", c.mean() - f.c[-1], f.shift_c[-1], c.std() / math.sqrt(NETWORKS))


def matrices():
    """Drawn matrices: gradients of an output, Frobenius norms, and streams with two Dense layers."""
    rng = np.random.default_rng(3)
    count, width, depth = 500, 192, 4

    def jacobians(phi, slope, sigma_w, skip, scale):
        norms = np.empty((count, 2))
        for n in range(count):
            h, j = rng.standard_normal(width), np.eye(width)
            for _ in range(depth):
                w = sigma_w * rng.standard_normal((width, width)) / math.sqrt(width)
                h, j = skip * h + scale * (w @ phi(h)), skip * j + scale * (w @ (slope(h)[:, None] * j))
            norms[n] = np.sum(j**2), np.sum(j[0] ** 2)
        return np.log(norms).T

    for key, sigma_w, skip, scale in (
        ("tanh", 1.3, 0.0, 1.0),
        ("elu", 1.2, 0.0, 1.0),
        ("relu", 1.41, 0.8, 0.6),
        ("gelu", 1.5, 1.0, 0.5),
    ):
        given, phi, slope = PHI[key]
        layer = mf.Residual(given, mf.Dense(sigma_w), skip_scale=skip, branch_scale=scale)
        f = mf.fluctuations(mf.Network(layer) if skip else mf.mlp(given, sigma_w), depth, width)
        frobenius, row = jacobians(phi, slope, sigma_w, skip, scale)
        found, spread = variance(frobenius)
        note(f"matrices {key}, skip {skip}: Frobenius", found, f.var_log_jacobian[-1], spread)
        found, spread = variance(row)
        if not skip:
            note(f"matrices {key}: gradient of an output", found, f.var_log_gradient[-1], spread)

    for key, w1, w2, scale in (("relu", 1.41, 1.0, 0.5), ("tanh", 1.22, 1.0, 0.5), ("gelu", 1.3, 0.8, 0.7)):
        given, phi, slope = PHI[key]
        block = mf.Network(mf.Residual(mf.Dense(w1), given, mf.Dense(w2), branch_scale=scale))
        f = mf.fluctuations(block, depth, width)
        samples = np.empty((count, 2))
        for n in range(count):
            x, t = rng.standard_normal((2, width))
            x /= math.sqrt(np.mean(x**2))
            t -= x * np.mean(x * t)
            t /= math.sqrt(np.mean(t**2))
            for _ in range(depth):
                first, second = rng.standard_normal((2, width, width)) / math.sqrt(width)
                u, du = w1 * (first @ x), w1 * (first @ t)
                x, t = x + scale * w2 * (second @ phi(u)), t + scale * w2 * (second @ (slope(u) * du))
            samples[n] = np.mean(x**2), np.mean(t**2)
        first, second = np.log(samples).T
        compare(f"matrices, two Dense layers, {key}", first, second, f)


def main():
    networks()
    pairs()
    matrices()
    print(f"{sum(scores)} of {len(scores)} statistics agree")
    sys.exit(not all(scores))


if __name__ == "__main__":
    main()
