"""Writes duals.json: Gaussian moments and pair distances of activations with a closed form, at 40 digits and more.

Moments of one Gaussian are direct quadrature. Distances, down to 1e-30·q, are V less the textbook kernel in 90 digits;
each textbook kernel is first held against direct quadrature in two dimensions. Nothing of the package is used.
``python tests/reference/make_duals.py`` takes some minutes.
"""

import json
from itertools import pairwise
from pathlib import Path

import mpmath as mp

mp.mp.dps = 40
HALF = mp.mpf(1) / 2
SELU = mp.mpf(1.6732632423543772), mp.mpf(1.0507009873554805)


def step(x):
    return mp.mpf(x > 0)


def clip(x, low, high):
    return min(max(x, mp.mpf(low)), mp.mpf(high))


def elu(x, alpha=1, scale=1):
    return scale * (x if x > 0 else alpha * mp.expm1(x))


def delu(x, alpha=1, scale=1):
    return scale * (mp.mpf(1) if x > 0 else alpha * mp.exp(x))


def soft(x, w):
    return x - mp.sign(x) * w if abs(x) > w else mp.mpf(0)


def quantised(x, n):
    return mp.mpf(2 * sum(x > mp.mpf(2 * k - n) / (n - 1) for k in range(1, n))) / (n - 1) - 1


def edges(n):
    return [mp.mpf(2 * k - n) / (n - 1) for k in range(1, n)]


Q = ["1e-8", "1e-4", "0.01", "0.3", "1", "7", "100", "1e4", "1e6"]
WAVES = Q[:7]
SLOPE, WIDTH = mp.mpf(0.2), mp.mpf(0.5)

# name, parameters, φ, φ′ (None: it jumps), breakpoints, variances, width of the panels (None: geometric)
FUNCTIONS = [
    ("relu", {}, lambda x: max(x, 0), step, [0], Q, None),
    (
        "leaky_relu",
        {"negative_slope": 0.2},
        lambda x: x if x > 0 else SLOPE * x,
        lambda x: 1 if x > 0 else SLOPE,
        [0],
        Q,
        None,
    ),
    ("abs", {}, abs, mp.sign, [0], Q, None),
    ("squared_relu", {}, lambda x: max(x, 0) ** 2, lambda x: 2 * max(x, 0), [0], Q, None),
    (
        "star_relu",
        {"scale": 0.875, "bias": -0.4375},
        lambda x: mp.mpf(0.875) * max(x, 0) ** 2 - mp.mpf(0.4375),
        lambda x: mp.mpf(1.75) * max(x, 0),
        [0],
        Q,
        None,
    ),
    ("step", {}, step, None, [0], Q, None),
    ("sign", {}, mp.sign, None, [0], Q, None),
    ("quantised_sign", {"levels": 4}, lambda x: quantised(x, 4), None, edges(4), Q, None),
    ("quantised_sign", {"levels": 5}, lambda x: quantised(x, 5), None, edges(5), Q, None),
    ("erf", {}, mp.erf, lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x), [], Q, None),
    ("normal_cdf", {}, mp.ncdf, mp.npdf, [], Q, None),
    ("gelu", {}, lambda x: x * mp.ncdf(x), lambda x: mp.ncdf(x) + x * mp.npdf(x), [], Q, None),
    ("sin", {}, mp.sin, mp.cos, [], WAVES, 2),
    ("siren", {"omega_0": 30.0}, lambda x: mp.sin(30 * x), lambda x: 30 * mp.cos(30 * x), [], Q[:5], HALF / 8),
    ("cos", {}, mp.cos, lambda x: -mp.sin(x), [], WAVES, 2),
    ("snake", {"alpha": 1.5}, lambda x: x + mp.sin(1.5 * x) ** 2 / 1.5, lambda x: 1 + mp.sin(3 * x), [], WAVES, 1),
    ("gaussian", {}, lambda x: mp.exp(-x * x), lambda x: -2 * x * mp.exp(-x * x), [], Q, None),
    (
        "gabor",
        {},
        lambda x: mp.exp(-x * x) * mp.sin(x),
        lambda x: mp.exp(-x * x) * (mp.cos(x) - 2 * x * mp.sin(x)),
        [],
        Q,
        None,
    ),
    ("exponential", {}, mp.exp, mp.exp, [], Q[:5], None),
    ("monomial", {"degree": 2}, lambda x: x**2, lambda x: 2 * x, [], Q, None),
    ("monomial", {"degree": 3}, lambda x: x**3, lambda x: 3 * x**2, [], Q, None),
    ("elu", {"alpha": 1.0}, elu, delu, [0], Q, None),
    ("elu", {"alpha": 0.25}, lambda x: elu(x, mp.mpf(0.25)), lambda x: delu(x, mp.mpf(0.25)), [0], Q, None),
    ("selu", {}, lambda x: elu(x, *SELU), lambda x: delu(x, *SELU), [0], Q, None),
    (
        "celu",
        {"alpha": 0.5},
        lambda x: x if x > 0 else mp.expm1(2 * x) / 2,
        lambda x: 1 if x > 0 else mp.exp(2 * x),
        [0],
        Q,
        None,
    ),
    (
        "hardtanh",
        {"min_val": -1.0, "max_val": 1.0},
        lambda x: clip(x, -1, 1),
        lambda x: mp.mpf(abs(x) < 1),
        [-1, 1],
        Q,
        None,
    ),
    (
        "hardtanh",
        {"min_val": -0.5, "max_val": 2.0},
        lambda x: clip(x, -0.5, 2),
        lambda x: mp.mpf(-0.5 < x < 2),
        [-HALF, 2],
        Q,
        None,
    ),
    ("relu6", {}, lambda x: clip(x, 0, 6), lambda x: mp.mpf(0 < x < 6), [0, 6], Q, None),
    ("hardsigmoid", {}, lambda x: clip(x + 3, 0, 6) / 6, lambda x: mp.mpf(abs(x) < 3) / 6, [-3, 3], Q, None),
    ("sparse_sigmoid", {}, lambda x: clip(x + 1, 0, 2) / 2, lambda x: mp.mpf(abs(x) < 1) / 2, [-1, 1], Q, None),
    (
        "softshrink",
        {"lambd": 0.5},
        lambda x: soft(x, WIDTH),
        lambda x: mp.mpf(abs(x) > WIDTH),
        [-WIDTH, WIDTH],
        Q,
        None,
    ),
    ("hardshrink", {"lambd": 0.5}, lambda x: x if abs(x) > WIDTH else 0, None, [-WIDTH, WIDTH], Q, None),
    ("threshold", {"threshold": 1.0, "value": 0.0}, lambda x: x if x > 1 else 0, None, [1], Q, None),
    (
        "threshold",
        {"threshold": -0.5, "value": -0.5},
        lambda x: max(x, -HALF),
        lambda x: mp.mpf(x > -HALF),
        [-HALF],
        Q,
        None,
    ),
]


