"""Ranges, discs and growth classes hold the values that NumPy and mpmath find at points inside."""

import mpmath
import numpy as np
import pytest

from meanfield.activations.formulas.straight_line import straight_line
from meanfield.numerics.discs.derivative import derivative
from meanfield.numerics.discs.evaluation import Discs, Ranges
from meanfield.numerics.discs.growth import Tails, tail
from meanfield.numerics.discs.program import FUNCTIONS, Program, X

mpmath.mp.dps = 30
EXACT = {
    "sech2": lambda z: mpmath.sech(z) ** 2,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
    "logcosh": lambda z: mpmath.log(mpmath.cosh(z)),
    "ndtr": lambda z: mpmath.erfc(-z / mpmath.sqrt(2)) / 2,
    "erfc": mpmath.erfc,
}
NARROW = {"atan": 0.9, "asinh": 0.9, "softplus": 3.0, "logcosh": 1.5, "tanh": 1.5, "sech2": 1.5, "sigmoid": 3.0}


def exact(name, z):
    return EXACT.get(name, getattr(mpmath, name, None))(z)


@pytest.mark.parametrize("name", sorted(FUNCTIONS - {"floor"}))
def test_discs_and_ranges_of_functions_hold_their_values(name):
    rng = np.random.default_rng(sum(map(ord, name)))
    low, high = {"log": (0.1, 6), "log1p": (-0.8, 6), "acosh": (1.2, 6)}.get(name, (-6, 6))
    low, high = (-0.9, 0.9) if name in ("asin", "acos", "atanh") else (low, high)
    m, r = rng.uniform(low, high, 40), NARROW.get(name, 2.0) * 10.0 ** rng.uniform(-14, 0, 40)
    program = Program()
    index = program.apply(name, X)
    with np.errstate(all="ignore"):
        ranges = Ranges(program, m - r, m + r)
        middle, radius = Discs(program, m, r, ranges).disc(index)
        lo, hi = ranges.range(index)
    assert np.isfinite(radius).sum() > 15
    for i in range(m.size):
        for angle in (0.0, np.pi, *rng.uniform(0, np.pi, 2)):
            z = mpmath.mpf(m[i]) + mpmath.mpf(r[i]) * 0.999 * mpmath.expj(angle)
            if np.isfinite(radius[i]):
                assert abs(exact(name, z) - mpmath.mpf(middle[i])) <= mpmath.mpf(radius[i]), (m[i], r[i], angle)
            if angle in (0.0, np.pi) and np.isfinite(hi[i] - lo[i]):
                assert mpmath.mpf(lo[i]) <= mpmath.re(exact(name, z.real)) <= mpmath.mpf(hi[i])


FORMULAS = {
    "x*Phi(x)/(2 + sin(3*x)) - x**3": lambda z: z * exact("ndtr", z) / (2 + mpmath.sin(3 * z)) - z**3,
    "sqrt(x + 9) + (x**2 + 1)**0.7": lambda z: mpmath.sqrt(z + 9) + (z**2 + 1) ** mpmath.mpf(0.7),
    "1/(1 + exp(-2*x)) + log(1 + exp(x))": lambda z: 1 / (1 + mpmath.exp(-2 * z)) + mpmath.log1p(mpmath.exp(z)),
    "(exp(x) - 1)*(1 - tanh(x)**2)": lambda z: mpmath.expm1(z) / mpmath.cosh(z) ** 2,
    "where(abs(x) < 7, exp(-x**2), x)": lambda z: mpmath.exp(-z * z),
}


@pytest.mark.parametrize("text", FORMULAS)
def test_discs_of_formulas_and_of_their_derivatives_hold_their_values(text):
    rng = np.random.default_rng(len(text))
    m, r = rng.uniform(-5, 5, 30), 10.0 ** rng.uniform(-12, -0.5, 30)
    program, index = straight_line(text)
    slope = derivative(program, index)
    with np.errstate(all="ignore"):
        discs = Discs(program, m, r, Ranges(program, m - r, m + r))
        values, slopes = discs.disc(index), discs.disc(slope)
    assert np.isfinite(values[1]).sum() > 15
    for i in range(m.size):
        z = mpmath.mpf(m[i]) + mpmath.mpf(r[i]) * 0.999 * mpmath.expj(rng.uniform(0, np.pi))
        if np.isfinite(values[1][i]):
            assert abs(FORMULAS[text](z) - mpmath.mpf(values[0][i])) <= mpmath.mpf(values[1][i])
        if np.isfinite(slopes[1][i]):
            assert abs(mpmath.diff(FORMULAS[text], z) - mpmath.mpf(slopes[0][i])) <= mpmath.mpf(slopes[1][i]) + 1e-12


def test_a_pole_between_the_ends_decides_no_case():
    program, index = straight_line("where(-1/x > 0, 1, 0)")
    with np.errstate(all="ignore"):
        lo, hi = Ranges(program, np.array([-1.0, 1.0]), np.array([2.0, 2.0])).range(index)
    assert (lo.tolist(), hi.tolist()) == ([0.0, 0.0], [1.0, 0.0])


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("x**3 + exp(x)", lambda x: x**3 + mpmath.exp(x)),
        ("x*tanh(x) - exp(-x**2)", lambda x: x * mpmath.tanh(x) - mpmath.exp(-x * x)),
        ("log(1 + x**2)*where(x > 0, x, 1)", lambda x: mpmath.log(1 + x * x) * (x if x > 0 else 1)),
        ("exp(x)/(1 + exp(x))", lambda x: 1 / (1 + mpmath.exp(-x))),
    ],
)
def test_tails_are_bounded_and_not_by_much_more_than_they_are(text, function):
    program, index = straight_line(text)
    for reach, q in ((9.0, 1.0), (40.0, 16.0)):
        with np.errstate(all="ignore"):
            growth = Tails(program, reach).growth(index)
            bound = float(tail([growth, growth], reach, np.array([q]))[0])

        def integrand(x, q=q):
            return function(x) ** 2 * mpmath.npdf(x, 0, mpmath.sqrt(q))

        true = mpmath.quad(integrand, [reach, reach + 10, 90]) + mpmath.quad(integrand, [-90, -reach - 10, -reach])
        assert true <= bound < 1e12 * true
