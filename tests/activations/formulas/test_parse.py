"""Text and sympy expressions: what the grammar takes, what it refuses, and what the algebra knows of it."""

import pickle

import numpy as np
import pytest
import sympy as sp
from scipy.special import expit, ndtr
from work import calls

from meanfield.activations.expectations import moment
from meanfield.activations.formulas.parse import parse
from meanfield.activations.resolve import activation
from meanfield.errors import BadActivation, MeanFieldError, UnknownActivation

X = np.concatenate([-np.geomspace(1e-6, 50, 40)[::-1], np.geomspace(1e-6, 50, 40)])


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("x*tanh(log(1 + exp(x)))", lambda x: x * np.tanh(np.logaddexp(0, x))),
        ("where(x > 0, x, 0.1*x)", lambda x: np.where(x > 0, x, 0.1 * x)),
        ("-x + +2*x - 3", lambda x: x - 3),
        ("x / 2 / 3 * 5", lambda x: x / 6 * 5),
        ("1 - x - x - 1", lambda x: -2 * x),
        ("2**x * e**(-x) + 0*pi", lambda x: (2 / np.e) ** x),
        ("-x**2", lambda x: -(x**2)),
        ("x**2.0", lambda x: x**2),
        ("abs(x)**0.5", lambda x: np.abs(x) ** 0.5),
        ("where(x < -1, -1, where(x > 1, 1, x))", lambda x: np.clip(x, -1, 1)),
        ("where((x > -1) & (x < 1) | (x > 3), x, 0)", lambda x: x * ((np.abs(x) < 1) | (x > 3))),
        ("where(-1 < x < 1 or not x < 3, x, 0)", lambda x: x * ((np.abs(x) < 1) | (x >= 3))),
        ("max(x, 0, -2*x)", lambda x: np.maximum(x, -2 * x)),
        ("minimum(x, 1) + maximum(x, -1)", lambda x: np.minimum(x, 1) + np.maximum(x, -1)),
        ("arctan(x) + atan(x) + arcsinh(x)", lambda x: 2 * np.arctan(x) + np.arcsinh(x)),
        ("sigmoid(x) + relu(x) + softplus(x)", lambda x: 1 / (1 + np.exp(-x)) + np.maximum(x, 0) + np.logaddexp(0, x)),
        (
            "0.5*gelu(x) + leaky_relu(x) - swish(x)",
            lambda x: 0.5 * activation("gelu")(x) + np.where(x > 0, x, 0.01 * x) - activation("silu")(x),
        ),
        ("expm1(x) - exp(x) + log1p(x**2)", lambda x: -1 + np.log1p(x**2)),
        ("heaviside(x) + sign(x)", lambda x: 1.5 * np.sign(x) + 0.5),
        ("where(x == 0, 1, sin(x)/x)", lambda x: np.sin(x) / x),
        ("x if x > 0 else 0.1*x", lambda x: np.where(x > 0, x, 0.1 * x)),
        ("x*(x > 0) + (x > 1 and x < 2)", lambda x: np.maximum(x, 0) + ((x > 1) & (x < 2))),
        (
            "clip(x, -1, 2) + x.clip(0) + np.clip(x, a_min=None, a_max=1)",
            lambda x: np.clip(x, -1, 2) + np.maximum(x, 0) + np.minimum(x, 1),
        ),
        ("torch.clamp(x, min=0, max=6) - (x + 3).clamp(0, 6)/6", lambda x: np.clip(x, 0, 6) - np.clip(x + 3, 0, 6) / 6),
        ("np.maximum(x, 0) + torch.sigmoid(x) + math.tanh(x)", lambda x: np.maximum(x, 0) + expit(x) + np.tanh(x)),
        ("pow(x, 2) + torch.square(x) - np.power(x, 2.0)", lambda x: x**2),
        ("sech(x) + fabs(x)", lambda x: 1 / np.cosh(x) + np.abs(x)),
        (
            "floor(x) + 2*ceil(x - 0.25) + np.trunc(3*x)",
            lambda x: np.floor(x) + 2 * np.ceil(x - 0.25) + np.trunc(3 * x),
        ),
        ("round(x/3)", lambda x: np.floor(x / 3 + 0.5)),
        ("np.logaddexp(0, x) + exp2(-abs(x))", lambda x: np.logaddexp(0, x) + np.exp2(-np.abs(x))),
        ("log2(1 + x**2) + log10(1 + x**2)", lambda x: np.log2(1 + x**2) + np.log10(1 + x**2)),
        (
            "leaky_relu(x, 0.2) + F.elu(x, alpha=0.5)",
            lambda x: np.where(x > 0, 2 * x, 0.2 * x + 0.5 * np.expm1(np.minimum(x, 0))),
        ),
        ("F.gelu(x, approximate='tanh') - jax.nn.gelu(x) + x", lambda x: x),
        ("jnp.where(x > 0, x, tf.nn.leaky_relu(x))", lambda x: np.where(x > 0, x, 0.2 * x)),
        ("nn.LeakyReLU(0.1)(x) + x*(x > 0).float()", lambda x: np.where(x > 0, 2 * x, 0.1 * x)),
        ("torch.where(x > 0, x, torch.zeros_like(x))", lambda x: np.maximum(x, 0)),
        ("x*coth(x) + x*csch(x)", lambda x: x / np.tanh(x) + x / np.sinh(x)),
        ("F.softplus(x, beta=2) + sigmoid(x)", lambda x: np.logaddexp(0, 2 * x) / 2 + expit(x)),
    ],
)
def test_the_grammar_means_what_python_and_numpy_mean(text, function):
    np.testing.assert_allclose(activation(text)(X), function(X), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('x')", "has a call of something else than a function's name"),
        ("(1).__class__", "has an attribute"),
        ("x.__class__", "has an attribute"),
        ("x**9**9**9", "has a power beyond"),
        ("9**9**9**9*x", "has a power beyond"),
        ("x**101", "has an exponent beyond ±100"),
        ("10**400*x", "has a power beyond"),
        ("1e999*x", "has a number beyond"),
        ("1" * 5000 + "*x", "cannot be read"),
        ("1" * 400 + "*x", "has a number beyond"),
        ("exp(exp(exp(100)))*x", "has a number beyond"),
        ("x + " * 30_000 + "x", "is too long"),
        ("+".join(["x"] * 2000), "has too many parts"),
        ("(" * 5000, "cannot be read"),
        ("(" * 4000 + "x" + ")" * 4000, "cannot be read"),
        ("-" * 5000 + "x", "nested too deeply | too many parts"),  # as deep as the parser of this Python goes
        ("sin(" * 60 + "x" + ")" * 60, "nested too deeply"),
        ("gelu(" * 30 + "x" + ")" * 30, "has too many parts"),
        ("abs(x - " * 19 + "1" + ")" * 19, "has too many parts"),
        ("(lambda: 0)(x)", "has a call of something else"),
        ("f'{x}'", "has an f-string"),
        ("[x for x in (1,)]", "has a listcomp"),
        ("x^2", "powers are written **"),
        ("2x + 1", "cannot be read: invalid decimal literal; a product is written with *, as in 2*x"),
        ("(x + 1)(x - 1)", "a product is written with *"),
        ("x(1 + x)", "a product is written with *"),
        ("|x|", "absolute values are written abs(x)"),
        ("tanh x", "the argument of a function is in parentheses, as in tanh(x)"),
        ("$x^2$", "formulas are written as in Python, not as in LaTeX"),
        ("def f(x): return x", "write the body of the function alone"),
        ("x % 2", "write x - n*floor(x/n)"),
        ("y = tanh(x)", "write the right-hand side alone"),
        ("x²", "only ASCII is allowed; write **2"),
        ("σ(x)", "only ASCII is allowed; write sigmoid"),
        ("pi", "must have exactly one variable, x; it has none"),
        ("lambda x: x", "has a lambda, which is not allowed; write its body alone"),
        ("relu(x), tanh(x)", "has several items (layers between commas are a network)"),
        ("max(x)", "gives max 1 argument; it takes two or more"),
        ("clip(x, low=0)", "needs clip(x, lowest, highest)"),
        ("leaky_relu(x, 0.2, 3)", "has 2 arguments; leaky_relu takes negative_slope"),
        ("leaky_relu(x, x)", "has x in a number's place"),
        ("gelu(x, approximate='sinh')", "has an approximate= other than"),
        ("softplus(y=2)", "has the unknown argument 'y'; softplus takes beta"),
        ("Linear(1.4)", "the layer with weights is dense(sigma_w, sigma_b) in a network"),
        ("os.system(x)", "has a call of something else than a function's name"),
        ("x.__class__(x)", "has a call of something else than a function's name"),
        ("x // 2", "has an operator that is not allowed"),
        ("'x'*x", "which is not a real number"),
        ("1j*x", "which is not a real number"),
        ("True*x", "which is not a real number"),
        ("sqrt(-1)*x", "has a constant that is not a real number"),
        ("x/(1 - 1)", "divides by zero"),
        ("0**(-1)*x", "has a power beyond"),
        ("x; x", "cannot be read"),
        ("x := 1", "cannot be read"),
        ("x\0", "cannot be read"),
        ("ｅｘｐ(x)", "only ASCII is allowed"),  # the letters are full width
        ("x − 1", "only ASCII is allowed"),  # the minus is U+2212
        ("sin(x, x)", "gives sin 2 arguments"),
        ("sin(x=x)", "gives sin a keyword or a star"),
        ("where(x > 0, x)", "needs where(condition, value if true, value if false)"),
        ("where(x, 1, 0)", "needs a comparison as the first argument of where"),
        ("tanh + x", "has the function tanh without its argument; write tanh(x)"),
        ("3 + 4", "must have exactly one variable, x; it has none"),
        ("sqrt(x)", "is NaN at x = -10"),
        ("1/x", "is infinite at x = 0"),
        ("exp(exp(x))", "is infinite at x = 10"),
    ],
    ids=lambda value: value[:30],
)
def test_hostile_and_mistaken_texts_are_refused_in_one_line_and_little_work(text, message):
    activation("2*x")  # imports are not meant

    def refused():
        with pytest.raises(BadActivation) as caught:
            activation(text)
        assert any(one in str(caught.value) for one in message.split(" | "))
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 300

    assert calls(refused) < 400_000


