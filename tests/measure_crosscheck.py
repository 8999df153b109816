"""Measure how often the cross-check fails correct networks, and how often it catches what is planted.

    python tests/measure_crosscheck.py [seeds] [signals | samplers | planted | biases | deep | given ...]

Prints tables in Markdown. Depth 12 and 16 networks throughout. 80 seeds take about half an hour on two cores.
"""

import sys

import numpy as np

from meanfield.cross_check.check_weights import check_weights
from meanfield.cross_check.crosscheck import crosscheck
from meanfield.networks.block import mlp

BLOCKS = {
    "relu": (2**0.5, 0.0),
    "tanh": (1.3041458, 0.2),
    "gelu": (1.4082110, 0.4158394),
    "silu": (1.4099661, 0.7450793),
    "elu": (1.2292511, 0.2),
}
#: Away from criticality and at its unstable kinds.
HARDER = {
    "tanh": [(0.9, 0.2), (1.0, 0.0), (3.0, 0.3)],
    "gelu": [(1.41, 0.0)],
    "sin": [(3.0, 0.3)],
    "linear": [(1.0, 0.0)],
}
DEPTH, NETWORKS = 12, 16


def entries(law):
    return lambda rng, m, n: 2**0.5 * law(rng, (m, n)) / n**0.5


def normal(rng, shape):
    return rng.standard_normal(shape)


def haar(rng, shape):
    """A QR's signs are not random; without them networks do differ from the theory (Mezzadri 2007)."""
    basis, triangle = np.linalg.qr(rng.standard_normal(shape))
    return basis * np.sign(np.diagonal(triangle)) * shape[0] ** 0.5


LAWS = {
    "normal": normal,
    "uniform": lambda rng, shape: rng.uniform(-(3**0.5), 3**0.5, shape),
    "±1": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
    "one in ten": lambda rng, shape: rng.standard_normal(shape) * (rng.random(shape) < 0.1) * 10**0.5,
    "Student's t, 5 degrees": lambda rng, shape: rng.standard_t(5, shape) * 0.6**0.5,
    "orthogonal (Haar)": lambda rng, shape: haar(rng, shape),
}


def shared(axis, rho):
    """Equicorrelated along an axis, of variance 1."""
    return lambda rng, shape: (
        (1 - rho) ** 0.5 * rng.standard_normal(shape)
        + rho**0.5 * rng.standard_normal(np.where(np.arange(2) == axis, 1, shape))
    )


