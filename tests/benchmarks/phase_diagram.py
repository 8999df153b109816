"""Time per point and error of phase diagrams, beside code that people write by hand, in one run.

    python tests/benchmarks/phase_diagram.py [points on a side, 256]

The hand-written codes compute q* and χ₁ only. One uses `brentq` on the variance map with `quad`; the other iterates the
map 500 times with 100 Gauss–Hermite nodes on the whole grid at once. Ours computes every field. Errors are relative,
and the largest at random points: of q*, χ_∥ and χ₁ against mpmath, of c* and χ_c against this package's method for one
network, which integrates each pair adaptively.
"""

import platform
import sys
import time
import warnings

import mpmath as mp
import numpy as np
import scipy
from scipy import integrate, optimize, special

import meanfield as mf

RANGE_W, RANGE_B = (0.5, 3.0), (0.0, 1.0)
CHECKED = 6  # points against mpmath
ONE_BY_ONE = 12  # points by brentq + quad, and by the method for one network


def elu_like(x):
    return np.where(x > -0.3, x + 0.3, np.expm1(np.minimum(x + 0.3, 0.0)))


def elu_like_slope(x):
    return np.where(x > -0.3, 1.0, np.exp(np.minimum(x + 0.3, 0.0)))


def bent(x):
    return np.clip(x, -1, 1) + 0.2 * np.clip(x, 0, 3)


def bent_slope(x):
    return 1.0 * (np.abs(x) < 1) + 0.2 * ((x > 0) & (x < 3))


def gelu_slope(x):
    return special.ndtr(x) + x * np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)


# name: what meanfield is given, the function and its derivative, the same for mpmath, breakpoints
CASES = {
    "tanh": (
        "tanh",
        np.tanh,
        lambda x: 1 / np.cosh(np.clip(x, -300, 300)) ** 2,
        mp.tanh,
        lambda x: mp.sech(x) ** 2,
        (),
    ),
    "gelu": (
        "gelu",
        lambda x: x * special.ndtr(x),
        gelu_slope,
        lambda x: x * mp.ncdf(x),
        lambda x: mp.ncdf(x) + x * mp.npdf(x),
        (),
    ),
    "hardtanh": (
        "hardtanh",
        lambda x: np.clip(x, -1, 1),
        lambda x: 1.0 * (np.abs(x) < 1),
        lambda x: min(max(x, mp.mpf(-1)), mp.mpf(1)),
        lambda x: mp.mpf(abs(x) < 1),
        (-1, 1),
    ),
    "relu6": (
        "relu6",
        lambda x: np.clip(x, 0, 6),
        lambda x: 1.0 * ((x > 0) & (x < 6)),
        lambda x: min(max(x, mp.mpf(0)), mp.mpf(6)),
        lambda x: mp.mpf(0 < x < 6),
        (0, 6),
    ),
    "callable, 1 kink": (
        elu_like,
        elu_like,
        elu_like_slope,
        lambda x: x + mp.mpf(0.3) if x > -0.3 else mp.expm1(x + mp.mpf(0.3)),
        lambda x: mp.mpf(1) if x > -0.3 else mp.exp(x + mp.mpf(0.3)),
        (-0.3,),
    ),
    "callable, 4 kinks": (
        bent,
        bent,
        bent_slope,
        lambda x: min(max(x, mp.mpf(-1)), mp.mpf(1)) + min(max(x, mp.mpf(0)), mp.mpf(3)) / 5,
        lambda x: mp.mpf(abs(x) < 1) + mp.mpf(0 < x < 3) / 5,
        (-1, 0, 1, 3),
    ),
}


def by_brentq(phi, slope, points, sigma_w, sigma_b):
    """q* and χ₁ of one point; quad is told the breakpoints."""

    def mean(f, q):
        integrand = lambda z: f(np.sqrt(q) * z) ** 2 * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)  # noqa: E731
        inside = [x / np.sqrt(q) for x in points if abs(x) < 10 * np.sqrt(q)] or None
        return integrate.quad(integrand, -10, 10, points=inside, epsabs=0, epsrel=1e-10, limit=200)[0]

    q = optimize.brentq(lambda q: sigma_w**2 * mean(phi, q) + sigma_b**2 - q, 1e-10, 1e4, xtol=1e-14, rtol=1e-10)
    return q, sigma_w**2 * mean(slope, q)


def by_iteration(phi, slope, sigma_w, sigma_b, nodes=100, layers=500):
    """q* and χ₁ of a grid."""
    z, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / np.sqrt(2 * np.pi)
    q = np.ones((sigma_w.size, sigma_b.size))
    for _ in range(layers):
        q = np.minimum(sigma_w[:, None] ** 2 * (phi(np.sqrt(q)[..., None] * z) ** 2 @ weights) + sigma_b**2, 1e12)
    return q, sigma_w[:, None] ** 2 * (slope(np.sqrt(q)[..., None] * z) ** 2 @ weights)


def by_mpmath(phi, slope, points, sigma_w, sigma_b, near):
    """q*, χ_∥ and χ₁ of one point to 18 digits, by Newton's method from `near`."""
    w, b = mp.mpf(float(sigma_w)) ** 2, mp.mpf(float(sigma_b)) ** 2

    def mean(f, q):
        edges = sorted({mp.mpf(e) for e in range(-12, 13, 2)} | {mp.mpf(float(x)) / mp.sqrt(q) for x in points})
        return mp.quad(lambda z: f(mp.sqrt(q) * z, z) * mp.npdf(z), [e for e in edges if abs(e) <= 12])

    q = mp.mpf(float(near))
    for _ in range(3):
        steepness = w * mean(lambda x, z: z * phi(x) * slope(x), q) / mp.sqrt(q)
        q -= (w * mean(lambda x, z: phi(x) ** 2, q) + b - q) / (steepness - 1)
    steepness = w * mean(lambda x, z: z * phi(x) * slope(x), q) / mp.sqrt(q)
    return q, steepness, w * mean(lambda x, z: slope(x) ** 2, q)


