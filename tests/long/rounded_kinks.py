"""Pairs through kinks and steps that are rounded over 1e-5 to 4e-4: no error is understated.

    .ci/long rounded_kinks

Half of the pairs have unequal variances. The truth is the slow twin of the corpus; at c = 0 it is the product of two
means. Fails if an error is understated.
"""

import argparse
import sys

import numpy as np
from corpus_problems import Problem
from corpus_twin import PAIR_TWIN, pair_mean
from scipy.special import expit

import meanfield as mf

SHAPES = {
    "kink": lambda x, m, w: np.hypot(x - m, w),
    "ramp": lambda x, m, w: 0.5 * (x - m + np.hypot(x - m, w)),
    "step": lambda x, m, w: x + expit((x - m) / w),
    "two kinks": lambda x, m, w: np.hypot(x - m, w) - np.hypot(x + 0.7 * m, 3 * w),
}
CORRELATIONS = (0.0, 0.3, 0.7, 0.99, 1 - 1e-5, -0.5)


def understated(rng, shape):
    """Whether the error of E f(U)f(V) of a random function of this shape is understated."""
    m, w = rng.uniform(-1.5, 1.5), 10.0 ** rng.uniform(-5, np.log10(4e-4))
    q, q2, c = rng.uniform(0.3, 3.0), rng.uniform(0.3, 3.0), rng.choice(CORRELATIONS)
    f, features = lambda x: SHAPES[shape](x, m, w), ((m, w), *(((-0.7 * m, 3 * w),) if shape == "two kinks" else ()))
    p = Problem(f, None, features=features, q=q, q2=q2 if rng.integers(2) else q, c=float(c))
    found, (right, size) = mf.pair_expectation(f, q=p.q, q2=p.q2, c=p.c), pair_mean(p)
    return abs(found.value - right) > found.error + PAIR_TWIN * size


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng, total = np.random.default_rng(arguments.seed), 0
    for shape in SHAPES:
        bad = sum(understated(rng, shape) for _ in range(arguments.count))
        total += bad
        print(f"{shape:12} understated {bad} of {arguments.count}", flush=True)
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
