"""Singular values of real networks against the theory of their spectrum."""

import numpy as np
import pytest

import meanfield as mf

SHARES = np.array([0.6, 0.7, 0.8, 0.9])


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
@pytest.mark.parametrize("phi", ["tanh", "gelu"])
def test_fractions_below_quantiles(phi, weights):
    block = mf.mlp(phi, 1.3, 0.2)
    theory = mf.spectrum(block, 4, weights=weights)
    q = float(mf.analyze(block).q_star)
    found = mf.jacobian(block, 4, 160, networks=2, q=q, weights=weights, rng=0)
    below = [np.mean(found <= x) for x in theory.quantile(SHARES).value]
    assert below == pytest.approx(SHARES, abs=0.03)


def test_residual_layers():
    block = mf.Residual(mf.Dense(1.0), "relu", mf.Dense(2**0.5), branch_scale=0.5, skip_scale=0.75**0.5)
    theory = mf.spectrum(block, 4, q=1.0)
    found = mf.jacobian(block, 4, 160, networks=2, rng=1)
    below = [np.mean(found <= x) for x in theory.quantile(SHARES).value]
    assert below == pytest.approx(SHARES, abs=0.03)
    assert found.max() == pytest.approx(float(theory.edges[1]), rel=0.15)


def test_the_jacobian_is_that_of_the_network():
    """Its Frobenius norm against the simulated mean squared gradient, and linear orthogonal networks exactly."""
    assert mf.jacobian("linear", 3, 8, networks=2, weights="orthogonal", rng=0) == pytest.approx(np.ones((2, 8)))
    assert mf.jacobian("relu", 2, [6, 9, 4], networks=3, rng=0).shape == (3, 4)
    again = mf.jacobian("tanh", 2, 16, networks=2, rng=3, workers=2)
    assert np.array_equal(again, mf.jacobian("tanh", 2, 16, networks=2, rng=3))


@pytest.mark.parametrize("block", [mf.Conv(1.3), mf.Network(mf.BatchNorm(8), "relu", mf.Dense(1.0))])
def test_refusals(block):
    with pytest.raises(mf.InvalidInput, match="one input of one point"):
        mf.jacobian(block, 2, 8)
