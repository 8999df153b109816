"""What an activation says of itself: odd, even, scale-invariant, constant; its mean and its variation at a given q."""

import copy
import pickle

import mpmath
import numpy as np
import pytest
import sympy as sp

import meanfield as mf
from meanfield.activations.formulas.cases import by_cases
from meanfield.activations.formulas.parse import read
from meanfield.activations.formulas.vocabulary import real_x

PROPERTIES = ("is_odd", "is_even", "is_scale_invariant", "is_constant")
SPECIAL = [  # parameters at which a property holds that does not hold elsewhere, and their neighbours
    ("leaky_relu", {"negative_slope": 1.0}),
    ("leaky_relu", {"negative_slope": -1.0}),
    ("leaky_relu", {"negative_slope": 0.0}),
    ("leaky_relu", {"negative_slope": 0.999}),
    ("prelu", {"init": 1.0}),
    ("prelu", {"init": -1.0}),
    ("rrelu", {"lower": 0.5, "upper": 1.5}),
    ("rrelu", {"lower": -1.5, "upper": -0.5}),
    ("elu", {"alpha": 0.0}),
    ("silu", {"beta": 0.0}),
    ("softshrink", {"lambd": 0.0}),
    ("hardshrink", {"lambd": 0.0}),
    ("hardshrink", {"lambd": 1.5}),
    ("hardtanh", {"min_val": -7.0, "max_val": 20.0}),
    ("hardtanh", {"min_val": -20.0, "max_val": 20.0}),
    ("hardtanh", {"min_val": 1.0, "max_val": 2.0}),
    ("threshold", {"threshold": 0.0, "value": 0.0}),
    ("threshold", {"threshold": 0.0, "value": 1.0}),
    ("threshold", {"threshold": -1.0, "value": 0.0}),
    ("star_relu", {"scale": 0.0, "bias": 0.0}),
    ("star_relu", {"scale": 0.0, "bias": 0.3}),
    ("star_relu", {"scale": 1.0, "bias": 0.0}),
    ("monomial", {"degree": 1}),
    ("monomial", {"degree": 3}),
    ("monomial", {"degree": 4}),
    ("quantised_sign", {"levels": 2}),
    ("quantised_sign", {"levels": 7}),
    ("abrelu", {"a": 2.0, "b": 2.0}),
    ("abrelu", {"a": -2.0, "b": 2.0}),
    ("abrelu", {"a": 0.0, "b": 0.0}),
    ("xielu", {"alpha_p": 0.0, "alpha_n": 0.0, "beta": 0.7}),
    ("xielu", {"alpha_p": 0.0, "alpha_n": 0.0, "beta": 0.0}),
    ("xielu", {"alpha_p": 0.0, "alpha_n": 0.8, "beta": 0.0}),
]
CASES = [*((name, {}) for name in mf.catalogue()), *SPECIAL]
IDS = [name + "".join(f"-{value}" for value in parameters.values()) for name, parameters in CASES]
FIXED = [name for name, _ in CASES if mf.activation(name).parameters == {}]


def truth(formula):
    """The four properties of a formula's values to 50 digits, on a grid of x, −x, 2x and −2x."""
    where = {"Where": lambda g, a, b, closed: a if g > 0 or (closed and g == 0) else b}
    f = sp.lambdify(real_x(), by_cases(read(formula)), [where, "mpmath"])
    with mpmath.workdps(50):
        x = [mpmath.mpf("1.37") ** k / 7 for k in range(-12, 20)]
        right, left, double = ([f(s * a) for a in x] for s in (1, -1, 2))
        double_left = [f(-2 * a) for a in x]

        def alike(a, b):
            return all(abs(u - v) <= mpmath.mpf(10) ** -30 * (abs(u) + abs(v)) for u, v in zip(a, b, strict=True))

        return (
            alike(right, [-v for v in left]),
            alike(right, left),
            alike(double, [2 * v for v in right]) and alike(double_left, [2 * v for v in left]),
            alike(right + left, [right[0]] * (2 * len(x))),
        )


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=IDS)
def test_every_row_of_the_catalogue_knows_what_its_formula_shows_at_fifty_digits(name, parameters):
    phi = mf.activation(name, **parameters)
    assert tuple(getattr(phi, key) for key in PROPERTIES) == truth(phi.formula)


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=IDS)
def test_the_algebra_of_its_formula_says_the_same(name, parameters):
    phi = mf.activation(name, **parameters)
    if "x" in phi.formula and phi.is_constant:
        return  # sympy leaves no x in it, and a formula without x is refused
    by_algebra = mf.activation(phi.formula)
    for key in PROPERTIES:
        assert getattr(by_algebra, key) is getattr(phi, key), key


