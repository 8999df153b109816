"""Pennington, Schoenholz, Ganguli 2017 and 2018 (arXiv:1711.04735, 1802.09979): moments of φ′² and isometry."""

import math

import numpy as np
import pytest

import meanfield as mf

# q: E φ′², E φ′⁴ of tanh
MOMENTS = {
    0.1: (0.84920706840647201, 0.74978898377146705),
    0.5: (0.59242579337179639, 0.45599352921319405),
    1.0: (0.46440290244826824, 0.34150920731666354),
    2.0: (0.34950829774660281, 0.24926224048784262),
}
# depth, σ₀²: q*, sigma_w², sigma_b² of critical orthogonal tanh networks with squared singular values of variance σ₀²
ISOMETRY = {
    (32, 0.25): (0.036517114464522871, 1.0694977008702889, 5.3292444770370518e-5),
    (128, 0.25): (0.016892308825361927, 1.0329787207346334, 5.8369763921566883e-6),
    (200, 0.5): (0.019307936299652587, 1.0375715254326505, 8.6034834342654245e-6),
}


def moments(phi, q):
    return tuple(mf.expectation(lambda x, k=k: phi.derivative(x) ** (2 * k), q).value for k in (1, 2))


@pytest.mark.parametrize("q", MOMENTS)
def test_derivative_moments_of_tanh(q):
    assert moments(mf.activation("tanh"), q) == pytest.approx(MOMENTS[q], rel=1e-13)
    assert mf.gain("tanh", kind="backward", q=q).value ** -2 == pytest.approx(MOMENTS[q][0], rel=1e-13)


@pytest.mark.parametrize("q", [0.05, 0.7, 4.0])
def test_derivative_moments_with_a_formula(q):
    assert moments(mf.activation("hardtanh"), q) == pytest.approx([math.erf((2 * q) ** -0.5)] * 2, rel=1e-13)
    assert moments(mf.activation("erf"), q) == pytest.approx(
        [(4 / np.pi) ** k / np.sqrt(1 + 4 * k * q) for k in (1, 2)], rel=1e-13
    )
    scaled = mf.activation("erf(sqrt(pi)*x/2)")
    assert moments(scaled, q) == pytest.approx([(1 + np.pi * k * q) ** -0.5 for k in (1, 2)], rel=1e-12)


@pytest.mark.parametrize(("depth", "spread"), ISOMETRY)
def test_critical_tanh_networks_near_isometry(depth, spread):
    q, sigma_w2, sigma_b2 = ISOMETRY[depth, spread]
    line = mf.critical_line("tanh", sigma_b2**0.5)
    assert line.q == pytest.approx([q], rel=1e-10)
    assert line.sigma_w**2 == pytest.approx([sigma_w2], rel=1e-12)
    first, second = moments(mf.activation("tanh"), q)
    assert depth * (second / first**2 - 1) == pytest.approx(spread, rel=1e-11)


def test_relu_cannot_reach_isometry():
    first, second = moments(mf.activation("relu"), 1.0)
    assert second / first**2 - 1 == pytest.approx(1.0, rel=1e-13)
