"""The one door: what `activation` does with each kind of spec."""

import copy
import pickle

import numpy as np
import pytest
import sympy as sp

from meanfield.activations.resolve import activation
from meanfield.errors import BadActivation, InvalidInput, MeanFieldError, UnknownActivation


@pytest.mark.parametrize("name", ["leaky_relu", "LeakyReLU", "leaky-relu", "Leaky ReLU", " LEAKYRELU ", "lrelu"])
def test_letter_case_hyphens_underscores_and_spaces_do_not_matter(name):
    assert activation(name).name == "leaky_relu"


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("leaky_relu(0.2)", "leaky_relu", {"negative_slope": 0.2}),
        ("nn.LeakyReLU(negative_slope=1/5, inplace=True)", "leaky_relu", {"negative_slope": 0.2}),
        ("torch.nn.functional.gelu", "gelu", {}),
        ("jax.nn.gelu", "gelu_tanh", {}),
        ("nn.GELU(approximate='tanh')", "gelu_tanh", {}),
        ("jax.nn.gelu(approximate=False)", "gelu", {}),
        ("tf.nn.leaky_relu", "leaky_relu", {"negative_slope": 0.2}),
        ("keras.layers.LeakyReLU()", "leaky_relu", {"negative_slope": 0.3}),
        ("keras.layers.LeakyReLU(0.1)", "leaky_relu", {"negative_slope": 0.1}),
        ("keras.layers.PReLU", "prelu", {"init": 0.0}),
        ("nn.ReLU(True)", "relu", {}),
        ("relu6()", "relu6", {}),
        ("leaky_relu:negative_slope=0.2", "leaky_relu", {"negative_slope": 0.2}),
        ("Leaky-ReLU(0.2)", "leaky_relu", {"negative_slope": 0.2}),
        ("Softplus(beta=2)", "softplus", {"beta": 2.0}),
        ("hardtanh(-2, sqrt(9))", "hardtanh", {"min_val": -2.0, "max_val": 3.0}),
        ("np.tanh", "tanh", {}),
    ],
)
def test_names_are_read_as_code_has_them(text, name, parameters):
    phi = activation(text)
    assert (phi.entry, dict(phi.parameters)) == (name, parameters)
    assert phi is activation(name, **parameters)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("swiglu", "it is a layer: write gated(silu) in a network"),
        ("Layer-Norm", "it is a layer: write layernorm in a network"),
        ("nn.BatchNorm2d", "it is a layer: write batchnorm(batch_size, pixels) in a network"),
        ("fc", "it is a layer: write dense(sigma_w, sigma_b) in a network"),
        ("leaky_relu 0.2", "write leaky_relu(0.2)"),
        ("elu=2", "write elu(2)"),
        ("max", "it is a function of formulas, as in max(x, 2)"),
        ("np.cosh", "it is a function of formulas, as in cosh(x)"),
        ("relu; dense", "layers between commas are a network"),
        ("gelu dense", "layers between commas are a network"),
        ("X", "the variable of a formula is x"),
        ("lstm", "it is none of the layers whose moments are known"),
        ("softmax", "it reads several units at once, and an activation reads one"),
        ("nn.MaxPool2d", "average_pool is the pooling layer"),
        ("laplace", "write Phi((x - 0.707107)/0.282095)"),
        ("mine.bump", "a function of your own is given itself in Python, as mine:bump in commands"),
        ("mine:bump", "given itself in Python, as module:name in commands"),
        ("torch.nn.functional.gelluu", "the nearest names are gelu"),
    ],
)
def test_a_word_that_is_no_activation_is_answered_with_what_is_meant(text, meant):
    with pytest.raises(UnknownActivation) as caught:
        activation(text)
    assert meant in str(caught.value)


def test_a_name_that_frameworks_understand_differently_is_refused():
    with pytest.raises(InvalidInput, match="differs between flax and TensorFlow: write gelu or gelu_tanh"):
        activation("nn.gelu")


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


@pytest.mark.parametrize("text", ["numpy:tanh", "os.path:join", "relu,", "tanh;tanh", "\x00", "-", "relu()()"])
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