def test_a_quantiser_of_many_levels_is_odd():
    assert mf.activation("quantised_sign", levels=500).is_odd


@pytest.mark.parametrize(
    ("text", "odd", "even", "scale_invariant", "constant"),
    [
        ("tanh(x) + 0*x", True, False, False, False),
        ("sin(x)*abs(x)", True, False, False, False),
        ("where(x > 50, 2*x, x)", False, False, False, False),
        ("where(abs(x) > 50, 2*x, x)", True, False, False, False),
        ("min(max(x, -7), 7)", True, False, False, False),
        ("min(max(x, -7), 20)", False, False, False, False),
        ("min(max(x, -1e5), 1.001e5)", False, False, False, False),
        ("tanh(x) + 1e-12", False, False, False, False),
        ("tanh(x) + 1e-30", False, False, False, False),
        ("tanh(x) + 1e-15*x**2", False, False, False, False),
        ("sigmoid(x) - 1/2", True, False, False, False),
        ("softplus(x) - x/2", False, True, False, False),
        ("gelu(x) - x/2", False, True, False, False),
        ("gelu(x) + gelu(-x)", False, True, False, False),
        ("log(sqrt(x**2 + 1) + x)", True, False, False, False),
        ("atan(exp(x)) - pi/4", True, False, False, False),
        ("abs(sin(x))*x", True, False, False, False),
        ("max(sin(x), 0)", False, False, False, False),
        ("sin(1e-3*x)", True, False, False, False),
        ("where(x > 0, 1, -1)", True, False, False, False),
        ("where(x == 0, 1, sin(x)/x)", False, True, False, False),
        ("max(x, 0) - max(-x, 0)", True, False, True, False),
        ("where(x > 0, x, 0.3*x) + abs(x)", False, False, True, False),
        ("sqrt(x**2)", False, True, True, False),
        ("where(x > 1, 2*x, x)", False, False, False, False),
        ("sin(x)**2 + cos(x)**2", False, True, False, True),
        ("max(x, 3) - max(x - 3, 0)", False, True, False, True),
        ("where(x > 100, 1, 1 + 1e-13)", False, False, False, False),
        ("1/exp(exp(exp(x)))", False, False, False, False),
    ],
)
def test_formulas_are_decided_exactly(text, odd, even, scale_invariant, constant):
    phi = mf.activation(text)
    assert tuple(getattr(phi, key) for key in PROPERTIES) == (odd, even, scale_invariant, constant)


def test_what_algebra_cannot_show_is_unknown_and_not_guessed():
    phi = mf.activation("where(sin(x) > 0, 1, -1)")  # odd, with infinitely many cases
    assert (phi.is_odd, phi.is_even) == (None, False)
    phi = mf.activation("where(exp(-1e12*(x - 3)**2) > 0.5, x + 1, x)")  # not odd within 1e-6 of 3, which no scan sees
    assert (phi.is_odd, phi.is_scale_invariant) == (None, None)
    assert mf.activation("where(1e12*(x - 3)**2 < 0.5, x + 1, x)").is_odd is False


def test_a_sympy_expression_without_words_in_the_grammar_is_decided_too():
    x = sp.Symbol("t")
    assert mf.activation(sp.Si(x)).is_odd
    assert mf.activation(sp.atan(x)).is_odd


@pytest.mark.parametrize("function", [np.tanh, np.abs, lambda x: np.maximum(x, 0), lambda x: 0 * x + 3.0])
def test_nothing_is_known_of_a_callable(function):
    assert [getattr(mf.activation(function), key) for key in PROPERTIES] == [None] * 4


def test_properties_belong_to_the_function_not_to_its_name():
    assert mf.activation(np.abs, name="tanh").is_odd is None
    assert mf.activation("tanh", name="mine").is_odd
    for copied in (copy.deepcopy, lambda phi: pickle.loads(pickle.dumps(phi))):
        assert copied(mf.activation("tanh")).is_odd
        assert copied(mf.activation("x*abs(x)")).is_odd


