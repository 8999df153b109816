"""Bands about trajectories: the expansion read backwards against itself read forwards, and drawn networks."""

import math

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.block import mlp
from meanfield.theory.fluctuations.families import plain_layers
from meanfield.theory.fluctuations.plain import gradient_to_last, plain


@pytest.mark.parametrize("phi", ["tanh", "elu", "gelu", lambda x: np.abs(x - 0.3)])
def test_backwards_is_forwards(phi):
    """The gradient of the last layer with respect to the first, by the sum over layers and by the recursion."""
    layers, shares = plain_layers(mlp(phi, 1.3, 0.2)) * 6, 1.0 / np.array([64.0, 200, 90, 128, 300, 70])
    for fixed_norm in (False, True):
        found = plain(layers, 0.8, shares, fixed_norm=fixed_norm)
        back = gradient_to_last(layers, found, shares)
        assert back.var[0] == pytest.approx(found.var_log_gradient[-1], rel=1e-11)
        assert back.shift[0] == pytest.approx(found.shift_log_gradient[-1], rel=1e-10)
        assert back.var[-1] == back.shift[-1] == 0.0
    behind = plain(layers[4:], float(found.q[4]), shares[4:])  # from a layer whose q fluctuates, more is left
    assert back.var[4] >= behind.var_log_gradient[-1] > 0


def test_one_layer_of_drawn_networks():
    """20,000 networks of width 128: q at layer 3 and the gradient across the next layer, within 4 standard errors."""
    sigma_w, sigma_b, width, count = 1.2, 0.1, 128, 20_000
    rng = np.random.default_rng(2)
    run = mf.propagate(mf.mlp("elu", sigma_w, sigma_b), 4, width=width)
    h = rng.standard_normal((count, width))
    h /= np.sqrt(np.mean(h**2, axis=1, keepdims=True))
    for _ in range(3):
        g = sigma_b**2 + sigma_w**2 * np.mean(np.where(h > 0, h, np.expm1(np.minimum(h, 0))) ** 2, axis=1)
        h = np.sqrt(g)[:, None] * rng.standard_normal((count, width))
    slope = np.exp(np.minimum(h, 0)) * rng.standard_normal((count, width))
    drawn = {"q": (3, np.mean(h**2, axis=1)), "gradient": (3, sigma_w**2 * np.mean(slope**2, axis=1))}
    for name, (layer, values) in drawn.items():
        low, high = np.log(getattr(run, f"{name}_band")[:, layer])
        sample = np.log(values)
        spread, middle = sample.std(), sample.mean()
        assert abs((low + high) / 2 - middle) < 4 * spread / math.sqrt(count) + 0.001  # and terms of second order
        assert (high - low) / 2 == pytest.approx(spread, rel=4 / math.sqrt(2 * count) + 0.02)


def test_where_there_is_no_band_there_is_a_reason():
    without = mf.propagate("tanh", 3)
    assert (without.q_band, without.gradient_band) == (None, None)
    assert "need the width" in without.band_reason
    norm = mf.propagate("layernorm, tanh, dense", 3, width=64)
    assert norm.q_band is norm.gradient_band is None
    assert "does not know LayerNorm" in norm.band_reason
    deep = mf.propagate(mf.mlp("relu", 2**0.5), 50, width=64)
    assert deep.q_band is None
    assert "take more width or less depth" in deep.band_reason
    several = mf.propagate("tanh", 3, q=[1.0, 2.0], width=64)
    assert several.q_band is None
    assert "one network and one q" in several.band_reason
    jumps = mf.propagate(mf.mlp("sign", 1.0, 0.1), 3, width=64)
    assert jumps.q_band.shape == (2, 4)
    assert jumps.gradient_band is None
    assert "jumps" in jumps.band_reason
    stream = mf.propagate("residual(dense(1.2), tanh, dense, scale=0.5)", 3, width=256)
    assert stream.q_band.shape == (2, 4)
    assert stream.gradient_band is None
    assert "no band" in stream.band_reason
    single = mf.propagate("residual(tanh, dense, scale=0.5)", 3, width=256)
    assert single.q_band is None
    assert "known of plain blocks" in single.band_reason


def test_bands_lie_about_the_trajectory():
    run = mf.propagate(mf.mlp("tanh", 1.3, 0.2), 10, c=0.5, width=512)
    assert run.band_reason == ""
    assert np.all(run.q_band[0] <= run.q * (1 + 1e-12))
    assert np.all(run.q_band[1] >= run.q * (1 - 1e-12))
    assert np.allclose(run.q_band[:, 0], run.q[0], rtol=1e-14)  # the input is what it is
    wide = mf.propagate(mf.mlp("tanh", 1.3, 0.2), 10, width=10**8)
    assert np.allclose(wide.gradient_band, wide.gradient, rtol=1e-3)
    drawn = run_plot(run)
    assert len(drawn[0].collections) == 1
    assert len(run_plot(run, bands=False)[0].collections) == 0


def run_plot(run, *, bands=True):
    from meanfield.plotting.trajectory import plot_propagation

    return plot_propagation(run, bands=bands)


@pytest.mark.parametrize("q", [1e-300, 1e-160, 1e155, 1e300])
def test_extreme_sizes_have_bands_or_a_reason(q):
    run = mf.propagate(mf.mlp("tanh", 1.3, 0.2), 3, q=q, width=64)
    assert np.isfinite(run.q).all()
    assert (run.q_band is None) == (run.band_reason != "")
    assert run.q_band is None or np.isfinite(run.q_band).all()
    f = mf.fluctuations(mf.mlp("relu", 1.2), 3, 64, q=q, c=0.5)
    assert f.valid == np.isfinite(f.var_log_q).all() == np.isfinite(f.var_c).all() == (f.reason == "")
