"""The one door: what `activation` does with each kind of spec."""

import copy
import pickle

import numpy as np
import pytest
import sympy as sp

from meanfield.activations.resolve import activation
from meanfield.errors import BadActivation, InvalidInput, MeanFieldError


@pytest.mark.parametrize("name", ["leaky_relu", "LeakyReLU", "leaky-relu", "Leaky ReLU", " LEAKYRELU ", "lrelu"])
def test_letter_case_hyphens_underscores_and_spaces_do_not_matter(name):
    assert activation(name).name == "leaky_relu"


def test_an_activation_passes_through():
    phi = activation("gelu")
    assert activation(phi) is phi
    assert activation(phi, name="mine").name == "mine"


def test_what_is_given_besides_an_activation_takes_the_place_of_what_it_has():
    phi = activation(activation("x*abs(x)"), breakpoints=[0.0, 1.0], derivative=lambda x: 2 * np.abs(x))
    assert phi.breakpoints == (0.0, 1.0)
    np.testing.assert_array_equal(phi.derivative([-2.0, 3.0]), [4.0, 6.0])
    with pytest.raises(BadActivation, match="the given derivative of"):
        activation(activation("x*abs(x)"), derivative=np.abs)


@pytest.mark.parametrize("extra", [{"derivative": np.tanh}, {"breakpoints": [0.0]}, {"breakpoints": ()}])
def test_a_name_knows_its_derivative_and_breakpoints(extra):
    with pytest.raises(InvalidInput, match="the catalogue knows the derivative and breakpoints of relu"):
        activation("ReLU", **extra)


@pytest.mark.parametrize("spec", [np.tanh, "x**2", activation("relu")])
def test_parameters_go_with_names_only(spec):
    with pytest.raises(InvalidInput, match="parameters such as alpha= go with names of the catalogue"):
        activation(spec, alpha=1.0)


@pytest.mark.parametrize("spec", [None, 3, 2.5, b"relu", ["relu"], {"name": "relu"}, np.zeros(3)])
def test_other_things_are_refused_in_one_line(spec):
    with pytest.raises(
        InvalidInput, match="an activation is a name, a formula, a function or an expression, not "
    ) as caught:
        activation(spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["numpy:tanh", "os.path:join", "relu,", "tanh;tanh", "\x00", "-", "relu()"])
def test_other_texts_are_refused_in_one_line(text):
    with pytest.raises(MeanFieldError) as caught:
        activation(text)
    assert "\n" not in str(caught.value)


def test_names_are_text():
    with pytest.raises(InvalidInput, match="name must be text"):
        activation(np.tanh, name=3)


@pytest.mark.parametrize(
    "spec", ["gelu", "x*tanh(x)", np.tanh, sp.atan(sp.Symbol("t")), activation("leaky_relu", negative_slope=0.2)]
)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda phi: pickle.loads(pickle.dumps(phi))])
def test_a_copy_is_the_same_activation(spec, copied):
    phi = activation(spec)
    again = copied(phi)
    x = np.array([-2.0, 0.3, 5.0])
    np.testing.assert_array_equal(again(x), phi(x))
    np.testing.assert_array_equal(again.derivative(x), phi.derivative(x))
    assert (repr(again), again.parameters, again.entry) == (repr(phi), phi.parameters, phi.entry)
    assert again.breakpoints == phi.breakpoints
    assert str(again.expression) == str(phi.expression)
