import pytest

from meanfield.errors import InvalidInput
from meanfield.montecarlo.simulate import simulate
from meanfield.networks.block import mlp
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.residual import Residual
from meanfield.networks.stack import as_blocks, as_widths, check_widths
from meanfield.theory.depth.propagate import propagate


def test_one_block_is_repeated_and_a_list_has_one_a_layer():
    assert len(as_blocks("relu", 5)) == 1
    assert [len(block) for block in as_blocks(["relu", Network("tanh", Dense(), "tanh", Dense())], 2)] == [2, 4]
    for blocks in ([], ["relu"], ["relu"] * 3):
        with pytest.raises(InvalidInput, match="one for each layer"):
            as_blocks(blocks, 2)
    with pytest.raises(InvalidInput, match="broadcast"):
        as_blocks([mlp("relu", [1.0, 2.0]), mlp("relu", [1.0, 2.0, 3.0])], 2)


@pytest.mark.parametrize("width", [1, 0, 2.0, True, [4, 4], [4, 0, 4], [4, 4, 2.5], "4"])
def test_widths_are_integers_one_for_all_or_one_a_layer(width):
    assert as_widths([7, 1, 3], 2) == (7, 1, 3)
    with pytest.raises(InvalidInput, match="width"):
        as_widths(width, 2)


SKIP = Residual("relu", Dense())


@pytest.mark.parametrize("block", [SKIP, Network(SKIP, "relu", Dense()), Residual(Network(Dense()))])
def test_a_width_cannot_change_across_a_skip_connection(block):
    check_widths((as_blocks(block, 1)), (5, 5))
    for refuse in (propagate, simulate):
        with pytest.raises(InvalidInput, match="layer 2 cannot have 4 units after 5"):
            refuse(block, 2, width=[5, 5, 4])


@pytest.mark.parametrize("block", [Dense(), Network("relu", Dense(), SKIP), Network(Network("tanh", Dense()), SKIP)])
def test_a_width_can_change_in_a_dense_layer(block):
    run = simulate(block, 2, [5, 3, 4], networks=2, rng=0)
    assert run.widths == (5, 3, 4)
