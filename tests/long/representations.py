"""Representations of the pair map against each other, on the functions of the corpus.

    .ci/long representations
    python tests/long/representations.py 640 --seed 3

Arrays of pairs are served by surfaces and series, single pairs by quadrature (see `meanfield.numerics.pairs`). Each
representation is asked for the pairs that it may serve. Fails if two values differ by more than the sum of their
bounds. Slopes by quadrature take seconds a pair for steep functions, so surfaces and series alone are compared there.
"""

import argparse
import itertools
import sys
from dataclasses import replace

import numpy as np
from corpus_problems import problem

import meanfield as mf
from meanfield.errors import NotConverged
from meanfield.numerics.pairs.pair_map import PairMap
from meanfield.numerics.pairs.representations import OF_DERIVATIVE, ONE_FUNCTION, QUADRATURE, Pairs

CORRELATIONS = np.array([1 - 1e-4, 0.99, 0.8, 0.3, -0.7, -0.97])
QUOTIENTS = (1.0, 1.0001, 1.03, 1.7)  # of two variances


def disagreements(seed, index):
    """Family, number of values, and (kind, rows, c, distance, bound) where two representations exclude each other."""
    p = problem(seed, index)
    p = replace(p, q=min(p.q, 4.0, (8 * p.scale) ** 2))
    pair_map, asked, wrong = PairMap(mf.activation(p.f).pieces), 0, []
    for q2 in p.q * np.array(QUOTIENTS):
        pairs = Pairs(np.full(CORRELATIONS.size, p.q), np.full(CORRELATIONS.size, q2), 1 - CORRELATIONS)
        for kind in ("distance", "slope") if q2 == p.q and not p.jumps else ("product",):
            found = {}
            for row in ONE_FUNCTION:
                served = np.flatnonzero(row.serves(pairs))
                slow = kind == "slope" and row in (QUADRATURE, OF_DERIVATIVE)
                if slow or kind not in row.kinds or not served.size:
                    continue
                try:
                    value, error, _ = pair_map.evaluate(row, kind, pairs.at(served))
                except NotConverged:
                    continue
                asked += served.size
                found[row.name] = np.full((2, CORRELATIONS.size), [[np.nan], [np.inf]])
                found[row.name][:, served] = value, error
            for (one, (v1, e1)), (other, (v2, e2)) in itertools.combinations(found.items(), 2):
                apart = np.flatnonzero(np.abs(v1 - v2) > e1 + e2)
                wrong += [(kind, one, other, CORRELATIONS[k], abs(v1 - v2)[k], (e1 + e2)[k]) for k in apart]
    return p.family, asked, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=96)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    total = bad = 0
    for index in range(arguments.count):
        family, asked, wrong = disagreements(arguments.seed, index)
        total, bad = total + asked, bad + len(wrong)
        for kind, one, other, c, distance, bound in wrong:
            print(f"{index} {family}, c = {c:g}: {kind} by {one} and {other} differ by {distance:.2g} > {bound:.2g}")
    print(f"{total} values, {bad} pairs of them exclude each other")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
