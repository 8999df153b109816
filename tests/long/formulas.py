"""Proven bounds of the package against enclosures by Arb: every row of the catalogue, and a corpus of random formulas.

    .ci/long formulas                                         # 5 q of every row, and 2,000 formulas
    PYTHONPATH=tests python tests/long/formulas.py 300 --seed 7   # only 300 other formulas of the ten families

Each has "ff", "dd" and "xfd". A number is understated if it is farther from the enclosure than its error. The enclosure
decides only where its own radius is below that error; the table counts where it is not, and what is certified.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
from arb_moments import distance, enclosure

import meanfield as mf

Q = (1e-6, 0.37, 1.0, 25.0, 1e4)
COUNTS = ("numbers", "certified", "decided", "understated")
SMOOTH = ("tanh({u})", "sin({u})", "atan({u})", "erf({u})", "sigmoid({u})", "exp(-({u})**2)", "log(1 + ({u})**2)")


def number(rng, low, high, digits=4):
    """A random decimal."""
    return f"({float(f'{rng.uniform(low, high):.{digits}g}')!r})"


def power(rng, low, high):
    """A random decimal, uniform in its logarithm."""
    return f"{float(f'{10.0 ** rng.uniform(low, high):.3g}')!r}"


def smooth(rng, u="x"):
    """A smooth function of slope about 1."""
    return rng.choice(SMOOTH).format(u=f"{power(rng, -0.5, 0.7)}*({u} - {number(rng, -2, 2)})")


def sigmoids(rng):
    """Steps of any steepness."""
    terms = []
    for _ in range(rng.integers(1, 4)):
        name = rng.choice(["tanh", "sigmoid", "Phi", "erf"])
        terms.append(f"{number(rng, -2, 2)}*{name}({power(rng, -0.5, 4)}*(x - {number(rng, -3, 3)}))")
    return " + ".join(terms)


def bump(rng):
    """A narrow bump on a slope."""
    place = f"x - {number(rng, -3, 3)}"
    form = rng.choice([f"exp(-(({place})*{power(rng, 0, 5)})**2)", f"1/(1 + {power(rng, 1, 9)}*({place})**2)"])
    return f"{rng.choice(['0', '0.3*x', smooth(rng)])} + {power(rng, -1, 2)}*{form}"


def box(rng):
    """A narrow box: two jumps."""
    condition = f"abs(x - {number(rng, -3, 3)}) < {power(rng, -7, 0)}"
    return f"where({condition}, {number(rng, -50, 50)}, {smooth(rng)})"


def kinks(rng):
    """Kinks, at places that are floats and at others."""
    lines = [f"{number(rng, -2, 2)}*x + {number(rng, -1, 1)}" for _ in range(3)]
    return rng.choice(
        [
            f"max({lines[0]}, {lines[1]}) + min({lines[2]}, {smooth(rng)})",
            f"abs({smooth(rng)}) + max(x, {number(rng, -1, 1)}*x)",
            f"min(max({smooth(rng)}, {number(rng, -1, 0)}), {number(rng, 0, 1)})",
        ]
    )


def cases(rng):
    """Pieces that need not be continuous."""
    point = number(rng, -2, 2)
    condition = rng.choice([f"x > {point}", f"(x > {point}) & (x < 2.5)", f"(x <= -1) | (x**2 > {power(rng, -1, 1)})"])
    return f"where({condition}, {smooth(rng)}, {number(rng, -1, 1)}*x**2 + {smooth(rng)})"


def rational(rng):
    """Quotients without real poles."""
    return f"({number(rng, -2, 2)}*x**3 + {smooth(rng)})/({power(rng, -2, 0)} + x**2 + {number(rng, 0, 1)}*x**4)"


def composition(rng):
    """Functions of functions."""
    return smooth(rng, f"({smooth(rng, f'(x + {smooth(rng)})')})")


def roots(rng):
    """Powers of sums, near their singular points too."""
    base = rng.choice([f"{power(rng, -6, 0)} + (x - {number(rng, -2, 2)})**2", f"1 + abs(x - {number(rng, -2, 2)})"])
    return f"({base})**{rng.choice(['0.5', '0.7', '(-0.5)', '1.5', '(1/3)'])} + {number(rng, -1, 1)}*x"


def waves(rng):
    """Oscillations with an envelope."""
    envelope = rng.choice(["1", "x", smooth(rng), "exp(-x**2)"])
    return f"{envelope}*{rng.choice(['sin', 'cos'])}({power(rng, 0, 1.8)}*x + 0.7)"


def one_sided(rng):
    """Softened lines and exponentials on one side."""
    k, m = power(rng, -0.3, 2), number(rng, -1, 1)
    return rng.choice(
        [
            f"log(1 + exp({k}*(x - {m})))/{k}",
            f"where(x > {m}, x - {m}, (exp({k}*(x - {m})) - 1)/{k})",
            f"x*sigmoid({k}*x) + {m}",
            f"{m}*gelu(x) + softsign({k}*x)",
            f"x*tanh(log(1 + exp({k}*x)))",
            f"exp(x)/(1 + exp(x)) + {m}*exp({number(rng, -0.5, 0.5)}*x)",
        ]
    )


FAMILIES = (sigmoids, bump, box, kinks, cases, rational, composition, roots, waves, one_sided)


def corpus(count, seed) -> Iterator[tuple[str, str, float]]:
    """Family, formula and q of each random problem; the same for the same seed."""
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        family = FAMILIES[index % len(FAMILIES)]
        formula = family(rng)
        yield family.__name__, formula, float(f"{10.0 ** rng.uniform(-1.5, 1.5):.3g}")


def rows() -> Iterator[tuple[str, str, float]]:
    """Family, name and q of each row of the catalogue."""
    for name in mf.catalogue():
        for q in Q:
            yield "catalogue", name, q


def compare(problems, table, limit):
    """Each number of each problem, counted in `table`; yields what is understated."""
    for family, spec, q in problems:
        try:
            phi = mf.activation(spec)
        except mf.MeanFieldError as error:
            print("refused", spec, error)
            continue
        for product in ("ff", "dd", "xfd"):
            row = table.setdefault(
                (family, product), dict.fromkeys(("numbers", "certified", "decided", "understated"), 0)
            )
            start = time.process_time()
            try:
                estimate = mf.moment(phi, product, q)
            except mf.MeanFieldError:
                continue
            row["seconds"] = row.get("seconds", 0.0) + time.process_time() - start
            row["numbers"] += 1
            row["certified"] += estimate.certified
            try:
                ball = enclosure(
                    phi.formula, product, q, phi.breakpoints, tolerance=estimate.error / 5, evaluations=limit
                )
            except NotImplementedError as unknown:
                print("no enclosure", spec, unknown)
                continue
            apart, radius = distance(estimate.value, ball)
            if not radius < estimate.error:
                if apart <= estimate.error:
                    continue
            else:
                row["decided"] += 1
            row["worst"] = max(row.get("worst", 0.0), apart / estimate.error)
            if apart > estimate.error:
                row["understated"] += 1
                yield spec, product, q, estimate, estimate.certified, apart, radius


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", help="formulas of the corpus; the default runs everything")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=4000, help="evaluations of Arb a panel")
    arguments = parser.parse_args()
    problems = list(corpus(arguments.count or 2000, arguments.seed))
    table, understated = {}, 0
    for offender in compare(problems if arguments.count else [*rows(), *problems], table, arguments.limit):
        print("UNDERSTATED", *offender, flush=True)
        understated += 1
    print(f"{'family':12} {'of':4} numbers certified decided understated  worst/error  seconds")
    for (family, product), row in table.items():
        counts = f"{row['numbers']:7} {row['certified']:9} {row['decided']:7} {row['understated']:11}"
        print(f"{family:12} {product:4} {counts}  {row.get('worst', 0.0):11.3f} {row.get('seconds', 0.0):8.2f}")
    return 1 if understated else 0


if __name__ == "__main__":
    raise SystemExit(main())
