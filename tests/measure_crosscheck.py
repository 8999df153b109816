"""Measure how often the cross-check fails correct networks, and how often it catches an error of 2 % in sigma_w.

    python tests/measure_crosscheck.py [seeds]

Prints a table. Depth 12, 16 networks; correct ones at width 128 and 256, those with sigma_w ± 2 % at width 1024.
"""

import sys

import numpy as np

from meanfield.networks.network import mlp
from meanfield.verdict import crosscheck

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


def failures(name, sigma_w, sigma_b, factor, width, seeds):
    module = sys.modules["meanfield.verdict"]
    simulate, propagate, known = module.simulate, module.propagate, {}
    drawn = mlp(name, factor * sigma_w, sigma_b)
    module.simulate = lambda block, *rest, **named: simulate(drawn, *rest, **named)

    def remembered(block, depth, **start):
        key = float(block.layers[-1].sigma_w)
        if key not in known:
            known[key] = propagate(block, depth, **start)
        return known[key]

    module.propagate = remembered
    try:
        arguments = {"networks": 16, "c": 0.3, "method": "exact_law"}
        checks = [crosscheck(mlp(name, sigma_w, sigma_b), 12, width, rng=seed, **arguments) for seed in range(seeds)]
    finally:
        module.simulate, module.propagate = simulate, propagate
    return sum(not check.passed for check in checks), np.median([check.detectable for check in checks])


def main(seeds):
    cases = [(name, *sigmas) for name, sigmas in BLOCKS.items()]
    cases += [(name, *sigmas) for name, several in HARDER.items() for sigmas in several]
    titles = ("correct, 128", "correct, 256", "+2 %, 1024", "-2 %, 1024", "detectable")
    print(f"{'network':22}" + "".join(f"{title:>14}" for title in titles))
    for name, sigma_w, sigma_b in cases:
        false = [failures(name, sigma_w, sigma_b, 1.0, width, seeds)[0] for width in (128, 256)]
        caught = [failures(name, sigma_w, sigma_b, factor, 1024, seeds // 2) for factor in (1.02, 0.98)]
        entries = [f"{count}/{seeds}" for count in false] + [f"{count}/{seeds // 2}" for count, _ in caught]
        entries.append(f"{caught[0][1]:.2%}")
        label = f"{name} ({sigma_w:.4g}, {sigma_b:.3g})"
        print(f"{label:22}" + "".join(f"{entry:>14}" for entry in entries), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