GAUSS = {}


def gauss_rule(n):
    """Nodes and weights of Gauss and Legendre on [−1, 1], by Newton's iteration on the three-term recurrence."""
    rule = []
    for i in range(n):
        x = mp.cos(mp.pi * (i + mp.mpf(3) / 4) / (n + HALF))
        for _ in range(9):
            before, value = mp.mpf(1), x
            for m in range(2, n + 1):
                before, value = value, ((2 * m - 1) * x * value - (m - 1) * before) / m
            slope = n * (before - x * value) / (1 - x * x)
            x -= value / slope
        rule.append((x, 2 / ((1 - x * x) * slope * slope)))
    return rule


def quad(f, ends, n=40):
    """Gauss's n-point rule on every panel between the ends; f returns a list of integrands."""
    rule = GAUSS.setdefault((n, mp.mp.prec), None) or gauss_rule(n)
    GAUSS[n, mp.mp.prec] = rule
    total = None
    for a, b in pairwise(ends):
        for x, w in rule:
            values = f((a + b) / 2 + (b - a) / 2 * x)
            scaled = [w * (b - a) / 2 * v for v in values]
            total = scaled if total is None else [t + v for t, v in zip(total, scaled, strict=True)]
    return total


def nodes(q, breakpoints, width):
    """Panel ends out to 14 standard deviations; beyond is less than 1e-42 of what is inside."""
    s = mp.sqrt(q)
    reach = 14 * s
    if width:
        ends = [i * mp.mpf(width) for i in range(int(reach / width) + 1)] if reach > width else [0]
    else:
        ends = [0, *(mp.mpf(2) ** j for j in range(-8, 16))]
    ends += [s * j for j in (1, 2, 3, 4, 5, 6, 8, 10, 12, 14)]
    return sorted({x for x in (*ends, *(-x for x in ends), *breakpoints) if abs(x) <= reach})


def moments(phi, slope, breakpoints, variances, width):
    """V, dV/dq, E φ′² and M at every variance, 25 digits each."""
    rows = {}
    for text in variances:
        q = mp.mpf(float(text))

        def integrand(x):
            value, weight = phi(x), mp.exp(-x * x / (2 * q)) / mp.sqrt(2 * mp.pi * q)  # noqa: B023
            square = value * value * weight
            return square, square * (x * x - q) / (2 * q * q), value * weight, (slope(x) if slope else 0) ** 2 * weight  # noqa: B023

        row = dict(zip(("V", "dV", "M", "X"), quad(integrand, nodes(q, breakpoints, width)), strict=True))
        if slope is None:
            del row["X"]
        rows[text] = {key: mp.nstr(value, 25) for key, value in row.items()}
    return rows


