"""Transformers of finite width against the theory of exchangeable tokens, and theories that are 3 % wrong.

    python tests/long/transformers.py [width] [networks]

Tables of softmax rows agree with single rows. Each block passes with its own theory. With sigma_w of all its layers 3 %
larger in the simulation it must fail.
"""

import math
import sys
import time

import numpy as np

import meanfield as mf
from meanfield.numerics.softmax.row_distance import _of_one, row_moments_and_distance

A = 6**0.25
BLOCKS = {
    "pre-LN ReLU": "residual(layernorm, attention(softmax)), residual(layernorm, dense, relu, dense(sqrt(2)))",
    "pre-LN GELU, steep scores": "residual(layernorm, attention(1.2, softmax, sigma_qk=1.8), scale=0.5), "
    "residual(layernorm, dense, gelu, dense(sqrt(2)), scale=0.5)",
    "post-LN": f"residual(attention(softmax), skip={A!r}), layernorm, "
    f"residual(dense, relu, dense(sqrt(2)), skip={A!r}), layernorm",
    "gated": "residual(rmsnorm, attention(1.1, 0.1, softmax)), residual(rmsnorm, gated(silu), dense, scale=0.7)",
    "parallel": "residual(layernorm, parallel(attention(softmax), network(dense, relu, dense(sqrt(2)))))",
    "no skip": "rmsnorm, attention(softmax), tanh, dense(1.5, 0.1)",
    "uniform": "residual(rmsnorm, attention(1.1)), residual(rmsnorm, dense, tanh, dense)",
}
START = {"tokens": 6, "token_c": 0.3, "c": 0.4}


def louder(block, factor):
    """The block with all sigma_w times `factor`."""
    return mf.network(block).with_parameters(
        lambda layer: {"sigma_w": factor * layer.sigma_w} if "sigma_w" in layer.parameters else {}
    )


def tables_differ(tokens=8):
    """Whether moments of many rows, from tables, lie beyond their error bounds or 1e-7 from those of single rows."""
    rng = np.random.default_rng(0)
    b2 = rng.uniform(0.0, 4.0, 200)
    rest = b2 * rng.uniform(0.0, 1.2, 200) ** 3
    found = row_moments_and_distance(tokens, b2, rest)
    single = np.array([_of_one(tokens, *pair) for pair in zip(b2.tolist(), rest.tolist(), strict=True)])
    values, errors = (np.array([getattr(one, name) for one in found]).T for name in ("value", "error"))
    off = np.abs(values - single[:, :4])
    print(f"tables of rows: {(off / np.abs(single[:, :4])).max():.1e} off")
    return bool(np.any(off > errors + single[:, 4:]) or np.any(off > 1e-7 * np.abs(single[:, :4])))


def main(width=256, networks=32):
    wrong = ["tables of rows"] * tables_differ()
    for seed, (name, text) in enumerate(BLOCKS.items(), 20):
        begun = time.perf_counter()
        check = mf.crosscheck(text, 3, width, networks=networks, rng=seed, **START)
        loud = mf.simulate(louder(text, 1.03), 3, width, networks=networks, rng=seed, **START)
        theory = mf.propagate(text, 3, **START)
        z = max(
            abs(math.log(sample.mean[-1 - last] / values[-1 - last]))
            / (sample.standard_error[-1 - last] / sample.mean[-1 - last] + 1.0 / width)
            for sample, values, last in ((loud.q, theory.q, 0), (loud.gradient, theory.gradient, 3))
        )
        seen = z > 3 or not check.decides
        took = time.perf_counter() - begun
        print(f"{name:26s} {check.verdict} z {check.largest_z:.2f} of {check.threshold:.2f}, detects "
              f"{check.detectable:.3f}; 3 % louder: z {z:.1f} ({took:.0f} s)")  # fmt: skip
        wrong += [name] * (not check.passed or (not seen and check.detectable < 0.03))
    if wrong:
        sys.exit(f"wrong: {', '.join(wrong)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
