"""Kernels of pairs beside neural-tangents' numerical rule, in one run; needs the extra `bench`.

    python tests/benchmarks/neural_tangents_kernels.py

Errors are the largest at the correlations of `tests/reference/kernels.json`, which has 25 digits, at q = 1. Times are
for all pairs of 300 inputs of any norm, after a first call that compiles, or looks at the activation. neural-tangents
runs in float64 on the same processor.
"""

import json
import os
import time
from pathlib import Path

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import meanfield as mf

REFERENCE = json.loads((Path(__file__).parent.parent / "reference" / "kernels.json").read_text())


def activations():
    import jax

    return {
        "relu": jax.nn.relu,
        "tanh": jax.numpy.tanh,
        "gelu": lambda x: jax.nn.gelu(x, approximate=False),
        "elu": jax.nn.elu,
        "hard_tanh": jax.nn.hard_tanh,
    }


def theirs(function, degree):
    import jax
    from neural_tangents import stax

    layers = stax.Dense(1), stax.ElementwiseNumerical(function, deg=degree), stax.Dense(1)
    kernel = stax.serial(*layers)[2]
    return jax.jit(lambda x: kernel(x, None, "nngp"))


def seconds(call, repeat=3):
    call()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    x = np.random.default_rng(0).standard_normal((300, 50))
    pairs = len(x) ** 2 / 2
    print(f"{'':10}{'meanfield':>24}{'degree 25':>24}{'degree 100':>24}")
    print(f"{'':10}" + f"{'error':>14}{'µs a pair':>10}" * 3)
    for name, function in activations().items():
        exact = {float(c): float(value) for c, value in REFERENCE[name]["D"].items()}
        line = f"{name:10}"
        c = np.array(list(exact))
        value = mf.pair_expectation(name, c=c).value
        block = mf.Network(name, mf.Dense(1.0))
        line += f"{max(abs(value - list(exact.values()))):14.0e}"
        line += f"{seconds(lambda block=block: mf.kernel(block, x, 1)) / pairs * 1e6:10.2f}"
        for degree in (25, 100):
            kernel = theirs(function, degree)
            error = 0.0
            for correlation, truth in exact.items():
                two = np.sqrt(2.0) * np.array([[1.0, 0.0], [correlation, np.sqrt(1 - correlation**2)]])
                error = max(error, abs(float(kernel(two)[0, 1]) - truth))
            taken = seconds(lambda kernel=kernel: kernel(x).block_until_ready())
            line += f"{error:14.0e}{taken / pairs * 1e6:10.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
