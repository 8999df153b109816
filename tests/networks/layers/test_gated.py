"""Gated linear units as a description: two Dense layers of one law and an activation, as other code finds them."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.residual import Residual
from meanfield.networks.stack import as_blocks, check_widths


def test_it_is_shown_as_it_is_written():
    assert repr(Gated("silu")) == "Gated('silu', sigma_w=1.0, sigma_b=0.0)"
    assert repr(mf.Network(Gated("sigmoid", 1.5, 0.2))) == "Network(Gated('sigmoid', sigma_w=1.5, sigma_b=0.2))"
    assert repr(eval(repr(Gated("gelu", 1.5, 0.2)))) == "Gated('gelu', sigma_w=1.5, sigma_b=0.2)"


def test_inside_are_the_value_the_gate_and_the_activation():
    layer = Gated(np.tanh, 1.5, 0.2)
    value, gate, phi = layer.inner
    assert type(value) is type(gate) is mf.Dense
    assert value is not gate
    assert (value.sigma_w, gate.sigma_w, value.sigma_b, gate.sigma_b) == (1.5, 1.5, 0.2, 0.2)
    assert isinstance(phi, Elementwise)
    assert mf.Network(layer, "relu").activations == (layer.activation, mf.activation("relu"))
    weighted = [inner for inner in mf.Network(layer, mf.Dense()).flattened() if isinstance(inner, mf.Dense)]
    assert len(weighted) == 3


def test_both_matrices_are_set_at_once():
    (layer, _) = mf.Network(Gated("gelu", 1.0, 0.5), mf.Dense()).at(sigma_w=[2.0, 3.0])
    for dense in layer.inner[:2]:
        assert dense.sigma_w.tolist() == [2.0, 3.0]
        assert dense.sigma_b == 0.5


def test_sigmas_broadcast_and_are_taken_together():
    block = mf.Network(Gated("silu", [1.0, 2.0], [[0.1], [0.2], [0.3]]))
    assert block.shape == (3, 2)
    (layer,) = block.take(np.array([1, 4]))
    for dense in layer.inner[:2]:
        assert (dense.sigma_w.tolist(), dense.sigma_b.tolist()) == ([2.0, 1.0], [0.1, 0.3])
    with pytest.raises(mf.InvalidInput, match="broadcast"):
        Gated("silu", [1.0, 2.0], [0.1, 0.2, 0.3])


def test_a_subclass_stays_one_when_it_is_set_anew():
    class Special(Gated):
        pass

    assert type(mf.Network(Special("silu")).at(sigma_w=2.0).layers[0]) is Special


@pytest.mark.parametrize("sigma", [-1.0, np.nan, np.inf, "a", None, 1j, [], 1e200])
def test_what_is_no_standard_deviation_is_refused(sigma):
    with pytest.raises(mf.InvalidInput, match="sigma_w"):
        Gated("silu", sigma)
    with pytest.raises(mf.InvalidInput, match="sigma_b"):
        Gated("silu", 1.0, sigma)


@pytest.mark.parametrize("spec", [None, 3, mf.Dense(), mf.Network("relu"), "no such gate"])
def test_what_is_no_activation_is_refused(spec):
    with pytest.raises(mf.MeanFieldError, match="activation"):
        Gated(spec)


def test_two_laws_are_refused():
    layer = Gated("silu")
    with pytest.raises(mf.InvalidInput, match="the same sigmas"):
        layer.mapped(lambda one: {"sigma_w": 2.0} if one is layer.value else {})


def test_a_gate_of_its_own_stays_where_all_layers_are_set():
    block = mf.Network(Gated("silu", 1.2, 0.1, gate_sigma_w=[0.5, 0.25]), mf.Dense())
    assert repr(eval(repr(Gated("silu", gate_sigma_b=0.2)), {"Gated": Gated})) == repr(Gated("silu", gate_sigma_b=0.2))
    assert block.shape == (2,)
    layer = block.at(sigma_w=2.0, sigma_b=0.3).take(np.array([1])).layers[0]
    value, gate, _ = layer.inner
    assert (value.sigma_w, value.sigma_b, gate.sigma_w, gate.sigma_b) == (2.0, 0.3, 0.25, 0.3)
    assert (layer.gate_sigma_w, layer.gate_sigma_b) == (0.25, None)
    for name in ("gate_sigma_w", "gate_sigma_b"):
        with pytest.raises(mf.InvalidInput, match=name):
            Gated("silu", **{name: -1.0})


def test_hidden_units_of_their_own():
    layer = Gated("silu", 1.2, expansion=2.5)
    assert repr(layer) == "Gated('silu', sigma_w=1.2, sigma_b=0.0, expansion=2.5)"
    assert mf.Network(layer).at(sigma_w=2.0).layers[0].expansion == 2.5
    assert mf.written(layer) == "gated(silu, 1.2, expansion=2.5)" == mf.written(mf.network(mf.written(layer)))
    check_widths(as_blocks(mf.Network(layer, mf.Dense()), 1), (8, 8))
    with pytest.raises(mf.InvalidInput, match="a Dense layer must follow"):
        check_widths(as_blocks(mf.Network("tanh", mf.Dense(), layer), 1), (8, 8))
    for wrong in (0.0, -1.0, np.inf, "a"):
        with pytest.raises(mf.InvalidInput, match="expansion"):
            Gated("silu", expansion=wrong)


def test_the_caller_cannot_change_it_through_its_arrays():
    sigma = np.array([1.0, 2.0])
    layer = Gated("silu", sigma)
    sigma[:] = 7.0
    assert layer.value.sigma_w.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("block", "right", "wrong"),
    [
        (Gated("silu"), (8, 5), None),
        (mf.Network(Residual("tanh", mf.Dense()), Gated("silu")), (8, 8), (8, 5)),
        (Residual(Gated("silu"), mf.Dense()), (8, 8), (8, 5)),
        (Concatenate(Gated("silu"), growth=0.5), (8, 12), (8, 8)),
    ],
)
def test_it_sets_the_width_as_a_dense_layer_does(block, right, wrong):
    check_widths(as_blocks(block, 1), right)
    if wrong is not None:
        with pytest.raises(mf.InvalidInput, match=f"cannot have {wrong[1]} units"):
            check_widths(as_blocks(block, 1), wrong)
