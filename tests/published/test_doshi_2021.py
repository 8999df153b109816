"""Doshi, He, Gromov 2021 (arXiv:2111.12143): critical points by the averaged partial Jacobian norm."""

import numpy as np
import pytest

import meanfield as mf


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
