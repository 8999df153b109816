"""Gated linear units at finite width: passes that are each other's transpose, and agreement with the theory."""

import numpy as np
import pytest
from frozen_draw import Frozen

import meanfield as mf
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.normalisation import RMSNorm
from meanfield.networks.layers.residual import Residual


def test_it_is_the_product_of_two_layers_with_matrices_and_biases_of_their_own():
    x = np.random.default_rng(1).standard_normal((2, 4))
    draw, same = Frozen(), Frozen()
    value, _ = forward(mf.Dense(1.5, 0.3), x, draw)
    gate, _ = forward(mf.Network(mf.Dense(1.5, 0.3), "silu"), x, draw)
    np.testing.assert_allclose(forward(Gated("silu", 1.5, 0.3), x, same)[0], value * gate, rtol=1e-15)
    assert not np.allclose(value, mf.activation("silu")(value) / gate * value)


def test_a_law_for_each_matrix_in_the_order_of_value_and_gate():
    seen = []

    def law(name):
        def sampler(rng, fan_out, fan_in):
            seen.append((name, fan_out, fan_in))
            return rng.standard_normal((fan_out, fan_in)) / fan_in**0.5

        return sampler

    block = mf.Network(Gated("silu"), mf.Dense())
    run = mf.simulate(block, 1, [6, 4], networks=2, rng=0, weights=[law("W"), law("V"), law("out")])
    assert seen[:3] == [("W", 4, 6), ("V", 4, 6), ("out", 4, 4)]
    assert len(run.matrices) == 3
    with pytest.raises(mf.InvalidInput, match="3"):
        mf.simulate(block, 1, [6, 4], networks=2, rng=0, weights=[law("W"), law("V")])


@pytest.mark.parametrize("weights", ["uniform", "orthogonal", "sparse"])
def test_matrices_of_other_laws_agree_with_the_theory(weights):
    block = Residual(RMSNorm(), Gated("silu", 1.3), mf.Dense(0.9), branch_scale=0.4)
    assert mf.crosscheck(block, 4, 128, networks=16, c=0.3, rng=2, weights=weights)


def test_beside_a_convolution_it_acts_on_each_pixel():
    block = mf.Network(RMSNorm(), Gated("tanh", 1.3, 0.2), Conv(0.9, 0.1, kernel_size=3))
    assert mf.crosscheck(block, 3, 128, networks=12, c=0.3, rng=0, method="exact_law")


def test_hidden_units_of_their_own_make_q_vary_less():
    """n Var ln q behind one block is 2 + 21/expansion, since E y⁴/(E y²)² of SwiGLU's hidden units is about 22."""
    found = []
    for expansion in (1.0, 8.0):
        block = mf.Network(RMSNorm(), Gated("silu", expansion=expansion), mf.Dense())
        run = mf.simulate(block, 1, 64, networks=150, method="exact_law", rng=0)
        found.append(run.q.standard_error[-1] / run.q.mean[-1])
        assert run.q.mean[-1] == pytest.approx(mf.propagate(block, 1).q[-1], abs=4 * run.q.standard_error[-1])
    assert 1.5 < found[0] / found[1] < 3.0
