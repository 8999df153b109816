"""Weights at which all singular values stay near 1, and exponents of infinitely deep networks."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import meanfield as mf

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "spectra.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("key", ["tanh|21", "erf|21", "sin|22", "gelu|11"])
def test_isometry_of_the_reference(key):
    row, name = REFERENCE["isometry_L32_var025"][key], key.split("|")[0]
    found = mf.isometry("erf(x)" if name == "erf" else name, 32)
    assert found.reachable
    assert found.q == pytest.approx(row["q"], rel=1e-9)
    assert found.sigma_w**2 == pytest.approx(row["sigma_w2"], rel=1e-11)
    assert found.sigma_b**2 == pytest.approx(row["sigma_b2"], rel=1e-7)
    assert ("unstable" in found.reason) == (row["chi_par"] > 1)


def test_the_spectrum_at_the_point_has_the_spread():
    found = mf.isometry("silu", 16, spread=0.1)
    assert float(found.spectrum.spread) == pytest.approx(0.1, rel=1e-6)
    assert float(found.spectrum.moments[0]) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize(
    ("phi", "word"), [("relu", "32"), ("leaky_relu(0.2)", "27.27"), ("softplus", "mean"), ("sigmoid", "mean")]
)
def test_what_cannot_be_isometric(phi, word):
    found = mf.isometry(phi, 32)
    assert not found.reachable
    assert word in found.reason
    with pytest.raises(mf.InvalidInput, match="no spectrum"):
        _ = found.spectrum


def test_the_modulus_is_isometric():
    found = mf.isometry("abs(x)", 32)
    assert (found.reachable, found.sigma_w, found.sigma_b, found.spread) == (True, 1.0, 0.0, 0.0)


def test_exponents_against_the_reference():
    tanh = mf.lyapunov(mf.mlp("tanh", 1.687975120577535**0.5), q=0.5, weights="orthogonal")
    assert tanh.quantile([0.1, 0.5, 0.9]).value == pytest.approx(
        [-0.7453897421, -0.2213132363, -0.0319262897], abs=1e-10
    )
    sigma_w = float(mf.gain("silu", kind="backward", q=2.0))
    silu = mf.lyapunov(mf.mlp("silu", sigma_w), q=2.0)
    assert silu.quantile([0.1, 0.5, 0.9]).value == pytest.approx(
        [-5.8463693928, -1.7201309177, -0.2231645670], abs=1e-9
    )


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_the_mean_of_the_exponents_is_their_integral(scale, weights):
    """Of residual branches weaker and stronger than the skip connection; the mean comes from Jensen's formula."""
    found = mf.lyapunov(mf.Residual(mf.Dense(1.2), branch_scale=scale), q=1.0, weights=weights)
    nodes, weight = np.polynomial.legendre.leggauss(200)
    u = 0.5 - 0.5 * np.cos(0.5 * math.pi * (nodes + 1))
    step = 0.25 * math.pi * weight * np.sin(0.5 * math.pi * (nodes + 1))
    integral = float((found.quantile(u).value * step).sum())
    assert integral == pytest.approx(float(found.log_mean), abs=2e-4)


def test_leaky_units_that_die_have_no_exponent():
    found = mf.lyapunov(mf.mlp("relu", 2**0.5))
    assert found.mass_at_zero == 0.5
    assert np.isneginf(found.quantile(0.4).value)
    assert float(found.quantile(0.75)) == pytest.approx(math.log(2 * 0.25), rel=1e-12)  # ln 2(u - 1/2)
