"""Keras layers and functions in the place of an activation, on the backend of the environment."""

import numpy as np
import pytest

from meanfield.activations.gains import gain
from meanfield.activations.resolve import activation
from meanfield.errors import BadActivation


@pytest.mark.parametrize("name", ["gelu", "silu", "relu6", "tanh", "selu"])
def test_functions_agree_with_the_catalogue(keras, name):
    found = gain(getattr(keras.activations, name))
    assert found.agrees(gain(name))


def test_layers_agree_with_the_catalogue(keras):
    layers = keras.layers
    for layer, name in ((layers.Activation("gelu"), "gelu"), (layers.ReLU(), "relu"), (layers.ELU(), "elu")):
        assert gain(layer).agrees(gain(name))
    assert gain(keras.Sequential([layers.Activation("gelu"), layers.Identity()])).agrees(gain("gelu"))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda layers: layers.Dropout(0.5), "a Keras layer does not say which is meant"),
        (lambda layers: layers.AlphaDropout(0.5), "a Keras layer does not say"),
        (lambda layers: layers.GaussianNoise(0.5), "a Keras layer does not say"),
        (lambda layers: layers.BatchNormalization(), "mf.BatchNorm"),
        (lambda layers: layers.LayerNormalization(), "mf.LayerNorm"),
        (lambda layers: layers.Softmax(), "normalises"),
        (lambda layers: layers.Dense(27), "multiplies by a matrix"),
        (lambda layers: layers.Conv1D(3, 3), "multiplies by a matrix"),
    ],
)
def test_noise_and_what_couples_entries_are_refused(keras, make, why):
    with pytest.raises(BadActivation, match=why):
        activation(make(keras.layers))
    with pytest.raises(BadActivation, match=why):
        activation(keras.Sequential([keras.layers.Activation("gelu"), make(keras.layers)]))


def test_no_dropout_is_no_noise(keras):
    phi = activation(keras.Sequential([keras.layers.Activation("tanh"), keras.layers.Dropout(0.0)]))
    np.testing.assert_allclose(phi([-1.0, 0.5]), np.tanh([-1.0, 0.5]), rtol=1e-6)


def test_functions_that_couple_entries_are_refused(keras):
    for function in (keras.activations.softmax, keras.activations.glu):
        with pytest.raises(BadActivation):
            activation(function)
