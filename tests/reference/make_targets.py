"""Remakes targets.json: Gaussian moments at q = 1, critical lines and half-stable points, by mpmath at 40 digits.

``python tests/reference/make_targets.py`` compares what it computes with the file and tells the largest relative
difference; ``--write`` replaces the file. It takes a few minutes. Nothing of the package is used: every number is an
integral of the function itself over panels cut at its kinks, so that closed forms are tested too.
"""

import json
import sys
from pathlib import Path

import mpmath as mp

mp.mp.dps = 40
FILE = Path(__file__).with_name("targets.json")
REACH = 15  # standard deviations; the density beyond is below 1e-49

SELU_ALPHA = -mp.sqrt(2 / mp.pi) / (mp.exp(mp.mpf(1) / 2) * mp.erfc(1 / mp.sqrt(2)) - 1)


def normal_cdf(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def density(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def expit(x):
    return 1 / (1 + mp.exp(-x))


def softplus(x):
    return max(x, mp.mpf(0)) + mp.log1p(mp.exp(-abs(x)))


def sech2(x):
    return 1 / mp.cosh(x) ** 2


def leaky(slope):
    slope = mp.mpf(slope)
    return (lambda x: x if x > 0 else slope * x), (lambda x: mp.mpf(1) if x > 0 else slope), None, (0,)


def gelu_tanh():
    c, a = mp.sqrt(2 / mp.pi), mp.mpf("0.044715")

    def slope(x):
        t = mp.tanh(c * (x + a * x**3))
        return (1 + t) / 2 + x / 2 * (1 - t * t) * c * (1 + 3 * a * x * x)

    return (lambda x: x / 2 * (1 + mp.tanh(c * (x + a * x**3)))), slope, None, ()


def selu():
    scale = 1 / mp.sqrt(expect(lambda x: (x if x > 0 else SELU_ALPHA * mp.expm1(x)) ** 2, 1, (0,)))
    return (
        (lambda x: scale * (x if x > 0 else SELU_ALPHA * mp.expm1(x))),
        (lambda x: scale * (1 if x > 0 else SELU_ALPHA * mp.exp(x))),
        None,
        (0,),
    )


def mish():
    def first(x):
        s, t = expit(x), mp.tanh(softplus(x))
        return t + x * s * (1 - t * t)

    def second(x):
        s, t = expit(x), mp.tanh(softplus(x))
        u = 1 - t * t
        return 2 * u * s + x * u * s * (1 - s) - 2 * x * t * u * s * s

    return (lambda x: x * mp.tanh(softplus(x))), first, second, ()


def silu():
    def second(x):
        s = expit(x)
        return s * (1 - s) * (2 + x * (1 - 2 * s))

    return (lambda x: x * expit(x)), (lambda x: expit(x) * (1 + x * (1 - expit(x)))), second, ()


def hardswish(x):
    return x * min(max(x + 3, mp.mpf(0)), mp.mpf(6)) / 6


def hardswish_slope(x):
    return mp.mpf(0) if x < -3 else mp.mpf(1) if x > 3 else (2 * x + 3) / mp.mpf(6)


def clipped(low, high, scale=1):
    low, high = mp.mpf(low), mp.mpf(high)
    return (lambda x: min(max(x * scale, low), high)), (lambda x: mp.mpf(scale if low < x * scale < high else 0)), None


def hardsigmoid(x):
    return min(max(x / 6 + mp.mpf(1) / 2, mp.mpf(0)), mp.mpf(1))


def expect(f, q, kinks=()):
    """E f(√q Z), by Gauss–Legendre on unit panels of Z cut at the kinks, which are in units of the argument."""
    sd = mp.sqrt(q)
    cuts = sorted({mp.mpf(i) for i in range(-REACH, REACH + 1)} | {k / sd for k in kinks if abs(k / sd) < REACH})
    return mp.quad(lambda z: f(sd * z) * density(z), cuts, method="gauss-legendre")


ONE, ZERO = (lambda x: mp.mpf(1)), (lambda x: mp.mpf(0))
# φ, φ′, φ″ (None where the table has none), kinks
FUNCTIONS = {
    "linear": (lambda x: x, ONE, ZERO, ()),
    "relu": leaky(0),
    "leaky_relu_0.01": leaky("0.01"),
    "leaky_relu_0.1": leaky("0.1"),
    "leaky_relu_0.2": leaky("0.2"),
    "abs": (abs, mp.sign, None, (0,)),
    "relu6": (*clipped(0, 6), (0, 6)),
    "hardtanh": (*clipped(-1, 1), (-1, 1)),
    "tanh": (mp.tanh, sech2, lambda x: -2 * mp.tanh(x) * sech2(x), ()),
    "erf": (
        mp.erf,
        lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x),
        lambda x: -4 * x / mp.sqrt(mp.pi) * mp.exp(-x * x),
        (),
    ),
    "sin": (mp.sin, mp.cos, lambda x: -mp.sin(x), ()),
    "sigmoid": (
        expit,
        lambda x: expit(x) * expit(-x),
        lambda x: expit(x) * expit(-x) * (1 - 2 * expit(x)),
        (),
    ),
    "softplus": (softplus, expit, lambda x: expit(x) * expit(-x), ()),
    "log_sigmoid": (lambda x: -softplus(-x), lambda x: expit(-x), lambda x: -expit(x) * expit(-x), ()),
    "silu": silu(),
    "gelu": (
        lambda x: x * normal_cdf(x),
        lambda x: normal_cdf(x) + x * density(x),
        lambda x: (2 - x * x) * density(x),
        (),
    ),
    "gelu_tanh": gelu_tanh(),
    "elu": (
        lambda x: x if x > 0 else mp.expm1(x),
        lambda x: mp.mpf(1) if x > 0 else mp.exp(x),
        lambda x: mp.mpf(0) if x > 0 else mp.exp(x),
        (0,),
    ),
    "selu": selu(),
    "softsign": (
        lambda x: x / (1 + abs(x)),
        lambda x: 1 / (1 + abs(x)) ** 2,
        lambda x: -2 * mp.sign(x) / (1 + abs(x)) ** 3,
        (0,),
    ),
    "mish": mish(),
    "hardswish": (hardswish, hardswish_slope, None, (-3, 3)),
    "hardsigmoid": (hardsigmoid, lambda x: mp.mpf(1) / 6 if abs(x) < 3 else mp.mpf(0), None, (-3, 3)),
    "atan": (mp.atan, lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2, ()),
    "relu_sq": (
        lambda x: max(x, mp.mpf(0)) ** 2,
        lambda x: 2 * max(x, mp.mpf(0)),
        lambda x: mp.mpf(2 if x > 0 else 0),
        (0,),
    ),
    "tanhshrink": (
        lambda x: x - mp.tanh(x),
        lambda x: mp.tanh(x) ** 2,
        lambda x: 2 * mp.tanh(x) * sech2(x),
        (),
    ),
    "gaussian": (
        lambda x: mp.exp(-x * x),
        lambda x: -2 * x * mp.exp(-x * x),
        lambda x: (4 * x * x - 2) * mp.exp(-x * x),
        (),
    ),
}


def moments(name):
    """Every moment of one row at q = 1; dV/dq is the z-form, which needs no derivative."""
    phi, slope, curvature, kinks = FUNCTIONS[name]
    mean = expect(phi, 1, kinks)
    v, d = expect(lambda x: phi(x) ** 2, 1, kinks), expect(lambda x: slope(x) ** 2, 1, kinks)
    return {
        "mean": mean,
        "V": v,
        "var": v - mean**2,
        "D": d,
        "Dp4": expect(lambda x: slope(x) ** 4, 1, kinks),
        "V4": expect(lambda x: phi(x) ** 4, 1, kinks),
        "D2": None if curvature is None else expect(lambda x: curvature(x) ** 2, 1, kinks),
        "gain2": 1 / mp.sqrt(v),
        "gainvar": 1 / mp.sqrt(v - mean**2),
        "dVdq": expect(lambda x: phi(x) ** 2 * (x * x - 1) / 2, 1, kinks),
    }


def ratios(name, q):
    """E φ²/E φ′² and dV/dq/E φ′² at q, and E φ′²."""
    phi, slope, _, kinks = FUNCTIONS[name]
    d = expect(lambda x: slope(x) ** 2, q, kinks)
    v = expect(lambda x: phi(x) ** 2, q, kinks)
    dv = expect(lambda x: phi(x) ** 2 * (x * x - q), q, kinks) / (2 * q * q)
    return v / d, dv / d, d


def critical(name, sb2, start):
    """The critical point at a bias variance, next to a first guess of q."""
    sb2 = mp.mpf(repr(sb2))
    q = mp.findroot(lambda q: q - ratios(name, q)[0] - sb2, (start, start * mp.mpf("1.000001")), tol=mp.mpf(10) ** -46)
    _, chi_parallel, d = ratios(name, q)
    curvature, kinks = FUNCTIONS[name][2:]
    beta = None if curvature is None else 2 * d / (q * expect(lambda x: curvature(x) ** 2, q, kinks))
    numbers = {"q": q, "sw2": 1 / d, "sw": 1 / mp.sqrt(d), "chi_par": chi_parallel, "beta_q": beta}
    return {"act": name, "sb2": float(sb2)} | {key: x and mp.nstr(x, 17) for key, x in numbers.items()}


def half_stable(name, start):
    """Where E φφ″ = 0, that is dV/dq = E φ′²."""
    q = mp.findroot(lambda q: ratios(name, q)[1] - 1, (start, start * mp.mpf("1.001")), tol=mp.mpf(10) ** -46)
    ratio, _, d = ratios(name, q)
    return {"K": mp.nstr(q, 22), "CW": mp.nstr(1 / d, 25), "Cb": mp.nstr(q - ratio, 25)}


def remake(old):
    """The file's contents anew; of the old ones only the arguments and first guesses of the roots are used."""
    gauss = {
        name: {key: x if x is None else float(mp.chop(x, mp.mpf(10) ** -30)) for key, x in moments(name).items()}
        for name in old["gauss_moments_q1"]
    }
    eoc = [critical(row["act"], row["sb2"], mp.mpf(row["q"][:6])) for row in old["eoc"]]
    points = {name: half_stable(name, mp.mpf(row["K"][:6])) for name, row in old["half_stable"].items()}
    return {"gauss_moments_q1": gauss, "eoc": eoc, "half_stable": points}


def differences(old, new, where=""):
    """Relative differences of all numbers, with where they are; numbers below 1e-30 are zeros of a quadrature."""
    if isinstance(old, dict):
        for key in old:
            yield from differences(old[key], new[key], f"{where}/{key}")
    elif isinstance(old, list):
        for i, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from differences(a, b, f"{where}/{i}")
    elif old is None or new is None:
        yield (mp.mpf(0) if old is new else mp.inf), where
    elif not (isinstance(old, str) and not old[0].isdigit()):
        a, b = mp.mpf(old), mp.mpf(new)
        yield (mp.mpf(0) if max(abs(a), abs(b)) < mp.mpf(10) ** -30 else abs(a - b) / max(abs(a), abs(b))), where


def main():
    old = json.loads(FILE.read_text())
    new = remake(old)
    largest, where = max(differences(old, new), key=lambda pair: pair[0])
    print(f"largest relative difference {mp.nstr(largest, 3)} at {where}")
    if "--write" in sys.argv:
        FILE.write_text(json.dumps(new, indent=1) + "\n")
    elif largest > 4e-16:
        sys.exit("targets.json is not what this script computes")


if __name__ == "__main__":
    main()
