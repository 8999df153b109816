"""Doshi, He, Gromov 2021 (arXiv:2111.12143): critical points by the averaged partial Jacobian norm."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.residual import Residual


@pytest.mark.parametrize(
    ("name", "sigma_w", "sigma_b", "rounded"),
    [
        ("relu", 2**0.5, 0.0, (1.414, 0.0)),
        ("erf", 0.88622692545275801, 0.0, (0.886, 0.0)),
        ("gelu", 1.408211013107605, 0.41583938095864292, (1.408, 0.416)),
    ],
)
def test_critical_points(name, sigma_w, sigma_b, rounded):
    point = mf.critical_point(name)
    assert point.sigma_w == pytest.approx(sigma_w, rel=1e-14)
    assert point.sigma_b == pytest.approx(sigma_b, rel=1e-12)
    assert (point.sigma_w, point.sigma_b) == pytest.approx(rounded, abs=5e-4)


def test_the_jacobian_of_erf_decays_like_the_inverse_of_depth():
    block = mf.mlp("erf", (np.pi / 4) ** 0.5)
    short, long = (mf.propagate(block, depth, q=1.0).gradient[0] for depth in (1000, 2000))
    assert np.log2(short / long) == pytest.approx(1.0, abs=5e-3)


def test_the_jacobian_of_relu_stays():
    assert mf.propagate(mf.mlp("relu", 2**0.5), 1000).gradient == pytest.approx(1.0, rel=1e-12)


NORMALISED = {  # sigma_b/sigma_w = √(E φ′² − E φ²) at q = 1
    "erf": 0.32380701094355827,
    "gelu": 0.17501252263477733,
    "tanh": 0.26477993135890618,
    "silu": 0.15397023028974514,
    "elu": 0.1521728744890059,
    "sin": 0.36787944117144232,
}
normalised = pytest.mark.parametrize(("name", "ratio"), NORMALISED.items())


@pytest.mark.sweep(3)
@normalised
@pytest.mark.parametrize("norm", [LayerNorm, RMSNorm])
def test_the_critical_line_with_normalised_pre_activations(name, ratio, norm):
    for block in (
        mf.Network(norm(), name, mf.Dense()),
        mf.Network(name, mf.Dense(), norm()),
        Residual(norm(), name, mf.Dense(), skip_scale=0.6),
        Residual(norm(), name, mf.Dense(), skip_scale=0.95),
    ):
        line = mf.critical_line(block, [0.5 * ratio, 2 * ratio])
        assert line.sigma_w == pytest.approx([0.5, 2.0], rel=1e-10)
        assert np.all(np.abs(line.sigma_w - [0.5, 2.0]) <= line.error)
        assert line.stable.all()


def test_relu_with_normalised_pre_activations_is_critical_without_biases_whatever_its_weights():
    block = mf.Network(LayerNorm(), "relu", mf.Dense())
    for sigma_w in (0.1, 1.0, 30.0):
        assert mf.analyze(block.at(sigma_w=sigma_w, sigma_b=0.0)).chi_1 == pytest.approx(1.0, rel=1e-14)
    assert len(mf.critical_line(block, [0.01, 1.0])) == 0


@normalised
@pytest.mark.parametrize("mu", [0.0, 0.3, 0.9])
def test_fixed_point_and_gradient_factor_with_a_skip_weight(name, ratio, mu):
    sigma_w, sigma_b = 1.2, 0.25
    second = float(mf.variance_map(mf.mlp(name), 1.0))
    weights, signal = sigma_w**2 * (second + ratio**2), sigma_w**2 * second + sigma_b**2
    a = mf.analyze(Residual(LayerNorm(), name, mf.Dense(sigma_w, sigma_b), skip_scale=mu))
    assert a.q_star == pytest.approx(signal / (1 - mu**2), rel=1e-12)
    assert a.chi_1 == pytest.approx(mu**2 + (1 - mu**2) * weights / signal, rel=1e-12)
    assert a.chi_parallel == pytest.approx(mu**2, rel=1e-12)


@pytest.mark.sweep(2)
@pytest.mark.parametrize(("sigma_w", "sigma_b"), [(1.5, 0.0), (1.0, 0.5)])
def test_with_a_whole_skip_the_jacobian_grows_like_a_power_of_depth(sigma_w, sigma_b):
    """J ~ l^ζ with ζ = σ_w²/(σ_w² + 2σ_b²) for ReLU."""
    gradient = mf.propagate(Residual(LayerNorm(), "relu", mf.Dense(sigma_w, sigma_b)), 2000).gradient
    zeta = np.log(gradient[1000] / gradient[2000]) / np.log(2)
    assert zeta == pytest.approx(sigma_w**2 / (sigma_w**2 + 2 * sigma_b**2), rel=1e-3)
    assert mf.analyze(Residual(LayerNorm(), "relu", mf.Dense(sigma_w, sigma_b))).chi_1 == pytest.approx(1.0, rel=1e-12)