def angle(q1, q2, k):
    return mp.acos(max(min(k / mp.sqrt(q1 * q2), 1), -1))


def rectifier(negative, positive):
    a, b = (mp.mpf(positive) + mp.mpf(negative)) / 2, (mp.mpf(positive) - mp.mpf(negative)) / 2

    def kernel(q1, q2, k):
        t = angle(q1, q2, k)
        return a**2 * k + b**2 * mp.sqrt(q1 * q2) * (mp.sin(t) + (mp.pi / 2 - t) * mp.cos(t)) * 2 / mp.pi

    return kernel


def squared_relu(q1, q2, k):
    t = angle(q1, q2, k)
    return q1 * q2 * (3 * mp.sin(t) * mp.cos(t) + (mp.pi - t) * (1 + 2 * mp.cos(t) ** 2)) / (2 * mp.pi)


def gelu(q1, q2, k):
    p = (1 + q1) * (1 + q2)
    d = p - k * k
    return k / 4 + k / (2 * mp.pi) * mp.asin(k / mp.sqrt(p)) + (k * k + q1 * q2 * d) / (2 * mp.pi * p * mp.sqrt(d))


def gabor(q1, q2, k):
    df = 4 * (q1 * q2 - k * k)
    den = 2 * (q1 + q2) + df + 1
    return mp.exp(-(q1 + q2 + df + 2 * k) / (2 * den)) * mp.expm1(2 * k / den) / (2 * mp.sqrt(den))


def snake(q1, q2, k):
    return k + (1 - mp.exp(-4.5 * q1) - mp.exp(-4.5 * q2) + mp.exp(-4.5 * (q1 + q2)) * mp.cosh(9 * k)) / 9


def quantiser(n):
    def kernel(q1, q2, k):
        """From correlation zero, where E φ(u)E φ(v) = 0, by Price's theorem in the angle asin ρ."""
        end = mp.asin(max(min(k / mp.sqrt(q1 * q2), 1), -1))
        cuts = [end * (1 - mp.mpf(4) ** -j) for j in range(30)] + [end]
        pairs = [(s / mp.sqrt(q1), t / mp.sqrt(q2)) for s in edges(n) for t in edges(n)]

        def density(x):
            return [
                sum(mp.exp(-(a * a + b * b - 2 * a * b * mp.sin(x)) / (2 * mp.cos(x) ** 2)) for a, b in pairs)
                / (2 * mp.pi)
            ]

        return quad(density, cuts, 20)[0] * (mp.mpf(2) / (n - 1)) ** 2

    return kernel


def quantiser_slope(n, q1, q2, k):
    """Σ of the bivariate density over the pairs of thresholds, times the jumps."""
    det = q1 * q2 - k * k
    pairs = [(s, t) for s in edges(n) for t in edges(n)]
    total = sum(mp.exp(-(s * s * q2 + t * t * q1 - 2 * s * t * k) / (2 * det)) for s, t in pairs)
    return total / (2 * mp.pi * mp.sqrt(det)) * (mp.mpf(2) / (n - 1)) ** 2


KERNELS = {
    "relu": rectifier(0, 1),
    "leaky_relu": rectifier(0.2, 1),
    "abs": rectifier(-1, 1),
    "squared_relu": squared_relu,
    "step": lambda q1, q2, k: (mp.pi - angle(q1, q2, k)) / (2 * mp.pi),
    "sign": lambda q1, q2, k: 2 * mp.asin(max(min(k / mp.sqrt(q1 * q2), 1), -1)) / mp.pi,
    "erf": lambda q1, q2, k: 2 * mp.asin(2 * k / mp.sqrt((1 + 2 * q1) * (1 + 2 * q2))) / mp.pi,
    "normal_cdf": lambda q1, q2, k: mp.mpf(1) / 4 + mp.asin(k / mp.sqrt((1 + q1) * (1 + q2))) / (2 * mp.pi),
    "gelu": gelu,
    "sin": lambda q1, q2, k: mp.exp(-(q1 + q2) / 2) * mp.sinh(k),
    "cos": lambda q1, q2, k: mp.exp(-(q1 + q2) / 2) * mp.cosh(k),
    "snake": snake,
    "gaussian": lambda q1, q2, k: ((1 + 2 * q1) * (1 + 2 * q2) - 4 * k * k) ** -HALF,
    "gabor": gabor,
    "exponential": lambda q1, q2, k: mp.exp((q1 + q2) / 2 + k),
    "monomial2": lambda q1, q2, k: q1 * q2 + 2 * k**2,
    "monomial3": lambda q1, q2, k: 9 * k * q1 * q2 + 6 * k**3,
    "quantised_sign4": quantiser(4),
    "quantised_sign5": quantiser(5),
}