@pytest.mark.parametrize("text", ["lambda: 0", "", "   ", "os", "x" * 100_000])
def test_texts_that_are_no_formula_are_unknown_names(text):
    with pytest.raises(UnknownActivation) as caught:
        activation(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "near"), [("tahn(x)", "tanh"), ("logg(x)", "log"), ("gellu(x)", "gelu"), ("x + pii", "pi")]
)
def test_unknown_names_in_a_formula_come_with_the_nearest_ones(text, near):
    with pytest.raises(UnknownActivation) as caught:
        activation(text)
    assert near in caught.value.suggestions


@pytest.mark.parametrize(
    ("text", "breakpoints", "jumps"),
    [
        ("tanh(x)", (), ()),
        ("x**3 + sqrt(1 + x**2)", (), ()),
        ("max(x - 0.3, 0)", (0.3,), ()),
        ("abs(x**2 - 2)", (-np.sqrt(2), np.sqrt(2)), ()),
        ("abs((x - 1)**2)", (), ()),
        ("sign(x**3 - x)", (-1, 0, 1), (-1, 0, 1)),
        ("where(x > 1.25, x, 1.25)", (1.25,), ()),
        ("where(x > 1.25, x, 1)", (1.25,), (1.25,)),
        ("where(x > 1, x, x)", (), ()),
        ("where(x > 0, sin(x)**2, 1 - cos(x)**2)", (), ()),
        ("where(x > 0, x + x**3, sin(x))", (0,), ()),
        ("where(abs(x) > 1, x, 0)", (-1, 1), (-1, 1)),
        ("abs(abs(abs(x) - 2) - 1)", (-3, -2, -1, 0, 1, 2, 3), ()),
        ("min(max(pi*x, -1), 1)", (-1 / np.pi, 1 / np.pi), ()),
        ("abs(exp(x) - 2)", (np.log(2),), ()),
        ("max(tanh(x), 0.5)", (np.arctanh(0.5),), ()),
        ("where(x**3 > 2, x, 0)", (2 ** (1 / 3),), (2 ** (1 / 3),)),
        ("abs(x)**1.5", (0,), ()),
        ("sqrt((x - 1)**2)", (1,), ()),
        ("x/(1 + abs(x))", (0,), ()),
        ("where(x > 0, exp(-1/x), 0)", (0,), ()),
        ("where(x > 0, where(x < 2, x, 5), where(x > 1, 100, 0))", (0, 2), (2,)),
        ("heaviside(x - 1e-3)", (1e-3,), (1e-3,)),
        ("relu(x - 1000) + 1", (1000,), ()),
    ],
)
def test_breakpoints_and_jumps_come_from_the_algebra(text, breakpoints, jumps):
    phi = activation(text)
    assert phi.declared_breakpoints is not None
    np.testing.assert_allclose(phi.declared_breakpoints, breakpoints, rtol=1e-15, atol=0)
    np.testing.assert_allclose(phi.declared_jumps, jumps, rtol=1e-15, atol=0)


