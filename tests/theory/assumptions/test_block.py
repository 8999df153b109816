"""Second moments say what an activation does only to Gaussian units: what has others is refused, by name."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.residual import Residual
from meanfield.theory.assumptions.block import check_gaussian

POST_ACTIVATION = mf.Network(Residual("relu", mf.Dense()), "relu")


@pytest.mark.parametrize(
    "block",
    [
        mf.Network("tanh", "sin", mf.Dense()),
        mf.Network("tanh"),
        POST_ACTIVATION,
        mf.Network(Residual(mf.Dense(), "tanh"), Residual("tanh", mf.Dense())),
        Residual("tanh", mf.Dense(), Residual(mf.Dense(), "tanh")),
        Residual("tanh", mf.Dense(), "tanh", skip_scale=0.0),
    ],
)
def test_an_activation_that_reads_what_another_one_left_is_refused(block):
    for use in (mf.analyze, mf.fixed_points, lambda block: mf.critical_line(block, 0.1), check_gaussian):
        with pytest.raises(mf.InvalidInput, match="not Gaussian"):
            use(block)


@pytest.mark.parametrize(
    "block",
    [
        mf.mlp("tanh"),
        mf.Network(mf.Dense(), "tanh"),
        Residual("tanh", mf.Dense()),
        Residual(mf.Dense(), "tanh"),
        Residual(mf.Dense(), "tanh", mf.Dense()),
        mf.Network(Residual(mf.Dense(), "tanh"), mf.Dense(), "tanh"),
        mf.Network(Residual("tanh", mf.Dense()), Residual(mf.Dense(), "tanh"), mf.Dense()),
        Residual("tanh", mf.Dense(), Residual("relu", mf.Dense())),
    ],
)
def test_gaussian_units_are_accepted(block):
    check_gaussian(block)


def test_one_application_may_begin_and_end_with_an_activation():
    assert mf.variance_map(mf.Network("relu"), 2.0).value == pytest.approx(1.0, rel=1e-14)
    assert mf.variance_map(POST_ACTIVATION, 2.0).value == pytest.approx(1.5, rel=1e-14)
    with pytest.raises(mf.InvalidInput, match="sin needs Gaussian units, and the output of tanh is not"):
        mf.variance_map(mf.Network("tanh", "sin", mf.Dense()), 1.0)
    with pytest.raises(mf.InvalidInput, match="not Gaussian"):
        mf.correlation_map(mf.Network("tanh", "sin", mf.Dense()), 0.5, q=1.0)


def test_what_is_refused_would_have_been_wrong():
    run = mf.simulate(POST_ACTIVATION.at(sigma_w=1.0), 2, 512, networks=24, rng=0, method="exact_law")
    assert run.q.mean[1] == pytest.approx(0.75, abs=5 * run.q.standard_error[1] + 1e-3)  # one application is right
    assert abs(run.q.mean[2] / 0.75**2 - 1) > 10 * run.q.standard_error[2]  # the second one is not: q′ = ¾q no more


def test_sin_of_tanh_is_one_activation():
    x = np.linspace(-9, 9, 4001)
    density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    expected = np.trapezoid(np.sin(np.tanh(x)) ** 2 * density, x)
    assert mf.variance_map("sin(tanh(x))", 1.0).value == pytest.approx(expected, rel=1e-12)


def test_means_of_callables_are_computed_only_for_layers_that_need_them():
    phi = mf.activation(lambda x: np.sin(3 * x))
    check_gaussian(mf.mlp(phi), mf.Network(Residual(mf.RMSNorm(), phi, mf.Dense())))
    assert phi.pieces.evaluations == 0
    check_gaussian(mf.Network(mf.LayerNorm(), phi, mf.Dense()))
    assert phi.pieces.evaluations > 0