def new(spec):
    """The same activation as an object that nothing has been computed for yet."""
    return mf.activation(spec if isinstance(spec, str) else lambda x: spec(x))


def seconds(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def relative(a, b):
    return max((float(abs((mp.mpf(float(x)) - y) / y)) for x, y in zip(a, b, strict=True)), default=0.0)


def row(name, side):
    spec, phi, slope, phi_mp, slope_mp, points = CASES[name]
    rng = np.random.default_rng(0)
    sigma_w, sigma_b = np.linspace(*RANGE_W, side), np.linspace(*RANGE_B, side)
    fresh = new(spec)
    first, diagram = seconds(lambda: mf.phase_diagram(fresh, sigma_w, sigma_b))
    again, _ = seconds(lambda: mf.phase_diagram(fresh, sigma_w, sigma_b))
    usable = np.argwhere((diagram.q_star > 0) & np.isfinite(diagram.q_star) & (diagram.xi_q < 100))
    chosen = rng.permutation(usable)[:ONE_BY_ONE]
    brentq = np.mean(
        [seconds(lambda i=i, j=j: by_brentq(phi, slope, points, sigma_w[i], sigma_b[j]))[0] for i, j in chosen]
    )
    rows = np.linspace(0, side - 1, 4).astype(int)
    iterated, (q_iterated, chi_iterated) = seconds(lambda: by_iteration(phi, slope, sigma_w[rows], sigma_b))
    with mp.workdps(20):
        truth = [
            by_mpmath(phi_mp, slope_mp, points, sigma_w[i], sigma_b[j], diagram.q_star[i, j])
            for i, j in chosen[:CHECKED]
        ]
        at = [tuple(ij) for ij in chosen[:CHECKED]]
        columns = list(zip(*truth, strict=True))
        fields = ("q_star", "chi_parallel", "chi_1")
        errors = [relative([getattr(diagram, f)[ij] for ij in at], c) for f, c in zip(fields, columns, strict=True)]
        by_hand = [by_brentq(phi, slope, points, sigma_w[i], sigma_b[j]) for i, j in at]
        brentq_error = max(relative([pair[k] for pair in by_hand], columns[2 * k]) for k in range(2))
    settled_there = np.isfinite(q_iterated) & (q_iterated < 1e11) & (diagram.q_star[rows] > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        worst = [
            np.abs(a / getattr(diagram, f)[rows] - 1) for a, f in ((q_iterated, "q_star"), (chi_iterated, "chi_1"))
        ]
    iteration_error = max(float(np.max(e, where=settled_there, initial=0.0)) for e in worst)
    chaotic = rng.permutation(np.argwhere((diagram.phase == "chaotic") & (diagram.chi_1 > 1 + 1e-6)))[:ONE_BY_ONE]
    i, j = chaotic.T
    alone = [mf.mlp(fresh, w, b) for w, b in zip(sigma_w[i], sigma_b[j], strict=True)]
    one_time, one = seconds(lambda: [mf.analyze(network) for network in alone])
    pair_errors = [
        float(np.max(np.abs(getattr(diagram, f)[i, j] / [getattr(a, f) for a in one] - 1), initial=0.0))
        for f in ("c_star", "chi_c")
    ]
    count = side * side
    print(
        f"{name:18} {1e6 * first / count:7.2f} {1e6 * again / count:7.2f} {first - again:7.2f} "
        f"{1e6 * brentq:8.0f} {brentq * count / first:7.0f} {1e6 * iterated / (4 * side):8.0f} "
        f"{iterated / (4 * side) * count / first:6.0f} {1e3 * one_time / max(len(chaotic), 1):8.1f}   "
        + " ".join(f"{e:6.0e}" for e in (*errors, *pair_errors, brentq_error, iteration_error)),
        flush=True,
    )


def main():
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    warnings.simplefilter("ignore", integrate.IntegrationWarning)  # quad's, of rounding: what it costs is in the table
    mf.phase_diagram("erf", np.linspace(1, 2, 16), np.linspace(0, 1, 16))  # imports, and rules of quadrature
    machine = (
        f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}"
    )
    print(f"{side} × {side} points, sigma_w in {RANGE_W}, sigma_b in {RANGE_B}; {machine}, meanfield {mf.__version__}")
    print(
        f"{'':18} {'ours, µs a point':>15} {'set-up':>7} {'brentq+quad':>16} {'hermgauss, 500':>15} {'one by one':>10}"
        f"   {'errors of ours':>34} {'of brentq, hermgauss':>20}"
    )
    print(
        f"{'activation':18} {'first':>7} {'again':>7} {'s':>7} {'µs':>8} {'ratio':>7} {'µs':>8} {'ratio':>6} {'ms':>8} "
        f"  {'q*':>6} {'chi_q':>6} {'chi_1':>6} {'c*':>6} {'chi_c':>6} {'q*χ₁':>6} {'q*χ₁':>6}"
    )
    for name in CASES:
        row(name, side)


if __name__ == "__main__":
    main()
