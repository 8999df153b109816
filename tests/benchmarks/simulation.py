"""The time of a simulation beside its necessary part: drawing the weights and multiplying by them.

    python tests/benchmarks/simulation.py

Prints ratios of times taken in the same run, each the best of several.
"""

import time

import numpy as np

import meanfield as mf

BLOCK = mf.mlp("relu", 2**0.5)


def best(function, *arguments, repeat=3, **named):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function(*arguments, **named)
        times.append(time.perf_counter() - start)
    return min(times)


def bare(depth, width, networks, draw):
    """Draw the matrices, multiply two inputs by them forwards and backwards, and nothing else."""
    rng = np.random.default_rng(0)
    for _ in range(networks):
        x, kept = rng.standard_normal((2, width)), []
        for _ in range(depth):
            kept.append(draw(rng, width, width))
            x = x @ kept[-1].T
        for matrix in reversed(kept):
            x = x @ matrix


def he(rng, fan_out, fan_in):
    return rng.standard_normal((fan_out, fan_in)) * (2 / fan_in) ** 0.5


def orthogonal(rng, fan_out, fan_in):
    return np.linalg.qr(rng.standard_normal((fan_out, fan_in)))[0] * 2**0.5


def main():
    print("materialized, against drawing and multiplying alone")
    for label, weights, draw in (
        ("named law", "gaussian", he),
        ("sampler, with its matrices tested", he, he),
        ("orthogonal", "orthogonal", orthogonal),
    ):
        for width, depth, networks in ((256, 12, 8), (1024, 6, 2)):
            needed = best(bare, depth, width, networks, draw)
            taken = best(mf.simulate, BLOCK, depth, width, networks=networks, c=0.3, rng=0, weights=weights)
            print(f"  {label:35} width {width:5}: {taken / needed:5.2f} × {needed:.3f} s")
    print("exact_law, against materialized")
    for width in (256, 1024, 4096):
        run = {"depth": 3, "width": width, "networks": 2, "c": 0.3, "rng": 0}
        law = best(mf.simulate, BLOCK, method="exact_law", **run, repeat=5)
        drawn = best(mf.simulate, BLOCK, **run, repeat=2)
        print(f"  width {width:5}: {drawn / law:6.0f} × less time ({law * 1e3:.1f} ms for 2 networks of 3 layers)")
    taken = best(mf.simulate, BLOCK, 10, 1_000_000, networks=2, c=0.3, rng=0, method="exact_law", repeat=1)
    print(f"  width 1000000: {taken / 20:.2f} s a layer and network")


if __name__ == "__main__":
    main()
