"""Representations of the pair map against the rotated quadrature, on the functions of the corpus.

    .ci/long representations
    python tests/long/representations.py 640 --seed 3

Arrays of pairs are served by surfaces and series, single pairs by quadrature (see `meanfield.numerics.pairs`). Each
representation is asked for the pairs that it may serve. Fails if the distance of two values exceeds the sum of their
bounds.
"""

import argparse
import sys
from dataclasses import replace

import numpy as np
from corpus_problems import problem

import meanfield as mf
from meanfield.errors import NotConverged
from meanfield.numerics.pairs.pair_map import PairMap
from meanfield.numerics.pairs.representations import ONE_FUNCTION, QUADRATURE, Pairs

CORRELATIONS = np.array([1 - 1e-4, 0.99, 0.8, 0.3, -0.7, -0.97])
QUOTIENT = 1.7  # of two unequal variances


def disagreements(seed, index):
    """(row, kind, c, distance, bound) of the pairs where a representation and the quadrature exclude each other."""
    p = problem(seed, index)
    p = replace(p, q=min(p.q, 4.0, (8 * p.scale) ** 2))
    pieces = mf.activation(p.f).pieces
    pair_map, asked, found = PairMap(pieces), 0, []
    for q2 in (p.q, QUOTIENT * p.q):
        pairs = Pairs(np.full(CORRELATIONS.size, p.q), np.full(CORRELATIONS.size, q2), 1 - CORRELATIONS)
        for kind in ("distance", "slope") if q2 == p.q and not p.jumps else ("product",):
            truth, truth_error, _ = pair_map.evaluate(QUADRATURE, kind, pairs)
            for row in ONE_FUNCTION:
                served = np.flatnonzero(row.serves(pairs))
                if row == QUADRATURE or kind not in row.kinds or not served.size:
                    continue
                try:
                    value, error, _ = pair_map.evaluate(row, kind, pairs.at(served))
                except NotConverged:
                    continue
                asked += served.size
                bound = error + truth_error[served]
                wrong = np.flatnonzero(np.abs(value - truth[served]) > bound)
                found += [
                    (row.name, kind, CORRELATIONS[served][k], (value - truth[served])[k], bound[k]) for k in wrong
                ]
    return p.family, asked, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=160)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    total = wrong = 0
    for index in range(arguments.count):
        family, asked, found = disagreements(arguments.seed, index)
        total, wrong = total + asked, wrong + len(found)
        for row, kind, c, distance, bound in found:
            print(f"{index} {family}: {row}, {kind}, c = {c:g}: off by {distance:.2g}, bound {bound:.2g}", flush=True)
    print(f"understated {wrong} of {total}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
