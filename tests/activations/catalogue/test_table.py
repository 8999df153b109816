"""The catalogue against mpmath: φ and φ′ to a few units in the last place at every scale; its breakpoints and jumps."""

import pickle
import warnings

import mpmath
import numpy as np
import pytest

from meanfield.activations.catalogue.table import ENTRIES, catalogue
from meanfield.activations.expectations import moment
from meanfield.activations.formulas.parse import read
from meanfield.activations.formulas.vocabulary import real_x
from meanfield.activations.resolve import activation
from meanfield.errors import InvalidInput, UnknownActivation

EPS = np.finfo(float).eps
SCALES = np.concatenate([np.geomspace(1e-8, 1e3, 45), [0.0, 0.05, 0.3, 0.75, 1.2784, 2.9999, 5.99, 25.0, 37.0, 100.5]])
POINTS = np.unique(np.concatenate([SCALES, -SCALES]))
VARIANTS = [
    *((name, {}) for name in catalogue()),
    ("leaky_relu", {"negative_slope": -0.3}),
    ("rrelu", {"lower": 0.2, "upper": 0.5}),
    ("elu", {"alpha": 2.5}),
    ("celu", {"alpha": 0.25}),
    ("silu", {"beta": 3.7}),
    ("silu", {"beta": -0.6}),
    ("softplus", {"beta": 5.0}),
    ("softshrink", {"lambd": 1.75}),
    ("hardshrink", {"lambd": 0.1}),
    ("hardtanh", {"min_val": -0.3, "max_val": 2.2}),
    ("threshold", {"threshold": -0.7, "value": 20.0}),
    ("squareplus", {"b": 0.1}),
    ("star_relu", {"scale": 2.0, "bias": 0.5}),
    ("siren", {"omega_0": 1.5}),
    ("snake", {"alpha": 7.0}),
    ("monomial", {"degree": 5}),
    ("quantised_sign", {"levels": 2}),
    ("quantised_sign", {"levels": 15}),
    ("abrelu", {"a": -1.5, "b": 0.5}),
    ("dyt", {"alpha": 3.0}),
    ("isru", {"alpha": 3.0}),
    ("xielu", {"alpha_p": 0.3, "alpha_n": 1.7, "beta": 0.0}),
    ("smelu", {"beta": 0.3}),
]
IDS = [name + "".join(f"-{value}" for value in parameters.values()) for name, parameters in VARIANTS]


def exact(expression, x):
    """Values of a sympy expression at floats, to 50 digits even where it cancels to 1e-300."""
    import sympy as sp

    cases = {"Where": lambda g, a, b, closed: a if g > 0 or (closed and g == 0) else b}
    function = sp.lambdify(real_x(), expression, [cases, "mpmath"])
    with mpmath.workdps(350):
        return [function(mpmath.mpf(float(point))) for point in x]


def as_cases(expression):
    from meanfield.activations.formulas.cases import by_cases

    return by_cases(expression)


@pytest.mark.parametrize(("name", "parameters"), VARIANTS, ids=IDS)
def test_function_and_derivative_are_accurate_to_a_few_ulp_at_every_scale(name, parameters):
    """Relative to max(|f|, |x f′|): rounding x does as much to f at its zeros and in steep tails."""
    import sympy as sp

    phi = activation(name, **parameters)
    formula = as_cases(read(phi.formula))
    x = POINTS[~np.isin(POINTS, phi.breakpoints)]
    orders = [exact(sp.diff(formula, real_x(), order), x) for order in range(3)]
    for order, got in enumerate((phi(x), phi.derivative(x))):
        truth, slope = orders[order], orders[order + 1]
        for point, value, true, steepness in zip(x, got, truth, slope, strict=True):
            if abs(true) > mpmath.mpf(2) ** 1023:
                assert value == np.inf * np.sign(float(mpmath.sign(true)))
                continue
            size = max(abs(true), abs(mpmath.mpf(float(point)) * steepness))
            error = abs(mpmath.mpf(float(value)) - true)
            assert error <= 8 * EPS * size + 1e-300, (order, point, value, float(true))


