"""Remakes `kernels.json`: V(q) = E φ², X(q) = E φ′², D(c) = E φ(U)φ(V) and Dd(c) = E φ′(U)φ′(V) at q = 1, with mpmath.

    python tests/reference/make_kernels.py            # writes the file; some hours
    python tests/reference/make_kernels.py --check 3  # recomputes every third entry of the file and compares

One dimension is Gauss–Legendre between the breakpoints. Two dimensions are nested: the inner mean over V given U is
cut where V crosses a breakpoint, so that every panel is analytic. It shares nothing with the package.
"""

import json
import sys
from pathlib import Path

from mpmath import mp, mpf

mp.dps = 30

ALPHA = mpf("1.673263242354377284817042991671652")
SCALE = mpf("1.0507009873554804934193349852946064")


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def mish(x):
    return x * mp.tanh(mp.log1p(mp.exp(x)))


def mish_derivative(x):
    t = mp.tanh(mp.log1p(mp.exp(x)))
    return t + x * (1 - t * t) * sigmoid(x)


def gelu_tanh(x):
    return x / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3)))


def gelu_tanh_derivative(x):
    k, a = mp.sqrt(2 / mp.pi), mpf("0.044715")
    t = mp.tanh(k * (x + a * x**3))
    return (1 + t) / 2 + x / 2 * (1 - t * t) * k * (1 + 3 * a * x**2)


# name: (φ, φ′ or None where φ jumps, breakpoints)
FUNCTIONS = {
    "relu": (lambda x: max(x, mpf(0)), lambda x: mpf(x > 0), [0]),
    "leaky_relu": (lambda x: x if x > 0 else x / 100, lambda x: mpf(1) if x > 0 else mpf(1) / 100, [0]),
    "abs": (abs, lambda x: mpf(1) if x > 0 else mpf(-1), [0]),
    "elu": (lambda x: x if x > 0 else mp.expm1(x), lambda x: mpf(1) if x > 0 else mp.exp(x), [0]),
    "selu": (
        lambda x: SCALE * (x if x > 0 else ALPHA * mp.expm1(x)),
        lambda x: SCALE * (mpf(1) if x > 0 else ALPHA * mp.exp(x)),
        [0],
    ),
    "hard_tanh": (lambda x: min(max(x, mpf(-1)), mpf(1)), lambda x: mpf(abs(x) < 1), [-1, 1]),
    "hard_swish": (
        lambda x: x * min(max(x + 3, mpf(0)), mpf(6)) / 6,
        lambda x: mpf(0) if x < -3 else mpf(1) if x > 3 else (2 * x + 3) / 6,
        [-3, 3],
    ),
    "relu6": (lambda x: min(max(x, mpf(0)), mpf(6)), lambda x: mpf(0 < x < 6), [0, 6]),
    "sign": (mp.sign, None, [0]),
    "step": (lambda x: mpf(x > 0), None, [0]),
    "sqrelu": (lambda x: max(x, mpf(0)) ** 2, lambda x: 2 * max(x, mpf(0)), [0]),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: (1 + abs(x)) ** -2, [0]),
    "gelu": (lambda x: x * mp.ncdf(x), lambda x: mp.ncdf(x) + x * mp.npdf(x), []),
    "gelu_tanh": (gelu_tanh, gelu_tanh_derivative, []),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))), []),
    "mish": (mish, mish_derivative, []),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), sigmoid, []),
    "tanh": (mp.tanh, lambda x: mp.sech(x) ** 2, []),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)), []),
    "erf": (mp.erf, lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x), []),
    "sin": (mp.sin, mp.cos, []),
    "gauss": (lambda x: mp.exp(-x * x), lambda x: -2 * x * mp.exp(-x * x), []),
    "snake": (lambda x: x + mp.sin(x) ** 2, lambda x: 1 + mp.sin(2 * x), []),
}

QS = ["0.01", "1", "25"]
CS = ["-0.9", "0", "0.5", "0.9", "0.99", "0.9999", "0.99999999"]
SLOPES = ["0.5", "0.99"]


def mean(f, breakpoints, centre=0, sd=1):
    """E f(centre + sd·Z), cut at the breakpoints, at 0 and at every standard deviation."""
    cuts = {(mpf(b) - centre) / sd for b in [*breakpoints, 0]} | {mpf(k) for k in range(-11, 12)}
    edges = sorted(z for z in cuts if abs(z) <= 11)
    return mp.quad(lambda z: f(centre + sd * z) * mp.npdf(z), edges)


def pair(f, breakpoints, c):
    """E f(U)f(V): the outer integral is over U, the inner over V given U, with sd √(1 − c²)."""
    c = mpf(c)
    rest = mp.sqrt(1 - c * c)
    outer = {mpf(k) / 2 for k in range(-22, 23)}
    for b in breakpoints:  # near a breakpoint the inner mean varies on the scale of its own sd
        outer |= {mpf(b) + s * rest * mpf(2) ** k for s in (-1, 1) for k in range(-2, 6)} | {mpf(b)}
    edges = sorted(u for u in outer if abs(u) <= 11)
    return mp.quad(lambda u: f(u) * mp.npdf(u) * mean(f, breakpoints, c * u, rest), edges)


def entries():
    """Every (name, field, argument, thunk)."""
    for name, (f, d, breakpoints) in FUNCTIONS.items():
        for q in QS:
            sd = mp.sqrt(mpf(q))
            yield name, "V", q, lambda f=f, b=breakpoints, sd=sd: mean(lambda x: f(x) ** 2, b, sd=sd)
            if d is not None:
                yield name, "X", q, lambda d=d, b=breakpoints, sd=sd: mean(lambda x: d(x) ** 2, b, sd=sd)
        for c in CS:
            yield name, "D", c, lambda f=f, b=breakpoints, c=c: pair(f, b, c)
        for c in SLOPES if d is not None else []:
            yield name, "Dd", c, lambda d=d, b=breakpoints, c=c: pair(d, b, c)


def main():
    path = Path(__file__).with_name("kernels.json")
    if sys.argv[1:2] == ["--check"]:
        stored, worst = json.loads(path.read_text()), mpf(0)
        for name, field, argument, thunk in list(entries())[:: int(sys.argv[2])]:
            difference = abs(thunk() - mpf(stored[name][field][argument]))
            worst = max(worst, difference)
            print(f"{name:12} {field:2} {argument:12} {mp.nstr(difference, 3)}")
        print("largest difference", mp.nstr(worst, 3))
        return
    table: dict = {}
    for name, field, argument, thunk in entries():
        table.setdefault(name, {}).setdefault(field, {})[argument] = mp.nstr(thunk(), 25)
    path.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
