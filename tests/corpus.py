"""Random functions with a known truth, for asking whether a reported error ever understates.

    python tests/corpus.py 3000            # the long run: a table by family, and every offender
    python tests/corpus.py 3000 --seed 7 --pair-every 4

A problem knows its breakpoints; the package is given the callable alone, and is asked in random order. The truth comes
from the slow twin in `corpus_twin.py`. `test_corpus.py` runs a short stretch and holds the twin itself against mpmath.
"""

import argparse
import sys
from dataclasses import dataclass, replace

import numpy as np
from corpus_problems import problem
from corpus_twin import PAIR_TWIN, TWIN, mean, pair_mean

import meanfield as mf

PAIR = "E f(U)f(V)"


@dataclass(frozen=True)
class Outcome:
    """What one computed number was worth."""

    family: str
    index: int
    what: str
    error: float  # the true one
    claimed: float
    size: float
    converged: bool
    evaluations: int
    unseen: bool  # whether the function has a feature narrower than the stated resolution

    @property
    def honest(self):
        return self.error <= self.claimed + (PAIR_TWIN if self.what == PAIR else TWIN) * self.size


def _truth_of_gain(p):
    centre = mean(p, p.f)[0]
    variance, size = mean(p, lambda x: (p.f(x) - centre) ** 2)
    return variance**-0.5, size**-0.5


QUESTIONS = {
    "E f²": (lambda phi, p: mf.moment(phi, "ff", p.q), lambda p: mean(p, lambda x: p.f(x) ** 2)),
    "E f'²": (lambda phi, p: mf.moment(phi, "dd", p.q), lambda p: mean(p, lambda x: p.derivative(x) ** 2)),
    "E xff'": (lambda phi, p: mf.moment(phi, "xfd", p.q), lambda p: mean(p, lambda x: x * p.f(x) * p.derivative(x))),
    "centred gain": (lambda phi, p: mf.gain(phi, kind="centered", q=p.q), _truth_of_gain),
    PAIR: (lambda phi, p: mf.pair_expectation(phi, q=p.q, q2=p.q2, c=p.c), pair_mean),
}


def outcomes(seed, index, pairs):
    """Each question on problem `index`, in random order, against its twin; the pair only if `pairs`."""
    p = problem(seed, index)
    asked = [what for what in QUESTIONS if (pairs or what != PAIR) and not (p.jumps and "'" in what)]
    phi = mf.activation(p.f)
    for what in np.random.default_rng([seed, index, 1]).permutation(asked):
        ask, tell = QUESTIONS[what]
        at = _within_reach_of_nesting(p) if what == PAIR else p
        estimate, (truth, size) = ask(phi, at), tell(at)
        error, unseen = abs(estimate.value - truth), p.narrowest < (estimate.resolution or 0.0)
        yield Outcome(
            p.family, index, str(what), error, estimate.error, size, estimate.converged, estimate.evaluations, unseen
        )


def _within_reach_of_nesting(p):
    """The problem at smaller variances, where the nested twin takes seconds and growing tails end within its reach."""
    limit = (8 * p.scale) ** 2 if p.scale < 0.1 else 16.0
    return replace(p, q=min(p.q, limit), q2=min(p.q2, limit))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pair-every", type=int, default=10, help="every so many problems the pair is computed too")
    arguments = parser.parse_args(arguments)
    table, offenders = {}, []
    for index in range(arguments.count):
        for outcome in outcomes(arguments.seed, index, (index // 16) % arguments.pair_every == 0):
            row = table.setdefault((outcome.family, outcome.what), [0, 0, 0, 0, 0.0, 0])
            row[0] += 1
            row[1] += not outcome.honest and not outcome.unseen
            row[2] += not outcome.honest and outcome.unseen
            row[3] += outcome.converged
            row[4] = max(row[4], outcome.error / outcome.size if outcome.size else 0.0)
            row[5] = max(row[5], outcome.evaluations)
            if not outcome.honest and not outcome.unseen:
                offenders.append(outcome)
    print(f"{'family':20} {'what':12} number understated  unseen converged  worst error  evaluations")
    for (family, what), (n, bad, unseen, good, worst, most) in sorted(table.items()):
        print(f"{family:20} {what:12} {n:6d} {bad:11d} {unseen:7d} {good / n:9.2%} {worst:12.1e} {most:12d}")
    for outcome in offenders[:40]:
        print(outcome)
    return 1 if offenders else 0


if __name__ == "__main__":
    sys.exit(main())