@pytest.mark.parametrize(("name", "parameters"), VARIANTS, ids=IDS)
def test_breakpoints_and_jumps_are_those_that_the_algebra_of_the_formula_gives(name, parameters):
    phi = activation(name, **parameters)
    by_algebra = activation(phi.formula)
    np.testing.assert_allclose(phi.breakpoints, by_algebra.declared_breakpoints, rtol=1e-14, atol=0)
    np.testing.assert_allclose(phi.jumps, by_algebra.declared_jumps, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", catalogue())
def test_huge_arguments_and_every_shape_pass_without_warnings(name):
    phi = activation(name)
    with warnings.catch_warnings(action="error"), np.errstate(all="raise"):
        for x in (np.array([-1e8, -750.0, 0.0, 750.0, 1e8]), np.zeros((2, 0, 3)), np.ones((2, 3)), np.array(0.5)):
            for values in (phi(x), phi.derivative(x)):
                assert np.shape(values) == x.shape
                assert np.asarray(values).dtype == np.float64
                assert not np.isnan(values).any()


@pytest.mark.parametrize("name", catalogue())
def test_the_input_is_neither_changed_nor_returned(name):
    x = np.array([-1.5, 0.0, 2.0])
    values = activation(name)(x)
    values[...] = 7.0
    np.testing.assert_array_equal(x, [-1.5, 0.0, 2.0])


@pytest.mark.parametrize("name", catalogue())
def test_every_row_has_a_source_and_a_formula(name):
    phi = activation(name)
    assert phi.source
    assert phi.name == name
    assert phi.formula
    assert {str(symbol) for symbol in phi.expression.free_symbols} == {"x"}


def test_the_catalogue_has_what_torch_jax_keras_and_the_literature_call_by_these_names():
    torch = """ReLU LeakyReLU PReLU RReLU ReLU6 ELU SELU CELU GELU SiLU Swish Mish Softplus Softsign Softshrink
        Hardshrink Tanhshrink Hardtanh Hardsigmoid Hardswish Sigmoid LogSigmoid Tanh Threshold Identity"""
    others = """squareplus sparse_plus sparse_sigmoid hard_silu hard_swish tanh_shrink exponential linear soft_sign
        hard_tanh hard_sigmoid log_sigmoid soft_shrink hard_shrink leaky-relu
        squared_relu star_relu erf sin siren cos snake gaussian gabor monomial step sign abs abrelu quantised_sign
        quantized_sign dyt isru bent_identity serf xielu smelu arctan atan logcosh gelu_tanh relu_sq heaviside
        gelu_new gelu_fast gelu_10 gelu_python gelu_pytorch_tanh gelu_python_tanh gelu_accurate quick_gelu relu2
        hard_mish golu telu h_swish h_sigmoid"""
    for name in f"{torch} {others}".split():
        activation(name)


def test_no_two_entries_share_a_name():
    from meanfield.activations.catalogue.table import normalised

    names = [normalised(name) for entry in ENTRIES.values() for name in {entry.name, *entry.aliases}]
    assert len(names) == len(set(names))


def test_the_same_name_and_parameters_give_the_same_object():
    assert activation("Leaky ReLU", negative_slope=0.25) is activation("leaky_relu", negative_slope=np.float32(0.25))
    assert activation("swish") is activation("silu", beta=1)
    assert activation("silu") is not activation("silu", beta=2)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("celu", {"alpha": 0.0}, "celu: alpha must be a finite number > 0, not 0.0"),
        ("softshrink", {"lambd": -1}, "softshrink: lambd must be a finite number ≥ 0, not -1"),
        ("leaky_relu", {"negative_slope": np.nan}, "leaky_relu: negative_slope must be a finite number, not nan"),
        ("leaky_relu", {"negative_slope": "steep"}, "leaky_relu: negative_slope must be a finite number, not 'steep'"),
        ("monomial", {"degree": 2.5}, "monomial: degree must be an integer from 1 to 64, not 2.5"),
        ("quantised_sign", {"levels": 1}, "quantised_sign: levels must be an integer from 2 to 4096, not 1"),
        ("hardtanh", {"min_val": 2.0}, "hardtanh: min_val = 2 must be less than max_val = 1"),
        ("rrelu", {"lower": 0.5}, "rrelu: lower = 0.5 must be at most upper = 0.333333"),
        ("leaky_relu", {"slope": 0.2}, "leaky_relu has no parameter 'slope'; its parameters are: negative_slope"),
        ("relu", {"slope": 0.2}, "relu has no parameter 'slope'; its parameters are: none"),
    ],
)
def test_parameters_out_of_range_are_refused_naming_the_range(name, parameters, message):
    with pytest.raises(InvalidInput) as caught:
        activation(name, **parameters)
    assert str(caught.value) == message


