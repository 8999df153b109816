"""How often a callable's narrow feature is missed, by its width.

    .ci/long narrow_features

tanh has a feature of compact support and given total width added at a random place: a box, a triangle or a smooth bump.
An answer is a miss if it is off by more than its error. The truth is the slow twin of the corpus, which
knows the feature's own breakpoints. Fails if a feature as wide as the stated resolution is missed.
"""

import argparse
import sys

import numpy as np
from corpus_problems import Problem
from corpus_twin import mean

import meanfield as mf

SHAPES = {
    "box": lambda u: 1.0 * (np.abs(u) < 1),
    "triangle": lambda u: np.maximum(1 - np.abs(u), 0),
    "smooth": lambda u: np.exp(1 - 1 / np.maximum(1 - u**2, 1e-3)) * (np.abs(u) < 1),
}
WIDTHS = (0.25, 0.5, 0.75, 1.0, 1.25, 2.0, 5.0)  # in units of the stated resolution


def missed(rng, shape, width, q):
    """Whether a random feature is missed, and whether it was found with an error of less than 1e-10."""
    m = np.sqrt(q) * rng.uniform(-3, 3)
    resolution = mf.expectation(lambda x: np.tanh(x), q).resolution
    w = width * resolution

    def f(x):
        return np.tanh(x) + SHAPES[shape]((x - m) / (0.5 * w))

    found = mf.expectation(lambda x: f(x), q)
    edges = (m - 0.5 * w, m, m + 0.5 * w)
    error = abs(found.value - mean(Problem(f, None, edges, q=q), f)[0])
    return error > found.error + 1e-14, found.error < 1e-10


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng, wide = np.random.default_rng(arguments.seed), 0
    print("misses of", arguments.count, "by width in units of the resolution", *WIDTHS)
    for q in (1e-4, 1.0, 25.0):
        for shape in SHAPES:
            outcomes = [[missed(rng, shape, width, q) for _ in range(arguments.count)] for width in WIDTHS]
            misses = [sum(miss for miss, _ in row) for row in outcomes]
            sharp = [sum(good for _, good in row) for row in outcomes]
            wide += sum(count for count, width in zip(misses, WIDTHS, strict=True) if width >= 1)
            print(f"q = {q:<8g} {shape:9} missed {misses}, error below 1e-10 {sharp}", flush=True)
    sys.exit(wide > 0)


if __name__ == "__main__":
    main()