#: What is wrong with the entries, as a law of second moment 1 unless it says otherwise; and the cause to be named.
DEFECTS = {
    "sigma_w 2 % too large": (lambda rng, shape: 1.02 * normal(rng, shape), "sigma_w"),
    "sigma_w 2 % too small": (lambda rng, shape: 0.98 * normal(rng, shape), "sigma_w"),
    "mean of 0.05 standard deviations": (lambda rng, shape: 0.9975**0.5 * normal(rng, shape) + 0.05, "mean"),
    "rows correlated by 0.05": (shared(0, 0.05), "correlation"),
    "columns correlated by 0.05": (shared(1, 0.05), "correlation"),
    "every row twice": (lambda rng, shape: np.repeat(normal(rng, (shape[0] // 2, shape[1])), 2, axis=0), "correlation"),
    "a tenth of the variance of rank 8": (
        lambda rng, shape: (
            0.9**0.5 * normal(rng, shape) + (0.1 / 8) ** 0.5 * normal(rng, (shape[0], 8)) @ normal(rng, (8, shape[1]))
        ),
        "correlation",
    ),
    "Student's t, 3 degrees": (lambda rng, shape: rng.standard_t(3, shape) * 3**-0.5, "tail"),
    "the rng ignored": (lambda rng, shape: normal(np.random.default_rng(0), shape), "draws"),
}
#: Biases for sigma_b = 0.2, and the cause to be named; None if they are right.
BIASES = {
    "normal": (lambda rng, m, n: 0.2 * rng.standard_normal(m), None),
    "uniform": (lambda rng, m, n: 0.2 * rng.uniform(-(3**0.5), 3**0.5, m), None),
    "missing": (lambda rng, m, n: np.zeros(m), "sigma_b"),
    "20 % too large": (lambda rng, m, n: 0.24 * rng.standard_normal(m), "sigma_b"),
    "all 0.2": (lambda rng, m, n: np.full(m, 0.2), "mean of biases"),
}


def rate(count, total):
    return f"{count}/{total}"


def table(heading, rows):
    print(f"\n| {' | '.join(heading)} |\n|{' --- |' * len(heading)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |", flush=True)


def signals(seeds):
    """Gaussian weights sampled in law: only signals are tested."""

    def failures(name, sigma_w, sigma_b, factor, width, count):
        arguments = {"networks": NETWORKS, "c": 0.3, "method": "exact_law"}
        module = sys.modules["meanfield.cross_check.crosscheck"]
        simulate = module.simulate
        drawn = mlp(name, factor * sigma_w, sigma_b)
        module.simulate = lambda block, *rest, **named: simulate(drawn, *rest, **named)
        try:
            block = mlp(name, sigma_w, sigma_b)
            checks = [crosscheck(block, DEPTH, width, rng=seed, **arguments) for seed in range(count)]
        finally:
            module.simulate = simulate
        return rate(sum(not check for check in checks), count), np.median([check.detectable for check in checks])

    cases = [(name, *sigmas) for name, sigmas in BLOCKS.items()]
    cases += [(name, *pair) for name, several in HARDER.items() for pair in several]

    def row(case):
        false = [failures(*case, 1.0, width, seeds)[0] for width in (128, 256)]
        caught = [failures(*case, factor, 1024, seeds // 2) for factor in (1.02, 0.98)]
        return f"{case[0]} ({case[1]:.4g}, {case[2]:.3g})", *false, *(c for c, _ in caught), f"{caught[0][1]:.2%}"

    heading = ("network", "failed, width 128", "failed, width 256", "+2 % caught, 1024", "−2 % caught, 1024")
    table((*heading, "detectable at 1024"), map(row, cases))


def samplers(seeds):
    """Correct samplers of several laws: signals and matrices are tested."""

    def row(item):
        law, draw = item
        counts = [
            sum(
                not crosscheck(
                    mlp(name, *BLOCKS[name]), DEPTH, 128, networks=NETWORKS, c=0.3, rng=seed,
                    weights=lambda rng, m, n, s=BLOCKS[name][0]: s * draw(rng, (m, n)) / n**0.5,
                )
                for seed in range(seeds)
            )
            for name in ("relu", "tanh", "gelu")
        ]  # fmt: skip
        return law, *(rate(count, seeds) for count in counts)

    table(("law of the entries", "failed, relu", "failed, tanh", "failed, gelu"), map(row, LAWS.items()))


def planted(seeds):
    """Samplers with one thing wrong, in all layers and in layer 5 only."""
    right = entries(normal)

    def row(item):
        name, (law, cause) = item
        found = []
        for weights in (entries(law), [entries(law) if layer == 5 else right for layer in range(1, DEPTH + 1)]):
            where = isinstance(weights, list)
            checks = [
                crosscheck(mlp("relu", 2**0.5), DEPTH, 256, networks=NETWORKS, c=0.3, rng=seed, weights=weights)
                for seed in range(seeds)
            ]
            named = [
                check.cause.quantity == cause and check.cause.everywhere is not where
                and (not where or check.cause.layers == (5,))
                for check in checks if not check
            ]  # fmt: skip
            found += [rate(len(named), seeds), rate(sum(named), seeds)]
        return name, *found

    heading = ("planted", "caught", "and named", "in layer 5 only: caught", "and named")
    table(heading, map(row, DEFECTS.items()))


def biases(seeds):
    """Right weights of relu (1.41, 0.2) with biases that are right or wrong."""

    def row(item):
        name, (bias, cause) = item

        def weights(rng, m, n):
            return 1.41 * rng.standard_normal((m, n)) / n**0.5

        weights.bias = bias
        checks = [
            crosscheck(mlp("relu", 1.41, 0.2), DEPTH, 256, networks=NETWORKS, c=0.3, rng=seed, weights=weights)
            for seed in range(seeds)
        ]
        failed = [check for check in checks if not check]
        return name, rate(len(failed), seeds), rate(sum(check.cause.quantity == cause for check in failed), seeds)

    table(("biases", "failed", "and named"), map(row, BIASES.items()))


def deep(seeds):
    """Right networks where false alarms are likely: single precision at great depth, and more layers than units."""
    relu, ordered, chaotic = mlp("relu", 2**0.5), mlp("tanh", 1.0, 0.1), mlp("tanh", 1.5, 0.3)
    cases = [(relu, 100, 128, {"c": 1 - gap, "dtype": "float32"}) for gap in (1e-6, 2e-6, 3e-6, 1e-5, 0.5)]
    cases += [
        (block, *size, {} if c is None else {"c": c})
        for block in (relu, ordered, chaotic, mlp("gelu", 1.5, 0.2))
        for size in ((64, 32), (40, 16), (100, 64))
        for c in (None, 0.6)
    ]

    def row(case):
        block, depth, width, more = case
        failed = sum(not crosscheck(block, depth, width, rng=seed, networks=NETWORKS, **more) for seed in range(seeds))
        name = ", ".join(phi.name for phi in block.activations)
        return name, depth, width, more.get("dtype", "float64"), more.get("c", "-"), rate(failed, seeds)

    table(("network", "depth", "width", "type", "c", "failed"), map(row, cases))


def given(seeds):
    """One given network of random weights against the spread of random networks."""

    def row(name):
        failed = 0
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            weights = [BLOCKS[name][0] * rng.standard_normal((256, 256)) / 16 for _ in range(DEPTH)]
            failed += not check_weights(weights, name, rng=rng)
        return name, rate(failed, seeds)

    table(("activation", "failed"), map(row, BLOCKS))


PARTS = {one.__name__: one for one in (signals, samplers, planted, biases, deep, given)}

if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 80
    for part in sys.argv[2:] or PARTS:
        PARTS[part](count)
