"""Phase diagrams of an activation beside code that a capable user writes, in one run on one thread.

    python tests/benchmarks/phase_diagram.py [points on a side, 256]

Microseconds of processor time a point, and the largest relative error of q* and χ₁ (ours: also of c* and χ_c). "First"
is in a fresh process whose imports are not counted: it includes our tables, and the expert's splines. "Spline" is the
expert: cubic splines of V and E φ′² in ln q, made once, with Newton's method on the whole grid. "200 nodes" is Newton's
method with 200 Gauss–Hermite nodes on the whole grid. "quad" is SciPy's within `brentq`, one point at a time from a
bracket of a factor of two about q*, with functions of `math` or compiled C. All of these compute q* and χ₁ only, and
are told the kinks; ours computes every field and an error bound, and finds the kinks of a callable. Errors are taken
against mpmath and, for c* and χ_c, against this package's method for one network, at random points with ξ_q < 100.
"""

import json
import subprocess
import sys
import time
import warnings

import mpmath as mp
import numpy as np
from experts import CASES, Newton, Spline, by_quad_compiled, by_quad_math
from scipy import integrate

import meanfield as mf

RANGE_W, RANGE_B = (0.5, 3.0), (0.0, 1.0)
CHECKED, ONE_BY_ONE = 6, 12  # points against mpmath; points by quad, and by the method for one network
MPMATH = {
    "tanh": (mp.tanh, lambda x: mp.sech(x) ** 2),
    "silu": (
        lambda x: x / (1 + mp.exp(-x)),
        lambda x: (1 + x * mp.exp(-x) / (1 + mp.exp(-x))) / (1 + mp.exp(-x)),
    ),
    "gelu": (lambda x: x * mp.ncdf(x), lambda x: mp.ncdf(x) + x * mp.npdf(x)),
    "elu": (lambda x: x if x > 0 else mp.expm1(x), lambda x: mp.mpf(1) if x > 0 else mp.exp(x)),
    "hardtanh": (lambda x: min(max(x, mp.mpf(-1)), mp.mpf(1)), lambda x: mp.mpf(abs(x) < 1)),
    "relu6": (lambda x: min(max(x, mp.mpf(0)), mp.mpf(6)), lambda x: mp.mpf(0 < x < 6)),
    "sin(3*x)": (lambda x: mp.sin(3 * x), lambda x: 3 * mp.cos(3 * x)),
    "own callable, 2 kinks": (
        lambda x: min(max(x - mp.mpf(0.3), mp.mpf(0)), mp.mpf(2)) + x * mp.mpf(0.1),
        lambda x: mp.mpf(0.1) + (0.3 < x < 2.3),
    ),
}


def axes(side):
    return np.linspace(*RANGE_W, side), np.linspace(*RANGE_B, side)


def seconds(call):
    """Processor time of a call, and its result."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def diagram(name, side):
    """Ours, of an object that nothing has been computed for yet; then again of the same object."""
    spec = CASES[name].ours
    phi = mf.activation(spec if isinstance(spec, str) else lambda x: spec(x))
    first, found = seconds(lambda: mf.phase_diagram(phi, *axes(side)))
    again = min(seconds(lambda: mf.phase_diagram(phi, *axes(side)))[0] for _ in range(3))
    return first, again, found, phi


def spline(name, side):
    first, made = seconds(lambda: Spline(CASES[name]))
    taken = [seconds(lambda: made(*axes(side))) for _ in range(3)]
    again = min(time for time, _ in taken)
    return first + taken[0][0], again, taken[0][1]


def fresh(who, name, side):
    """The time of the first call in a process of its own."""
    run = [sys.executable, "-W", "ignore", __file__, str(side), who, name]
    return json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)


def truth(name, sigma_w, sigma_b, near):
    """q* and χ₁ of one point to 18 digits, by Newton's method from `near`."""
    phi, slope = MPMATH[name]
    w, b = mp.mpf(float(sigma_w)) ** 2, mp.mpf(float(sigma_b)) ** 2

    def mean(f, q):
        kinks = {mp.mpf(x) / mp.sqrt(q) for x in CASES[name].kinks}
        edges = sorted({mp.mpf(e) for e in range(-12, 13)} | kinks)
        return mp.quad(lambda z: f(mp.sqrt(q) * z, z) * mp.npdf(z), [e for e in edges if abs(e) <= 12])

    q = mp.mpf(float(near))
    for _ in range(3):
        steepness = w * mean(lambda x, z: z * phi(x) * slope(x), q) / mp.sqrt(q)
        q -= (w * mean(lambda x, z: phi(x) ** 2, q) + b - q) / (steepness - 1)
    return q, w * mean(lambda x, z: slope(x) ** 2, q)