def test_unknown_names_come_with_the_nearest_ones():
    with pytest.raises(
        UnknownActivation, match="no activation is called 'geluu'; the nearest names are gelu"
    ) as caught:
        activation("geluu")
    assert caught.value.suggestions[0] == "gelu"


def test_a_renamed_entry_is_still_known_for_what_it_is_and_a_namesake_is_not():
    assert activation("relu", name="mine").entry == "relu"
    assert activation(np.tanh, name="relu").entry == ""


def test_functions_of_the_catalogue_travel_between_processes():
    phi = activation("xielu", alpha_n=1.2)
    for function in (phi.function, phi.derivative_function):
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(function))(POINTS), function(POINTS))


def test_the_quantised_sign_steps_as_blumenfeld_et_al_define_it():
    phi = activation("quantised_sign", levels=5)
    assert phi.jumps == (-0.75, -0.25, 0.25, 0.75)
    np.testing.assert_array_equal(phi([-9, -0.5, 0, 0.5, 9]), [-1, -0.5, 0, 0.5, 1])


def test_selu_keeps_mean_zero_and_variance_one():
    x, w = np.polynomial.legendre.leggauss(200)
    phi = activation("selu")
    for power, expected in ((1, 0.0), (2, 1.0)):
        halves = [a * 6.0 + 6.0 * x for a in (-1, 1)]
        total = sum(6.0 * w @ (phi(z) ** power * np.exp(-z * z / 2)) for z in halves) / np.sqrt(2 * np.pi)
        assert total == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gelu_new", lambda x: 0.5 * x * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + 0.044715 * x**3)))),
        ("gelu_fast", lambda x: 0.5 * x * (1 + mpmath.tanh(x * 0.7978845608 * (1 + 0.044715 * x * x)))),
        ("gelu_10", lambda x: max(-10, min(10, x * mpmath.ncdf(x)))),
        ("gelu_python", lambda x: x * 0.5 * (1 + mpmath.erf(x / mpmath.sqrt(2)))),
        ("quick_gelu", lambda x: x / (1 + mpmath.exp(-1.702 * x))),
        ("relu2", lambda x: max(0, x) ** 2),
        ("hard_mish", lambda x: 0.5 * x * max(0, min(2, x + 2))),
        ("golu", lambda x: x * mpmath.exp(-mpmath.exp(-x))),
        ("telu", lambda x: x * mpmath.tanh(mpmath.exp(x))),
    ],
)
def test_the_second_moment_is_that_of_the_function_as_its_authors_code_has_it(name, code):
    with mpmath.workdps(20):  # at q = 4
        truth = mpmath.quad(lambda x: code(x) ** 2 * mpmath.npdf(x / 2) / 2, [-30, -8, -2, 0, 3, 10, 20, 40])
    assert float(moment(name, "ff", 4.0)) == pytest.approx(float(truth), rel=1e-13)
