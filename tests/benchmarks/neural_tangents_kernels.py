"""Kernels of pairs beside neural-tangents, in one run; needs the extra `bench`.

    python tests/benchmarks/neural_tangents_kernels.py

The first table has the NNGP kernel of one layer beside neural-tangents' numerical rule. Errors are the largest at q = 1
over the correlations of `tests/reference/kernels.json`, which has 25 digits. The second table has `mf.ntk` of a network
of three weight layers beside neural-tangents' closed form, or its numerical rule where there is none: the largest
difference, relative to the kernel's largest entry, and the time relative to `mf.ntk` (for 30 inputs only at degree
100). Times are for all pairs of 300 inputs of any norm, after a first call that compiles or analyses the activation.
neural-tangents runs in float64 on the same processor.
"""

import json
import os
import time
from pathlib import Path

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import meanfield as mf
from meanfield.theory.depth.ntk import ntk

REFERENCE = json.loads((Path(__file__).parent.parent / "reference" / "kernels.json").read_text())
FEW = 30  # inputs of which degree 100 is asked for the tangent kernel


def activations():
    import jax

    return {
        "relu": jax.nn.relu,
        "tanh": jax.numpy.tanh,
        "gelu": lambda x: jax.nn.gelu(x, approximate=False),
        "elu": jax.nn.elu,
        "hard_tanh": jax.nn.hard_tanh,
    }


def theirs(between, layers=2, kind="nngp", sigma_b=None):
    """Their kernel of a network of so many weight layers, as a function of the inputs."""
    import jax
    from neural_tangents import stax

    dense = stax.Dense(1, b_std=sigma_b)
    kernel = stax.serial(dense, *[between, dense] * (layers - 1))[2]
    return jax.jit(lambda x: kernel(x, None, kind))


def numerical(function, degree):
    from neural_tangents import stax

    return stax.ElementwiseNumerical(function, deg=degree)


def seconds(call, repeat=3):
    call()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def nngp(x):
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
            kernel = theirs(numerical(function, degree))
            error = 0.0
            for correlation, truth in exact.items():
                two = np.sqrt(2.0) * np.array([[1.0, 0.0], [correlation, np.sqrt(1 - correlation**2)]])
                error = max(error, abs(float(kernel(two)[0, 1]) - truth))
            taken = seconds(lambda kernel=kernel: kernel(x).block_until_ready())
            line += f"{error:14.0e}{taken / pairs * 1e6:10.2f}"
        print(line, flush=True)


def tangent(x):
    from neural_tangents import stax

    closed = {"relu": stax.Relu(), "erf": stax.Erf(), "gelu": stax.Gelu()}
    functions = activations()
    pairs = len(x) ** 2 / 2
    print(f"\n{'':10}{'mf.ntk':>10}{'closed form':>24}{'degree 25':>24}{'degree 100':>14}")
    print(f"{'':10}{'µs a pair':>10}" + f"{'difference':>14}{'time':>10}" * 2 + f"{'difference':>14}")
    for name in ("relu", "erf", "gelu", "tanh", "elu", "hard_tanh"):
        blocks = [mf.Network(mf.Dense(1.0, 0.2)), *[mf.mlp(name, 1.0, 0.2)] * 2]
        ours = ntk(blocks, x, 3)
        own = seconds(lambda blocks=blocks: ntk(blocks, x, 3))
        line = f"{name:10}{own / pairs * 1e6:10.2f}"
        for layer in (closed.get(name), numerical(functions[name], 25) if name in functions else None):
            if layer is None:
                line += f"{'':24}"
                continue
            kernel = theirs(layer, 3, "ntk", 0.2)
            difference = np.abs(np.asarray(kernel(x)) - ours).max() / ours.max()
            taken = seconds(lambda kernel=kernel: kernel(x).block_until_ready())
            line += f"{difference:14.0e}{taken / own:10.1f}"
        if name in functions:
            fine = np.asarray(theirs(numerical(functions[name], 100), 3, "ntk", 0.2)(x[:FEW]))
            line += f"{np.abs(fine - ours[:FEW, :FEW]).max() / ours.max():14.0e}"
        print(line.rstrip(), flush=True)


if __name__ == "__main__":
    inputs = np.random.default_rng(0).standard_normal((300, 50))
    nngp(inputs)
    tangent(inputs)
