"""How often E φ′² of a steep callable is understated if it is the first question.

    .ci/long derivative_first

Each function has a feature of steepness 50 to 500 at a random place, and nothing was asked of it before. The truth is
the slow twin of the corpus. Fails if an error is understated.
"""

import argparse
import sys

import numpy as np
from corpus_problems import Problem
from corpus_twin import mean
from scipy.special import expit

import meanfield as mf


def logistic_slope(u):
    return expit(u) * expit(-u)


FAMILIES = {
    "tanh + bump": (
        lambda u, x: np.tanh(x) + np.exp(-u * u),
        lambda u, x, k: np.cosh(x) ** -2 - 2 * k * u * np.exp(-u * u),
    ),
    "bump": (lambda u, x: np.exp(-u * u), lambda u, x, k: -2 * k * u * np.exp(-u * u)),
    "logistic step": (lambda u, x: expit(u), lambda u, x, k: k * logistic_slope(u)),
    "near-kink": (lambda u, x: np.hypot(u, 1.0), lambda u, x, k: k * u / np.hypot(u, 1.0)),
}


def understated(rng, family):
    """Whether the error of E φ′² of a random function of the family is understated."""
    f, d = FAMILIES[family]
    k, m, q = 10.0 ** rng.uniform(np.log10(50), np.log10(500)), rng.uniform(-2.5, 2.5), 10.0 ** rng.uniform(-1, 1.2)
    found = mf.moment(lambda x: f(k * (x - m), x), "dd", q)
    right, _ = mean(Problem(f, d, features=((m, 1 / k),), q=q), lambda x: d(k * (x - m), x, k) ** 2)
    return abs(found.value - right) > found.error + 1e-13 * right


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng, total = np.random.default_rng(arguments.seed), 0
    for family in FAMILIES:
        bad = sum(understated(rng, family) for _ in range(arguments.count))
        total += bad
        print(f"{family:14} understated {bad} of {arguments.count}", flush=True)
    sys.exit(total > 0)


if __name__ == "__main__":
    main()