@pytest.mark.parametrize("text", ["abs(sin(x))", "where(cos(3*x) > 0.5, x, 0)", "sin(x)*where(tan(x) > x, 1, 2)"])
def test_breakpoints_without_end_are_left_to_be_searched_for(text):
    assert activation(text).declared_breakpoints is None


@pytest.mark.parametrize(
    "text",
    [
        "x*tanh(log(1 + exp(x)))",
        "where(x > 0, x, 0.1*x)",
        "max(x, 0)**3",
        "x*Phi(x)",
        "abs(x - 0.3)*exp(-x**2)",
        "atan(x)/(1 + x**2)",
    ],
)
def test_the_derivative_is_that_of_the_function(text):
    phi, h = activation(text), 1e-5
    quotient = (8 * (phi(X + h) - phi(X - h)) - (phi(X + 2 * h) - phi(X - 2 * h))) / (12 * h)
    away = np.abs(X[:, None] - np.array((0.0, 0.3))).min(axis=1) > 3 * h
    np.testing.assert_allclose(phi.derivative(X)[away], quotient[away], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("log(1 + exp(x))", "softplus"),
        ("1/(1 + exp(-x))", "sigmoid"),
        ("exp(x)/(1 + exp(x))", "sigmoid"),
        ("(1 + tanh(x/2))/2", "sigmoid"),
        ("x/(1 + exp(-x))", "silu"),
        ("x*(1 + erf(x/sqrt(2)))/2", "gelu"),
        ("x*Phi(x)", "gelu"),
        ("x*tanh(log(1 + exp(x)))", "mish"),
        ("where(x > 0, x, exp(x) - 1)", "elu"),
        ("log(cosh(x))", "logcosh"),
        ("-log(1 + exp(-x))", "log_sigmoid"),
        ("tanh(x)", "tanh"),
    ],
)
def test_formulas_that_would_cancel_or_overflow_are_as_accurate_as_the_catalogue(text, name):
    x = np.concatenate([-np.geomspace(1e-6, 1000, 50)[::-1], np.geomspace(1e-6, 1000, 50)])
    phi, known = activation(text), activation(name)
    with np.errstate(all="raise"):
        for got, want, slope in ((phi(x), known(x), known.derivative(x)), (phi.derivative(x), known.derivative(x), 0)):
            assert np.all(np.abs(got - want) <= 1e-13 * np.maximum(np.abs(want), np.abs(x * slope)) + 1e-200)


