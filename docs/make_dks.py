"""The comparison with the package dks in theory/shaping.md: parameters and times of one solution each, at depth 50.

``python docs/make_dks.py`` needs dks 0.1.2 (Apache 2.0, of the authors of both papers) in the environment. It prints
the rows of the table, and takes a few minutes, almost all of them in dks.
"""

import sys
import time

import numpy as np

import meanfield as mf

DEPTH = 50
NAMES = {"swish": "silu", "bentid": "bent_identity", "gelu_exact": "gelu", "gelu": "gelu_tanh", "asinh": "asinh(x)"}
OTHERS = ("tanh", "sigmoid", "erf", "softplus", "selu", "elu", "atan", "square", "softsign", "leaky_relu")
FORMULAS = {"atan": "atan(x)", "square": "x**2"}
PARAMETERS = ("input_scale", "input_shift", "output_shift", "output_scale")


def iterated(x, psi):
    """The function of a fully connected network of DEPTH layers."""
    for _ in range(DEPTH):
        x = psi(x)
    return x


def timed(call):
    """The result of a call, or its error, and the CPU time in seconds."""
    start = time.process_time()
    try:
        found = call()
    except (ValueError, mf.MeanFieldError) as error:
        found = error
    return found, time.process_time() - start


def apart(shape, other):
    """The largest relative difference of the parameters."""
    other = other | {"input_scale": abs(other.get("input_scale", 1.0))}  # z and −z have the same law
    pairs = [(getattr(shape, name), other.get(name)) for name in PARAMETERS]
    return max(abs(theirs / own - 1) for own, theirs in pairs if theirs is not None and own)


def main() -> None:
    """Print the rows."""
    from dks.base.activation_transform import _get_activations_params

    mf.transform("tanh", depth=3)  # what is loaded once
    for theirs in (*OTHERS, *NAMES):
        ours = FORMULAS.get(theirs) or NAMES.get(theirs, theirs)
        mf.activation(ours)
        for method in ("dks", "tat"):
            shaped, own = timed(lambda m=method, n=ours: mf.transform(n, method=m, depth=DEPTH))
            other, seconds = timed(
                lambda m=method, n=theirs: _get_activations_params([n], m.upper(), subnet_max_func=iterated)[n]
            )
            difference = "no solution"
            if isinstance(other, dict) and not isinstance(shaped, Exception):
                difference = f"{min(apart(shape, other) for shape in shaped.branches):.1e}"
            elif isinstance(other, dict):
                difference = f"refused: {shaped}"
            sys.stdout.write(f"| {theirs} | {method.upper()} | {seconds:.2f} | {own:.3f} | {difference} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
