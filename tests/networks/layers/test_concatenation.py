"""Concatenation as a description: a branch, and its units relative to those of its input."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.residual import Residual
from meanfield.networks.stack import as_blocks, check_widths


def test_it_is_shown_as_it_is_written():
    layer = Concatenate("relu", mf.Dense(2.0))
    assert repr(layer) == "Concatenate('relu', Dense(sigma_w=2.0, sigma_b=0.0))"
    assert repr(Concatenate(layer, growth=2)) == f"Concatenate({layer!r}, growth=2.0)"
    assert repr(Concatenate("relu", mf.Dense(2.0), growth=0.25)).endswith("sigma_b=0.0), growth=0.25)")


def test_growth_broadcasts_with_sigmas_and_is_taken_with_them():
    block = mf.Network(Concatenate("tanh", mf.Dense([1.0, 2.0]), growth=[[0.1], [0.2], [0.3]]))
    assert block.shape == (3, 2)
    (layer,) = block.take(np.array([1, 4]))
    assert layer.growth.tolist() == [0.1, 0.3]
    assert layer.branch.layers[1].sigma_w.tolist() == [2.0, 1.0]
    (layer,) = block.at(sigma_w=5.0)
    assert layer.branch.layers[1].sigma_w == 5.0
    assert layer.growth.shape == (3, 1)
    with pytest.raises(mf.InvalidInput, match="broadcast"):
        Concatenate("tanh", mf.Dense([1.0, 2.0]), growth=np.ones(3))


@pytest.mark.parametrize("growth", [-1e-9, np.nan, np.inf, 1e7, "a", None, [], 1j])
def test_what_is_no_ratio_of_units_is_refused(growth):
    with pytest.raises(mf.InvalidInput, match="growth"):
        Concatenate("tanh", mf.Dense(), growth=growth)


@pytest.mark.parametrize(
    ("branch", "growth"),
    [
        (("relu",), 1),
        ((Residual("relu", mf.Dense()),), 1),
        ((mf.Network("relu"), Concatenate(mf.Dense(), growth=0.25)), 1.25),
        ((Concatenate("relu"), Concatenate(mf.Dense())), 4),
    ],
)
def test_a_branch_without_a_dense_layer_of_its_own_sets_the_growth(branch, growth):
    assert Concatenate(*branch, growth=growth).growth == growth
    with pytest.raises(mf.InvalidInput, match=f"growth must be {growth}, not 0.5"):
        Concatenate(*branch, growth=0.5)


def test_a_branch_has_layers():
    with pytest.raises(mf.InvalidInput, match="at least one layer"):
        Concatenate()


def test_the_caller_cannot_change_it_through_its_arrays():
    growth = np.array([0.1, 0.2])
    layer = Concatenate(mf.Dense(), growth=growth)
    growth[:] = 7.0
    assert layer.growth.tolist() == [0.1, 0.2]
    with pytest.raises(ValueError, match="read-only"):
        layer.growth[0] = 1.0


GROWS = Concatenate(mf.Dense(), "relu", growth=0.5)


@pytest.mark.parametrize(
    ("block", "right", "wrong"),
    [
        (GROWS, (8, 12), (8, 8)),
        (mf.Network(GROWS, GROWS), (8, 18), (8, 12)),
        (mf.Network(GROWS, Residual("tanh", mf.Dense())), (8, 12), (8, 8)),
        (mf.Network(GROWS, mf.Dense()), (8, 5), None),
        (mf.Network(mf.Dense(), GROWS, mf.Dense()), (8, 5), None),
        (mf.Network(Residual("tanh", mf.Dense()), GROWS, mf.Dense()), (8, 8), (8, 12)),
    ],
)
def test_widths_grow_as_it_says_unless_a_dense_layer_sets_them(block, right, wrong):
    check_widths(as_blocks(block, 1), right)
    if wrong is not None:
        with pytest.raises(mf.InvalidInput, match=f"layer 1 cannot have {wrong[1]} units after {wrong[0]}"):
            check_widths(as_blocks(block, 1), wrong)