def test_cases_that_are_not_selected_neither_warn_nor_matter():
    phi = activation("where(x > 0, sqrt(abs(x) + 1e-9) + log(where(x > 0, x, 1)), exp(-x*0) * 1/(1 + 10**50*exp(x)))")
    with np.errstate(all="raise"):
        assert np.all(np.isfinite(phi([-1000.0, -1.0, 1.0, 1000.0])))


@pytest.mark.parametrize("symbol", [sp.Symbol("x"), sp.Symbol("z"), sp.Symbol("t", real=True)])
def test_sympy_expressions_may_use_any_one_symbol(symbol):
    phi = activation(sp.Piecewise((symbol, symbol > 0), (sp.exp(symbol) - 1, True)))
    np.testing.assert_allclose(phi(X), activation("elu")(X), rtol=1e-14)
    np.testing.assert_allclose(phi.derivative(X), activation("elu").derivative(X), rtol=1e-14)
    assert phi.declared_breakpoints == (0.0,)
    np.testing.assert_allclose(activation(phi.formula)(X), phi(X), rtol=1e-15)


def test_sympy_functions_and_lambdas_are_taken_too():
    z = sp.Symbol("z")
    np.testing.assert_allclose(activation(sp.tanh)(X), np.tanh(X), rtol=1e-14)
    np.testing.assert_allclose(activation(sp.Lambda(z, z**2))(X), X**2, rtol=1e-14)


