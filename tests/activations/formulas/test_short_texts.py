"""No short text hangs: what is not read is refused in one sentence, by its counted size; see tests/long/ too."""

import time

import numpy as np
import pytest
import sympy
from generated_texts import text

import meanfield as mf
from meanfield.activations.formulas.discontinuities import has_one_sign

HANG = 5.0  # seconds of CPU; the long run holds every text below 1 s


def nested(form, times, inner="x"):
    for _ in range(times):
        inner = form.format(inner)
    return inner


def read_in_time(read, what):
    """The object, or the error, which is one line of at most 300 characters."""
    begun = time.process_time()
    try:
        result = read(what)
    except mf.MeanFieldError as error:
        result = error
    assert time.process_time() - begun < HANG, what
    message = str(result) if isinstance(result, Exception) else ""
    assert len(message) <= 300, message
    assert "\n" not in message
    return result


def test_500_generated_texts_are_read_or_refused():
    outcomes = []
    for index in range(500):
        kind, what = text(2, index, size=0.2)
        outcomes.append(type(read_in_time(getattr(mf, kind), what)).__name__)
    assert 60 < outcomes.count("Activation") < 400
    assert outcomes.count("Network") > 20


@pytest.mark.parametrize(
    "what",
    [
        nested("xielu({})", 4),
        nested("elu({})", 8),
        nested("celu({})", 12),
        nested("smelu({})", 6),
        nested("softshrink({})", 6),
        "*".join(f"(x - {i})" for i in range(200)),
        " + ".join(f"mish(x - {i})" for i in range(100)),
        "where(" + " or ".join(f"(x > {i} and x < {i}.5)" for i in range(60)) + ", x, 1)",
        " + ".join(f"sin(x - {i})/(x - {i})" for i in range(1, 40)),
        "csch((log(x) + relu6(x))**100)",
    ],
)
def test_what_grows_beyond_counted_size_is_refused(what):
    assert isinstance(read_in_time(mf.activation, what), mf.errors.BadActivation)


@pytest.mark.parametrize(
    ("what", "breakpoints"),
    [
        (nested("elu({})", 5), (0.0,)),
        (nested("smelu({})", 3), (-1.0, 1.0)),
        (nested("xielu({})", 3), (-2.4324842769314485, 0.0)),
        (" + ".join(f"abs(x - {i})" for i in range(50)), tuple(map(float, range(50)))),
        # a polynomial of degree 4,300, which is not written out
        ("where(((x + 1)**50 + x)**86 > 1, x, 1)", (-2.022367287038898, -2.0, -1.0, 0.0)),
    ],
)
def test_what_hung_is_read(what, breakpoints):
    phi = read_in_time(mf.activation, what)
    assert phi.declared_breakpoints == pytest.approx(breakpoints, rel=1e-15, abs=1e-15)


def test_nested_formulas_have_the_values_of_their_functions():
    phi, elu = mf.activation(nested("elu({})", 4)), mf.activation("elu")
    for x in (-3.0, -0.2, 0.4, 2.0):
        truth = elu(elu(elu(elu(x))))
        assert phi(x) == pytest.approx(truth, rel=1e-14)


def test_the_derivative_of_a_long_product_is_that_of_its_factors():
    phi = mf.activation("*".join(f"(1 + tanh(x/{k})/{k})" for k in range(3, 20)))
    x = np.linspace(-4, 4, 9)
    factors = np.array([(1 + np.tanh(x / k) / k, np.cosh(x / k) ** -2 / k**2) for k in range(3, 20)])
    truth = factors[:, 0].prod(axis=0) * (factors[:, 1] / factors[:, 0]).sum(axis=0)
    np.testing.assert_allclose(phi.derivative_function(x), truth, rtol=1e-13)


def test_hyperbolic_functions_are_not_worked_out_to_tell_a_sign():
    x = sympy.Symbol("x", real=True)
    signs = {sympy.cosh(x): True, -sympy.cosh(x): True, 1 + sympy.tanh(x) ** 2: True, sympy.sinh(x): False}
    assert {base: has_one_sign(base) for base in signs} == signs
    what = "sech(sigmoid(max(hardtanh(clip(x, 7.25, 3.6)), acosh(x/x), 386) + 12345678901234567890 + sign(celu(x))))"
    assert isinstance(read_in_time(mf.activation, what), mf.Activation)
