"""Orbits of many layers: as exact as layer by layer, at criticality too, where errors would add up."""

import mpmath
import numpy as np
import pytest

import meanfield as mf
from meanfield.theory.depth import propagate as propagation


def relu_orbit(layers):
    """1 − c after the given numbers of layers under He's initialisation from c = 0, in 25 digits (Cho & Saul 2009)."""
    with mpmath.workdps(25):
        gap, found = mpmath.mpf(1), []
        for layer in range(1, max(layers) + 1):
            angle = 2 * mpmath.asin(mpmath.sqrt(gap / 2))
            gap = 1 - (mpmath.sin(angle) + (mpmath.pi - angle) * mpmath.cos(angle)) / mpmath.pi
            if layer in layers:
                found.append(float(gap))
    return found


def test_relu_at_criticality_keeps_its_digits_for_ten_thousand_layers():
    layers = [100, 1000, 10_000]
    found = mf.propagate(mf.mlp("relu", 2**0.5), layers[-1], c=0.0).one_minus_c[layers]
    np.testing.assert_allclose(found, relu_orbit(layers), rtol=1e-12)


@pytest.mark.long
@pytest.mark.slow
def test_a_million_layers_approach_the_inverse_square_law():
    t = mf.propagate(mf.mlp("relu", 2**0.5), 10**6, c=0.0)
    assert t.one_minus_c[-1] * 1e12 == pytest.approx(9 * np.pi**2 / 2, rel=1e-4)
    # 1 − c ≈ κ/(l + a ln l + b)²: what is missing falls like ln l/l
    missing = [1 - t.one_minus_c[n] * n**2 / (9 * np.pi**2 / 2) for n in (10**4, 10**5, 10**6)]
    assert missing[0] / missing[1] == pytest.approx(10 * np.log(1e4) / np.log(1e5), rel=0.1)
    assert missing[1] / missing[2] == pytest.approx(10 * np.log(1e5) / np.log(1e6), rel=0.1)


@pytest.mark.sweep(2)
@pytest.mark.parametrize(
    ("spec", "sigma_w", "sigma_b"),
    [
        ("tanh", 1.0, 0.1),
        ("tanh", 2.0, 0.1),
        ("gelu", 1.4, 0.5),
        ("sign", 1.2, 0.3),
        (lambda x: np.clip(x, -1, 1), 1.3, 0.2),
    ],
    ids=["ordered", "chaotic", "gelu", "jump", "callable"],
)
def test_following_the_orbit_is_going_layer_by_layer(spec, sigma_w, sigma_b, monkeypatch):
    block = mf.mlp(spec, sigma_w, sigma_b)
    followed = mf.propagate(block, 400, c=0.3)
    monkeypatch.setattr(propagation, "LONG", 10**9)
    stepped = mf.propagate(block, 400, c=0.3)
    np.testing.assert_allclose(followed.q, stepped.q, rtol=1e-12)
    np.testing.assert_allclose(followed.one_minus_c, stepped.one_minus_c, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(followed.gradient, stepped.gradient, rtol=1e-9)


def test_many_correlations_at_once_are_followed_like_one():
    block, c = mf.mlp("tanh", 2.0, 0.1), np.linspace(-1, 1, 21)
    together = mf.propagate(block, 500, c=c).c
    alone = np.stack([mf.propagate(block, 500, c=float(x)).c for x in c[::5]], axis=1)
    np.testing.assert_allclose(together[:, ::5], alone, atol=1e-12)