@pytest.mark.parametrize(
    "expression",
    [
        sp.Symbol("a") * sp.Symbol("x"),
        sp.Integer(3),
        sp.Function("f")(sp.Symbol("x")),
        sp.I * sp.Symbol("x"),
        sp.log(sp.Symbol("x")),
        sp.Symbol("x") > 0,
        sp.zeta(sp.Symbol("x"), 3),
        sp.Matrix([sp.Symbol("x")]).as_immutable(),
    ],
    ids=str,
)
def test_sympy_expressions_that_are_no_real_function_of_one_variable_are_refused(expression):
    with pytest.raises(MeanFieldError) as caught:
        activation(expression)
    assert "\n" not in str(caught.value)


def test_the_expression_is_in_the_plain_symbol_x():
    assert activation("x**2 + 1").expression == sp.Symbol("x") ** 2 + 1
    assert parse("max(x, 0)").diff(sp.Symbol("x")).subs("x", 2) == 1


def test_the_same_text_gives_the_same_object_and_a_name_does_not_change_it():
    assert activation("x*tanh(x)") is activation(" x*tanh(x) ")
    named = activation("x*tanh(x)", name="lisht by hand")
    assert named.name == "lisht by hand"
    assert named.expression == parse("x*tanh(x)")


def test_functions_made_from_formulas_travel_between_processes():
    phi = activation("where(x > 0, x, x*tanh(log(1 + exp(x))))")
    for function in (phi.function, phi.derivative_function):
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(function))(X), function(X))


def test_values_have_the_shape_of_the_argument():
    for text in ("x", "x*0 + x", "where(x > 0, 1, 0)"):
        phi = activation(text)
        for x in (np.zeros((2, 0)), np.ones((2, 3)), np.array(0.5)):
            assert np.shape(phi(x)) == np.shape(phi.derivative(x)) == x.shape


def test_a_staircase_is_integrated_between_its_steps():
    cdf = ndtr(np.arange(-40, 42))
    truth = np.arange(-40, 41) ** 2 @ np.diff(cdf)
    for text in ("floor(x)", "-ceil(-x)"):
        assert float(moment(text, "ff", 1.0)) == pytest.approx(truth, rel=1e-14)
    steps = activation("floor(x)")
    assert steps.jumps[:3] == steps.breakpoints[:3]
    assert np.all(steps.derivative(X) == 0)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("swiglu(x)", "'swiglu': it is a layer: write gated(silu) in a network"),
        ("softmax(x)", "it reads several units at once"),
        ("sinc(x)", "write sin(x)/x, or sin(pi*x)/(pi*x) as in NumPy"),
        ("F.max_pool2d(x)", "average_pool is the pooling layer"),
        ("tanh(y)", "unknown name 'y'; the variable is x"),
    ],
)
def test_a_word_that_is_no_function_is_answered_with_what_is_meant(text, meant):
    with pytest.raises(UnknownActivation) as caught:
        activation(text)
    assert meant in str(caught.value)