def pair_mean(phi, breakpoints, q1, q2, k):
    """E φ(u)φ(v) by nested quadrature: v given u is N(k u/q₁, q₂ − k²/q₁)."""
    spread = q2 - k * k / q1
    s, reach = mp.sqrt(spread), 11

    def inner(u):
        m = k / q1 * u
        cuts = {m + s * j for j in (-reach, -6, -3, 0, 3, 6, reach)} | {
            b for b in breakpoints if abs(b - m) < reach * s
        }
        density = 1 / mp.sqrt(2 * mp.pi * spread)
        return quad(lambda v: [phi(v) * mp.exp(-((v - m) ** 2) / (2 * spread)) * density], sorted(cuts), 22)[0]

    r = mp.sqrt(q1)
    cuts = sorted({r * j for j in (-reach, -6, -3, 0, 3, 6, reach)} | set(breakpoints))
    return quad(lambda u: [phi(u) * inner(u) * mp.npdf(u, 0, r)], cuts, 22)[0]


EQUAL = [("1", f"1e-{n}") for n in (30, 20, 12, 8, 5, 3, 2, 1)] + [
    ("1", "0.7"),
    ("1", "1.5"),
    ("1", "1.99"),
    ("1", "2"),
]
EQUAL += [
    ("1e-6", "1e-36"),
    ("1e-6", "1e-14"),
    ("1e-6", "5e-7"),
    ("25", "25e-30"),
    ("25", "1e-9"),
    ("25", "3"),
    ("25", "40"),
]
EQUAL += [("1e4", "1e-26"), ("1e4", "1e-6"), ("1e4", "1"), ("1e4", "3e3"), ("1e4", "1.9e4")]
# q₁, q₂, ρ
UNEQUAL = [("1.3", "0.7", r) for r in ("1", "0.999999999", "0.99", "0.4", "-0.6", "-1")]
UNEQUAL += [("1", "1.0000001", r) for r in ("1", "0.9999999999999", "0.99999", "0")]
UNEQUAL += [("50", "0.02", "0.9"), ("50", "0.02", "-0.3"), ("1e-5", "3e-5", "0.999"), ("400", "410", "0.9999")]


def distances(kernel, few):
    """[q₁, q₂, d, D, dD/dd], the first three floats; few: the number of levels of a quantiser, else None."""
    with mp.workdps(34 if few else 90):
        pairs = [(mp.mpf(float(q)), mp.mpf(float(q)), mp.mpf(float(d))) for q, d in EQUAL]
        for a, b, r in UNEQUAL:
            q1, q2 = mp.mpf(float(a)), mp.mpf(float(b))
            d = float((q1 + q2) / 2 - mp.mpf(r) * mp.sqrt(q1 * q2))
            pairs.append((q1, q2, mp.mpf(d)))
        rows = []
        for q1, q2, d in pairs:
            k = (q1 + q2) / 2 - d
            if few and (d < 1e-3 * q1 or abs(k) >= mp.sqrt(q1 * q2)):
                continue
            value = (kernel(q1, q1, q1) + kernel(q2, q2, q2)) / 2 - kernel(q1, q2, k)
            gap = min(q1 * q2 - k * k, 1) / max(q1, q2) * mp.mpf(10) ** -18
            slope = None
            if few:
                slope = quantiser_slope(few, q1, q2, k)
            elif gap > 0:
                slope = (kernel(q1, q2, k + gap) - kernel(q1, q2, k - gap)) / (2 * gap)
            rows.append(
                [float(q1), float(q2), float(d), mp.nstr(value, 16 if few else 25), slope and mp.nstr(slope, 20)]
            )
        return rows


def main():
    """Compute everything and write it beside this script."""
    out = []
    for name, parameters, phi, slope, breakpoints, variances, width in FUNCTIONS:
        entry = {"name": name, "parameters": parameters}
        entry["moments"] = moments(phi, slope, breakpoints, variances, width)
        kernel = KERNELS.get(name) or KERNELS.get(name + str(parameters.get("degree", parameters.get("levels"))))
        if kernel:
            with mp.workdps(20):
                q1, q2 = mp.mpf(1.3), mp.mpf(0.7)
                for rho in (mp.mpf(0.4), mp.mpf(-0.7)):
                    k = rho * mp.sqrt(q1 * q2)
                    direct = pair_mean(phi, [mp.mpf(b) for b in breakpoints], q1, q2, k)
                    assert abs(direct - kernel(q1, q2, k)) < 1e-15, (name, direct, kernel(q1, q2, k))
            entry["distances"] = distances(kernel, parameters.get("levels"))
        out.append(entry)
        print(name, parameters, flush=True)
    Path(__file__).with_name("duals.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
