"""Moments of formulas against Arb: narrow features are found, bounds hold, and `certified` says what is proven."""

import math

import mpmath
import numpy as np
import pytest
from arb_moments import distance, enclosure
from scipy.stats import norm as normal

import meanfield as mf

BUMP = "exp(-((x-0.4)*1e4)**2)"


def bump(product, q, steepness=1e4, at=0.4):
    """E f² and E f′² of exp(−((x − at)·steepness)²), by completing the square."""
    k = 4 * steepness**2
    squared = math.exp(-0.5 * k * at**2 / (1 + k * q)) / math.sqrt(1 + k * q)
    variance = q / (1 + k * q)
    return squared if product == "ff" else 0.25 * k**2 * squared * (variance + (at / (1 + k * q)) ** 2)


@pytest.mark.parametrize(
    ("formula", "product", "q", "truth"),
    [
        *((BUMP, product, q, bump(product, q)) for product in ("ff", "dd") for q in (0.2, 1.0, 25.0)),
        ("exp(-((x-0.4)*1e3)**2)", "ff", 25.0, bump("ff", 25.0, 1e3)),
        (f"tanh(x) + 100*{BUMP}", "ff", 1.0, 0.860812834658620),
        ("tanh(x)+exp(-((x-0.4)*1e3)**2)", "ff", 1.0, 0.395252065143405),
        ("where(abs(x-0.77) < 1e-6, 1e4, x)", "ff", 1.0, 60.31895064705705),
        ("exp(-1/x**2)", "ff", 1.0, math.exp(-2)),
    ],
)
def test_narrow_features_of_formulas_are_found(formula, product, q, truth):
    estimate = mf.moment(formula, product, q)
    assert estimate.certified
    assert abs(estimate.value - truth) <= estimate.error + 1e-15 * truth
    assert estimate.error <= 1e-10 * truth


def test_gains_know_of_narrow_features():
    estimate = mf.gain(f"tanh(x) + 100*{BUMP}")
    assert estimate.certified
    assert abs(estimate.value - 0.860812834658620**-0.5) <= estimate.error + 1e-15
    assert not mf.gain(np.tanh).certified


def test_gains_of_all_kinds_are_certified_unless_a_surrogate_answers():
    phi = mf.activation("x*tanh(x) + 0.5")
    for kind in ("forward", "centered", "backward"):
        assert mf.gain(phi, kind=kind).certified, kind
        assert mf.gain("gelu", kind=kind, q=[0.5, 2.0]).certified, kind
    assert not mf.gain(phi, q=np.geomspace(0.1, 10, 100)).certified
    assert not mf.gain(phi, q=[0.5, 2.0]).certified  # the surrogate is at hand


@pytest.mark.parametrize(
    "text", ["np.maximum(x, 0)", "x if x > 0 else 0.1*x", "x.clip(0, 6)", "x*(x > 0)", "round(x)", "F.silu(x)"]
)
def test_what_the_grammar_reads_is_proven(text):
    assert mf.moment(text, "ff").certified


def test_pairs_of_gaussians_see_narrow_features():
    """At c = 0 the pair is (E f)², with ∫ of the bump √π·1e-2; at another c a bump is a point mass to 1e-7."""
    phi, tanh = mf.activation(f"tanh(x) + 100*{BUMP}"), mf.activation("tanh")
    mass = math.sqrt(math.pi) * 1e-2
    assert mf.expectation(phi).value == pytest.approx(mass * normal.pdf(0.4), rel=1e-7)
    assert mf.pair_expectation(phi, c=0.0).agrees(mf.expectation(phi) ** 2)
    s = math.sqrt(0.75)
    mean = mf.expectation(f"tanh(0.2 + {s!r}*x)").value  # of tanh V given U = 0.4 at c = 1/2
    both = mass**2 * normal.pdf(0.4) * normal.pdf(0.2 / s) / s
    expected = mf.pair_expectation(tanh, c=0.5).value + 2 * mass * normal.pdf(0.4) * mean + both
    assert mf.pair_expectation(phi, c=0.5).value == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    ("formula", "product", "q"),
    [
        ("tanh(x)", "ff", 1.0),
        ("tanh(x)", "xfd", 25.0),
        ("x*Phi(x)", "dd", 0.37),
        ("min(max(x, 0), 6)", "ff", 25.0),
        ("x*tanh(softplus(x))", "dd", 25.0),
        ("x*tanh(exp(x))", "ff", 25.0),
        ("sin(30*x)", "ff", 1.0),
        ("where(x > 0.2718, x**2, sin(x))", "ff", 1.0),
        ("sqrt(abs(x - 0.3))", "ff", 1.0),
        ("1/(1 + 1e8*(x - 0.1234)**2)", "ff", 1.0),
        ("x/(1 + abs(x))", "xfd", 1.0),
        ("where(x > 0, x, exp(x) - 1)", "dd", 1.0),
    ],
)
def test_proven_bounds_hold_against_arb(formula, product, q):
    phi = mf.activation(formula)
    estimate = mf.moment(phi, product, q)
    apart, radius = distance(estimate.value, enclosure(formula, product, q, phi.breakpoints, evaluations=3000))
    assert estimate.certified
    assert apart <= estimate.error < 1e-12
    assert radius < estimate.error


