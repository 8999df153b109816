"""Descriptions of networks: frozen, nested, broadcasting."""

import dataclasses

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.block import as_block


def test_names_and_callables_become_activations():
    network = mf.Network("tanh", mf.Dense(1.5, 0.1), np.sin, mf.activation("gelu"))
    assert [type(layer) for layer in network] == [mf.Elementwise, mf.Dense, mf.Elementwise, mf.Elementwise]
    assert [phi.name for phi in network.activations] == ["tanh", "sin", "gelu"]
    assert len(network) == 4


def test_a_block_is_a_network_a_layer_or_an_activation():
    block = mf.mlp("tanh", 1.5, 0.1)
    assert as_block(block) is block
    assert len(as_block(mf.Dense(2.0))) == 1
    default = as_block("tanh")
    assert (default.layers[1].sigma_w, default.layers[1].sigma_b) == (1.0, 0.0)


def test_mlp_is_the_activation_then_the_weights():
    assert repr(mf.mlp("gelu", 1.4, 0.4)) == "Network('gelu', Dense(sigma_w=1.4, sigma_b=0.4))"


def test_at_sets_every_dense_layer_and_leaves_the_original():
    inner = mf.Network("sin", mf.Dense(1.0, 0.2))
    network = mf.Network("tanh", mf.Dense(1.5, 0.1), inner)
    changed = network.at(sigma_w=3.0)
    dense = [layer for layer in changed.flattened() if isinstance(layer, mf.Dense)]
    assert [(d.sigma_w, d.sigma_b) for d in dense] == [(3.0, 0.1), (3.0, 0.2)]
    assert [layer.sigma_w for layer in network.flattened() if isinstance(layer, mf.Dense)] == [1.5, 1.0]
    both = network.at(sigma_w=[1.0, 2.0], sigma_b=0.0)
    assert both.shape == (2,)
    assert network.at().shape == ()


def test_shapes_broadcast_over_all_layers():
    network = mf.Network("tanh", mf.Dense(np.ones((3, 1)), 0.1), mf.Network("sin", mf.Dense(1.0, np.ones(4))))
    assert network.shape == (3, 4)
    with pytest.raises(mf.InvalidInput):
        mf.Network("tanh", mf.Dense(np.ones(3)), "tanh", mf.Dense(np.ones(4)))
    with pytest.raises(mf.InvalidInput):
        mf.mlp("tanh").at(sigma_w=np.ones(3), sigma_b=np.ones(4))


def test_take_picks_from_the_flattened_broadcast_shape():
    network = mf.mlp("tanh", np.array([[1.0], [2.0]]), np.array([0.1, 0.2, 0.3]))
    taken = network.take(np.array([0, 4]))
    assert taken.layers[1].sigma_w.tolist() == [1.0, 2.0]
    assert taken.layers[1].sigma_b.tolist() == [0.1, 0.2]
    nested = mf.Network(network, mf.mlp("sin", 3.0)).take(np.array([5]))
    assert nested.layers[1].layers[1].sigma_w.tolist() == [3.0]


def test_nesting_does_not_change_what_is_described():
    a, b = mf.mlp("tanh", 1.5, 0.1), mf.mlp("relu", 1.2, 0.3)
    nested, flat = mf.Network(mf.Network(a), b), mf.Network(*a, *b)
    assert [type(x) for x in nested.flattened()] == [type(x) for x in flat]
    assert mf.variance_map(nested, 0.7).value == mf.variance_map(flat, 0.7).value
    assert mf.correlation_map(nested, 0.3, q=0.7).value == mf.correlation_map(flat, 0.3, q=0.7).value


def test_an_empty_network_is_refused():
    with pytest.raises(mf.InvalidInput, match="at least one layer"):
        mf.Network()


def test_the_caller_cannot_change_a_network_through_its_arrays():
    sigma_w = np.array([1.0, 2.0])
    network = mf.mlp("tanh", sigma_w, 0.0)
    before = mf.variance_map(network, 1.0).value.copy()
    sigma_w[:] = 7.0
    assert mf.variance_map(network, 1.0).value.tolist() == before.tolist()


def test_layers_are_frozen():
    dense = mf.Dense(1.0, 0.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        dense.sigma_w = 2.0