Q = np.array([0.0, 1e-3, 1.0, 30.0, 400.0])


@pytest.mark.parametrize(
    "spec", [np.tanh, "tanh", "x*abs(x)", lambda x: x**3 - x, lambda x: np.clip(x, -3, 3), lambda x: np.sin(3 * x)]
)
def test_odd_functions_have_zero_mean_at_every_q(spec):
    assert mf.activation(spec).has_zero_mean(Q).all()


@pytest.mark.parametrize("spec", ["relu", "gelu", lambda x: np.tanh(x) + 1e-5, "tanh(x) + 1e-5", "softplus"])
def test_others_have_not(spec):
    assert not mf.activation(spec).has_zero_mean(Q[1:]).any()


@pytest.mark.parametrize(
    "spec", [mf.activation("hardtanh", min_val=-7, max_val=20), lambda x: np.clip(x, -7, 20), "min(max(x, -7), 20)"]
)
def test_what_is_odd_up_to_seven_has_zero_mean_while_nothing_reaches_seven(spec):
    phi = mf.activation(spec)
    np.testing.assert_array_equal(phi.has_zero_mean([0.0, 0.1, 1.0, 10.0, 30.0, 400.0]), [1, 1, 1, 0, 0, 0])
    assert phi.has_zero_mean(1.0).shape == ()


@pytest.mark.parametrize("value", [3.0, 0.1, 1e8 / 3, 1e-200, 0.0])
def test_a_constant_callable_does_not_vary_however_its_values_are_rounded(value):
    phi = mf.activation(lambda x: 0 * x + value)
    assert not phi.varies(np.geomspace(1e-8, 1e6, 29)).any()
    wobbling = mf.activation(lambda x: value * (np.sin(x) ** 2 + np.cos(x) ** 2))
    assert not wobbling.varies(np.geomspace(1e-3, 1e3, 13)).any()


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e-12])
def test_a_small_variation_about_a_large_mean_is_seen(scale):
    phi = mf.activation(lambda x: 3 + scale * np.tanh(x))
    assert phi.varies([1.0, 100.0]).all()
    value, error = phi.moments.variance(np.array([1.0, 100.0]))
    truth = scale**2 * mf.moment("tanh", "ff", [1.0, 100.0]).value
    assert np.all(np.abs(value - truth) <= error)


@pytest.mark.parametrize("spec", ["where(x > 50, x, 1)", lambda x: np.where(x > 50, x, 1.0)])
def test_what_varies_far_away_varies_where_q_reaches_it(spec):
    phi = mf.activation(spec)
    np.testing.assert_array_equal(phi.varies([0.0, 1.0, 400.0]), [False, False, True])


def test_constants_of_the_catalogue_and_of_formulas_do_not_vary():
    for phi in (mf.activation("star_relu", scale=0.0, bias=0.3), mf.activation("sin(x)**2 + cos(x)**2")):
        assert phi.is_constant
        assert not phi.varies(Q).any()


SCALES = np.geomspace(1e-8, 1e8, 17)


@pytest.mark.parametrize(
    "spec",
    [
        "relu",
        "max(x, 0) + 2*x",
        np.abs,
        lambda x: np.where(x > 0, x, 0.1 * x),
        lambda x: 1e-100 * max(x, 0.0),
        lambda x: x + 3 * np.sqrt(x * x),
        lambda x: 0 * x,
    ],
)
def test_a_line_on_each_side_of_zero_looks_scale_invariant_at_every_q(spec):
    assert mf.activation(spec).looks_scale_invariant(SCALES).all()


@pytest.mark.parametrize(
    ("function", "first", "last"),
    [
        (np.tanh, 1e-3, 1e8),
        (lambda x: np.clip(x, 0, 50), 500.0, 1e8),
        (lambda x: np.maximum(x, 0) + 0.1, 1e-8, 1e8),
        (lambda x: np.sqrt(x * x + 1e-6), 1e-8, 1.0),
        (lambda x: x * (1 + 1e-7 / (1 + x * x)), 0.1, 1e2),
        (np.sign, 1e-8, 1e8),
    ],
)
def test_other_functions_do_not_at_the_q_that_reach_what_is_no_line(function, first, last):
    assert not mf.activation(function).looks_scale_invariant(np.geomspace(first, last, 9)).any()
