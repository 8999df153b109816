"""Softmax attention of width 512 against the theory: covariances and gradients of correlated cotangents."""

import sys

import numpy as np
from attention_layer import simulated

from meanfield.numerics.softmax.any_covariance import softmax_tokens

UNEVEN = np.array([[1.5, 0.4, 0.1], [0.4, 0.8, -0.2], [0.1, -0.2, 1.0]])
FOUR = 0.6 ** np.abs(np.subtract.outer(range(4), range(4)))

failed = 0
for sigma, s2, causal in ((UNEVEN, 1.0, False), (UNEVEN, 1.0, True), (FOUR, 1.5, False)):
    tokens = len(sigma)
    pi = 0.6 * np.eye(tokens) + 0.4 + 0.3 * sigma
    theory = softmax_tokens(sigma, s2, tokens=tokens, causal=causal)
    mean, error = simulated(sigma, pi, s2, causal=causal, width=512, heads=16, networks=200)
    for name, number, wanted in zip(
        ("covariance", "gradients"), (0, 1), (theory.covariance, theory.gradients(pi)[0]), strict=True
    ):
        off = np.abs(mean[number] - wanted)
        worst = np.max(off / (4 * error[number] + 0.02 * np.abs(wanted).max()))
        size = np.abs(wanted).max()
        print(
            f"{tokens} tokens, {causal=}, {name}: off {off.max() / size:.4f}, allowed ratio {worst:.2f}, "
            f"standard error {error[number].max() / size:.4f}"
        )
        failed += worst > 1
sys.exit(bool(failed))
