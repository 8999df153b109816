"""Normalisation as a description: it has no numbers of its own, and goes wherever a layer goes."""

import numpy as np

import meanfield as mf
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm


def test_it_is_shown_as_it_is_written():
    block = mf.Network(LayerNorm(), "gelu", mf.Dense(1.4), RMSNorm())
    assert repr(block) == "Network(LayerNorm(), 'gelu', Dense(sigma_w=1.4, sigma_b=0.0), RMSNorm())"


def test_it_stays_when_parameters_change():
    block = mf.Network(LayerNorm(), "gelu", mf.Dense(1.4), RMSNorm()).at(sigma_w=[1.0, 2.0], sigma_b=0.1)
    assert block.shape == (2,)
    assert [type(layer) for layer in block.take(np.array([1]))][::3] == [LayerNorm, RMSNorm]
