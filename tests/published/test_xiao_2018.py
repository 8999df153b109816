"""Xiao et al. 2018 (arXiv:1806.05393): the critical tanh initialisation with tiny biases."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.convolution import Conv
from meanfield.theory.depth.fourier_modes import mode_depth_scales


def test_the_published_initialisation_is_rounded():
    line = mf.critical_line("tanh", 2.01e-5**0.5)
    assert line.sigma_w**2 == pytest.approx([1.0499956284990394], rel=1e-13)
    assert line.q == pytest.approx([0.025918602748049455], rel=1e-11)
    assert line.sigma_w[0] ** 2 == pytest.approx(1.05, abs=5e-6)


@pytest.mark.parametrize("q", [1e-2, 1e-3, 1e-4])
def test_the_tanh_line_near_the_origin(q):
    line = mf.critical_line("tanh", (4 / 3 * q**3) ** 0.5)  # sigma_b² = (4/3)q³ + O(q⁴)
    assert line.q == pytest.approx([q], rel=5 * q)
    settled = line.q[0]
    assert line.sigma_w[0] ** 2 - 1 == pytest.approx(2 * settled - 3 * settled**2, rel=20 * settled**2, abs=1e-13)
    assert np.all(line.stable)


@pytest.mark.parametrize("kernel_size", [3, (3, 3), (2, 5)])
def test_convolutions_have_the_critical_line_of_dense_layers(kernel_size):
    line = mf.critical_line(mf.Network("tanh", Conv(kernel_size=kernel_size)), 2.01e-5**0.5)
    assert line.sigma_w**2 == pytest.approx([1.0499956284990394], rel=1e-13)
    assert line.q == pytest.approx([0.025918602748049455], rel=1e-11)


def test_the_factors_of_a_uniform_kernel():
    factor = mode_depth_scales(mf.Network("tanh", Conv(1.05**0.5, 2.01e-5**0.5)), 16).factor
    published = [1, 0.9492530216741911, 0.8047378541243649, 0.5884556215767266, 1 / 3]
    assert factor[:5] == pytest.approx(published, rel=1e-14)
    assert factor[-1:-5:-1] == pytest.approx(published[1:], rel=1e-14)


@pytest.mark.parametrize("k", [3, 5, 7])
def test_the_factors_are_dirichlet_kernels(k):
    modes = mode_depth_scales(mf.Network("tanh", Conv(1.2, 0.1, k)), 32)
    half = modes.omega[1:] / 2
    np.testing.assert_allclose(modes.factor[1:], np.sin(k * half) / np.sin(half) / k, atol=1e-15)


def test_at_criticality_a_uniform_kernel_keeps_the_mean_and_a_delta_kernel_every_mode():
    line = mf.critical_line("tanh", 0.1)
    uniform, delta = (
        mode_depth_scales(mf.Network("tanh", Conv(line.sigma_w[0], 0.1, weights=weights)), 16)
        for weights in ("uniform", "delta")
    )
    assert np.isinf(uniform.xi[0])
    np.testing.assert_allclose(uniform.xi[1:], -1 / np.log(np.abs(uniform.factor[1:])), rtol=1e-9)
    assert np.isinf(delta.xi).all()
