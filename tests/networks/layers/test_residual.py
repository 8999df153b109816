"""Skip connections as descriptions: whatever looks into networks looks into branches too."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.residual import Residual


def block(**scales):
    return mf.Network(Residual("tanh", mf.Dense(1.5, 0.1), Residual(mf.Dense(0.5), "erf"), **scales), mf.Dense(2.0))


def test_its_branch_is_a_network():
    layer = Residual("tanh", mf.Dense(1.5, 0.1), np.sin)
    assert isinstance(layer.branch, mf.Network)
    assert [type(inner) for inner in layer.branch] == [mf.Elementwise, mf.Dense, mf.Elementwise]
    assert (layer.branch_scale, layer.skip_scale) == (1.0, 1.0)


def test_it_is_shown_as_it_is_written():
    assert repr(Residual("tanh", mf.Dense(1.5))) == "Residual('tanh', Dense(sigma_w=1.5, sigma_b=0.0))"
    shown = repr(Residual("tanh", mf.Dense(1.5), branch_scale=0.1, skip_scale=-2))
    assert shown == "Residual('tanh', Dense(sigma_w=1.5, sigma_b=0.0), branch_scale=0.1, skip_scale=-2.0)"


def test_at_sets_the_dense_layers_in_branches_at_any_depth():
    changed = block(branch_scale=0.3, skip_scale=0.9).at(sigma_w=3.0, sigma_b=[0.0, 1.0])
    dense = [layer for layer in changed.walk() if isinstance(layer, mf.Dense)]
    assert [layer.sigma_w for layer in dense] == [3.0, 3.0, 3.0]
    assert changed.shape == (2,)
    outer, inner = (layer for layer in changed.walk() if isinstance(layer, Residual))
    assert (outer.branch_scale, outer.skip_scale) == (0.3, 0.9)
    assert (inner.branch_scale, inner.skip_scale) == (1.0, 1.0)


def test_activations_and_layers_in_order():
    assert [phi.name for phi in block().activations] == ["tanh", "erf"]
    kinds = [type(layer) for layer in block().flattened()]
    assert kinds == [Residual, mf.Elementwise, mf.Dense, Residual, mf.Dense, mf.Elementwise, mf.Dense]


def test_scales_broadcast_with_sigmas_and_are_taken_with_them():
    network = mf.Network(Residual("tanh", mf.Dense([1.0, 2.0]), branch_scale=[[0.1], [0.2], [0.3]]))
    assert network.shape == (3, 2)
    taken = network.take(np.array([1, 4, 4]))
    (layer,) = taken
    assert layer.branch_scale.tolist() == [0.1, 0.3, 0.3]
    assert layer.skip_scale.tolist() == [1.0, 1.0, 1.0]
    assert layer.branch.layers[1].sigma_w.tolist() == [2.0, 1.0, 1.0]
    assert taken.shape == (3,)
    for scales in (np.ones(3), np.ones((2, 3))):
        with pytest.raises(mf.InvalidInput, match="broadcast"):
            Residual("tanh", mf.Dense([1.0, 2.0]), branch_scale=scales)


def test_the_parameters_of_every_layer_may_be_changed_at_once():
    halved = block(skip_scale=0.8).with_parameters(
        lambda layer: {name: 0.5 * getattr(layer, name) for name in layer.parameters}
    )
    outer, inner = (layer for layer in halved.walk() if isinstance(layer, Residual))
    assert (outer.branch_scale, outer.skip_scale, inner.branch_scale) == (0.5, 0.4, 0.5)
    assert [layer.sigma_w for layer in halved.walk() if isinstance(layer, mf.Dense)] == [0.75, 0.25, 1.0]


@pytest.mark.parametrize("scale", [np.nan, np.inf, -np.inf, "a", None, 1j, 1e200, [], [[1], [1, 2]]])
def test_what_is_no_scale_is_refused(scale):
    for name in ("branch_scale", "skip_scale"):
        with pytest.raises(mf.InvalidInput, match=name):
            Residual("tanh", mf.Dense(), **{name: scale})


def test_a_branch_has_layers():
    with pytest.raises(mf.InvalidInput, match="at least one layer"):
        Residual()
    with pytest.raises(mf.UnknownActivation):
        Residual("tan", mf.Dense())


def test_the_caller_cannot_change_it_through_its_arrays():
    scale = np.array([0.1, 0.2])
    layer = Residual("tanh", mf.Dense(), branch_scale=scale)
    scale[:] = 7.0
    assert layer.branch_scale.tolist() == [0.1, 0.2]
    with pytest.raises(ValueError, match="read-only"):
        layer.branch_scale[0] = 1.0
