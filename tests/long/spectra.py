"""Spectra of Jacobians against drawn networks of width 400: eight activations, Gaussian and orthogonal weights.

    .ci/long spectra

Compares the share of squared singular values below theoretical quantiles; prints the largest one over the edge. The q
of a network drifts by a share of order width^-1/2, and the values of activations with a mean with it. Fails if a share
differs by more than 0.03.
"""

import sys

import numpy as np

import meanfield as mf

WIDTH, DEPTH, NETWORKS, Q = 400, 4, 2, 0.7
SHARES = np.array([0.55, 0.65, 0.75, 0.85, 0.95])
ALLOWED = 0.03
PHI = ("tanh", "relu", "gelu", "silu", "mish", "sin", "hardtanh", "leaky_relu(0.2)")


def main():
    worst = 0.0
    for phi in PHI:
        block = mf.mlp(phi, 1.2, 0.3)
        for weights in ("gaussian", "orthogonal"):
            theory = mf.spectrum(block, DEPTH, q=Q, weights=weights)
            drawn = mf.jacobian(block, DEPTH, WIDTH, networks=NETWORKS, q=Q, weights=weights, rng=0)
            below = np.array([np.mean(drawn <= x) for x in theory.quantile(SHARES).value])
            off = float(np.abs(below - SHARES).max())
            top = float(drawn.max() / float(theory.edges[1]))
            worst = max(worst, off)
            print(f"{phi:16} {weights:10} largest difference of a share {off:.4f}, largest over edge {top:.4f}")
    print(f"worst {worst:.4f}")
    return worst > ALLOWED


if __name__ == "__main__":
    sys.exit(main())