@pytest.mark.parametrize(
    ("formula", "at", "width"),
    [
        ("exp(-1/max(1 - x**2, 0))", 0.0, 1.0),
        ("where(abs(x) < 1, exp(-1/(1 - x**2)), 0)", 0.0, 1.0),
        ("exp(-1/max(1 - ((x - 0.3)*1e4)**2, 0))", 0.3, 1e-4),
    ],
)
def test_smooth_functions_of_compact_support(formula, at, width):
    def density(t):
        return width * mpmath.npdf(at + width * t)

    f = mpmath.quad(lambda t: mpmath.exp(-2 / (1 - t * t)) * density(t), [-1, 0, 1])
    d = mpmath.quad(
        lambda t: (2 * t / width / (1 - t * t) ** 2) ** 2 * mpmath.exp(-2 / (1 - t * t)) * density(t), [-1, 0, 1]
    )
    for product, truth in (("ff", f), ("dd", d)):
        estimate = mf.moment(formula, product, 1.0)
        assert estimate.certified
        assert abs(estimate.value - truth) <= estimate.error
        assert estimate.error <= 1e-10 * truth


@pytest.mark.parametrize("name", mf.catalogue())
def test_every_row_of_the_catalogue_is_proven(name):
    phi = mf.activation(name)
    for product in ("ff", "xfd") if phi.jumps else ("ff", "dd", "xfd"):
        assert mf.moment(phi, product, np.array([0.37, 1.0, 25.0])).certified, product


def test_what_has_no_proof_keeps_its_numbers_and_says_so():
    function = mf.moment(lambda x: np.abs(x) ** 0.7, "ff", 1.0)
    assert not function.certified
    slope = mf.moment("abs(x)**0.7", "dd", 1.0)  # an integrable singularity
    assert not slope.certified
    assert abs(slope.value - 0.49 * 2**-0.3 * math.gamma(0.2) / np.sqrt(np.pi)) <= slope.error
    with pytest.raises(mf.DivergentExpectation):
        mf.moment("exp(x**2)", "ff", 1.0)


def test_arithmetic_keeps_certified_only_if_all_parts_are():
    proven, sampled = mf.moment("tanh", "ff"), mf.moment(np.tanh, "ff")
    assert (proven / mf.moment("gelu", "ff")).certified
    assert not (proven / sampled).certified


def test_methods_that_sample_see_a_bump_that_is_all_there_is():
    bump = mf.activation("exp(-((x - 0.4)*1e4)**2)")
    for c, q in ((0.0, 1.0), (0.5, 1.0), (-0.3, 5.0)):
        u = v = 0.4 / q**0.5
        density = np.exp(-(u * u - 2 * c * u * v + v * v) / (2 * (1 - c * c))) / (2 * np.pi * (1 - c * c) ** 0.5) / q
        pair = mf.pair_expectation(bump, q=q, c=c)  # U and V both in a bump of area √π/10⁴
        assert abs(pair.value - density * np.pi * 1e-8) <= pair.error + 1e-7 * pair.value
    many = np.geomspace(0.02, 50.0, 200)
    values, errors = bump.moments.second_moment(many)
    alone = mf.moment(bump, "ff", many[::40])
    assert np.all(np.abs(values[::40] - alone.value) <= errors[::40] + alone.error)
    assert np.all(errors <= 1e-6 * values)