def worst(found, exact):
    """The largest relative error of pairs (q*, χ₁)."""
    return max(
        float(abs(mp.mpf(float(a)) / b - 1))
        for f, e in zip(found, exact, strict=True)
        for a, b in zip(f, e, strict=True)
    )


def row(name, side):
    case, rng = CASES[name], np.random.default_rng(0)
    sigma_w, sigma_b = axes(side)
    first, splined_first = fresh("ours", name, side), fresh("spline", name, side)
    _, again, ours, phi = diagram(name, side)
    _, splined, by_spline = spline(name, side)
    usable = np.argwhere((ours.q_star > 1e-6) & (ours.q_star < 500) & (ours.xi_q < 100))
    chosen = [tuple(ij) for ij in rng.permutation(usable)[:ONE_BY_ONE]]
    rows = np.linspace(0, side - 1, 4).astype(int)
    newton, _ = seconds(lambda: Newton(case)(sigma_w[rows], sigma_b))
    at_chosen = [Newton(case)(sigma_w[i : i + 1], sigma_b[j : j + 1]) for i, j in chosen[:CHECKED]]
    with mp.workdps(20):
        exact = [truth(name, sigma_w[i], sigma_b[j], ours.q_star[i, j]) for i, j in chosen[:CHECKED]]
        errors = [
            worst([(ours.q_star[ij], ours.chi_1[ij]) for ij in chosen[:CHECKED]], exact),
            worst([[a[i * side + j] for a in by_spline] for i, j in chosen[:CHECKED]], exact),
            worst([[a[0] for a in pair] for pair in at_chosen], exact),
        ]
    times = [1e6 * t / side**2 for t in (first, again, splined_first, splined)] + [1e6 * newton / (4 * side)]
    for make in (by_quad_math, by_quad_compiled):
        if (one := make(case)) is None:
            times.append(np.nan)
            continue
        points = [(sigma_w[i], sigma_b[j], 1.1 * ours.q_star[i, j]) for i, j in chosen]
        times.append(1e6 * seconds(lambda one=one, points=points: [one(*point) for point in points])[0] / len(points))
    chaotic = rng.permutation(np.argwhere((ours.phase == "chaotic") & (ours.chi_1 > 1 + 1e-6)))[:ONE_BY_ONE]
    one_by_one = [(ij, mf.analyze(mf.mlp(phi, sigma_w[ij[0]], sigma_b[ij[1]]))) for ij in map(tuple, chaotic)]
    c_error = max(
        (abs(getattr(ours, f)[ij] / getattr(a, f) - 1) for ij, a in one_by_one for f in ("c_star", "chi_c")),
        default=0.0,
    )
    ratios = first / splined_first, again / splined
    columns = [f"{name:22}", *(f"{t:8.2f}" for t in times[:4]), *(f"{r:7.1f}" for r in ratios)]
    columns += [*(f"{t:9.0f}" for t in times[4:]), "  ", *(f" {e:6.0e}" for e in (errors[0], c_error, *errors[1:]))]
    print("".join(columns), flush=True)


def main():
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    warnings.simplefilter("ignore", integrate.IntegrationWarning)  # quad's, of rounding: its errors are checked
    if len(sys.argv) > 3:
        mf.phase_diagram("erf", [1.0], [0.1])  # imports
        who, name = sys.argv[2:]
        print(json.dumps((diagram if who == "ours" else spline)(name, side)[0]))
        return
    print(f"{side} × {side} points, sigma_w in {RANGE_W}, sigma_b in {RANGE_B}; µs a point")
    print(
        f"{'':22}{'ours':>16}{'spline':>16}{'ours/spline':>14}{'200':>9}{'quad':>18}   {'errors of ours':>13} {'of':>6}"
    )
    names = ("first", "again") * 3
    widths = (8, 8, 8, 8, 7, 7)
    heading = "".join(f"{n:>{w}}" for n, w in zip(names, widths, strict=True))
    below = f"   {'q* χ₁':>7}{'c* χ_c':>7}{'spline':>7}{'200 n.':>7}"
    print(f"{'activation':22}{heading}{'nodes':>9}{'math':>9}{'C':>9}{below}")
    for name in CASES:
        row(name, side)


if __name__ == "__main__":
    main()
