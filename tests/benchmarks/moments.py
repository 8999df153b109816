"""Time and error of Gaussian moments beside SciPy's and NumPy's rules, in one run.

    python tests/benchmarks/moments.py

Every row has the time and the error of this package, the time and the error of an alternative at its best accuracy, and
the ratio of the times. Times are medians. Rows with a new callable make one for each call, so nothing is remembered.
"""

import time
from statistics import median

import numpy as np
from scipy import integrate, special

import meanfield as mf


def kinked(x):
    return np.where(x > -0.3, x + 0.3, np.expm1(np.minimum(x + 0.3, 0.0)))


def smooth(x):
    return x * np.tanh(np.logaddexp(0.0, x))


def density(x, q=1.0):
    return np.exp(-(x * x) / (2 * q)) / np.sqrt(2 * np.pi * q)


def by_quad(f, points=None):
    return integrate.quad(lambda x: f(x) ** 2 * density(x), -12, 12, points=points, epsabs=0, epsrel=1e-12, limit=500)[
        0
    ]


def by_dblquad(f, c):
    s = np.sqrt(1 - c * c)
    return integrate.dblquad(
        lambda z, u: f(u) * f(c * u + s * z) * density(u) * density(z), -9, 9, -9, 9, epsabs=1e-9, epsrel=1e-9
    )[0]


def by_hermgauss(f, n):
    x, w = np.polynomial.hermite_e.hermegauss(n)
    return float(w @ f(x) ** 2 / np.sqrt(2 * np.pi))


def seconds(call, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times)


def new(f):
    """The same function as an object that nothing is known about yet."""
    return lambda x: f(x)


def row(task, ours, theirs, truth, name, repeats=(50, 10)):
    mine, other = seconds(ours, repeats[0]), seconds(theirs, repeats[1])
    off = [abs(float(call()) / truth - 1) for call in (ours, theirs)]
    print(
        f"{task:34} {1e3 * mine:9.3f} {off[0]:8.0e}   {name:14} {1e3 * other:10.3f} {off[1]:8.0e} {other / mine:8.1f}"
    )


def main():
    print(f"{'task':34} {'ours, ms':>9} {'error':>8}   {'alternative':14} {'ms':>10} {'error':>8} {'ratio':>8}")
    mish, bent = mf.activation("mish"), mf.activation(new(kinked))
    v_mish, v_bent = float(mf.expectation(lambda x: smooth(x) ** 2)), float(mf.expectation(lambda x: kinked(x) ** 2))
    warm = {phi: (lambda phi=phi: mf.gain(phi).value ** -2) for phi in ("gelu", mish, bent)}
    v_gelu = 0.42522148257029867491855441638549
    row("gain('gelu'), warm", warm["gelu"], lambda: by_quad(lambda x: x * special.ndtr(x)), v_gelu, "quad", (2000, 20))
    row("gain of mish, warm", warm[mish], lambda: by_quad(smooth), v_mish, "quad", (2000, 20))
    row(
        "gain of a smooth callable, new",
        lambda: mf.gain(new(smooth)).value ** -2,
        lambda: by_quad(smooth),
        v_mish,
        "quad",
    )
    row(
        "gain of a kinked callable, new",
        lambda: mf.gain(new(kinked)).value ** -2,
        lambda: by_quad(kinked),
        v_bent,
        "quad",
    )
    row(
        "the same, its kink told to quad",
        lambda: mf.gain(new(kinked)).value ** -2,
        lambda: by_quad(kinked, [-0.3]),
        v_bent,
        "quad, points",
    )
    for n in (20, 100, 300):
        row(
            f"kinked, hermgauss({n}) stalls", warm[bent], lambda n=n: by_hermgauss(kinked, n), v_bent, f"hermgauss({n})"
        )
    pair = float(mf.pair_expectation(bent, c=0.7))
    row(
        "one pair of a kinked callable",
        lambda: mf.pair_expectation(bent, c=0.7).value,
        lambda: by_dblquad(kinked, 0.7),
        pair,
        "dblquad, 1e-9",
        (50, 1),
    )
    c = np.random.default_rng(0).uniform(-1, 1, 100_000)
    mf.pair_expectation(mf.activation(new(kinked)), c=c[:100])
    many = seconds(lambda: mf.pair_expectation(mf.activation(new(kinked)), c=c), 3)
    print(f"{'1e5 pairs, new callable':34} {1e3 * many:9.1f} ms, {1e6 * many / c.size:.2f} µs each")
    counts = {name: mf.gain(new(f)).evaluations for name, f in (("smooth", smooth), ("kinked", kinked))}
    print("evaluations of a new callable for its gain:", ", ".join(f"{k} {v}" for k, v in counts.items()))


if __name__ == "__main__":
    main()
