"""Activations with one function a channel: every moment is the mean over units, and simulation agrees."""

import pickle

import numpy as np
import pytest

import meanfield as mf
from meanfield.errors import InvalidInput

SLOPES = np.array([0.1, 0.25, -0.3, 0.8])


@pytest.fixture(scope="module")
def prelu():
    return mf.activation("prelu", init=SLOPES)


@pytest.mark.parametrize("slopes", [SLOPES, np.random.default_rng(0).normal(0.25, 0.1, 1000), [0.5] * 3 + [0.1]])
def test_moments_of_prelu_are_polynomials_of_its_slopes(slopes):
    phi, a, q = mf.activation("prelu", init=slopes), np.asarray(slopes), np.array([0.3, 1.0, 40.0])
    mean, square = a.mean(), np.mean(a**2)
    c = 0.3
    kappa = (np.sqrt(1 - c**2) + c * (np.pi - np.arccos(c))) / (2 * np.pi)  # of ReLU; −c for ReLU(x)ReLU(−x)
    opposite = (np.sqrt(1 - c**2) - c * np.arccos(c)) / (2 * np.pi)
    expected = {
        "mean": np.sqrt(q / (2 * np.pi)) * (1 - mean),
        "independent": q / (2 * np.pi) * np.mean((1 - a) ** 2),
        "second_moment": q * (1 + square) / 2,
        "variance": q * ((1 + square) / 2 - (1 - mean) ** 2 / (2 * np.pi)),
        "second_moment_slope": (1 + square) / 2 + 0 * q,
        "derivative_moment": (1 + square) / 2 + 0 * q,
        "fourth_moment": 1.5 * q**2 * (1 + np.mean(a**4)),
    }
    for name, right in expected.items():
        value, error = getattr(phi.moments, name)(q)
        assert np.all(np.abs(value - right) <= error + 1e-14 * right), name
        assert np.all(error <= 1e-12 * right), name
    value, error = phi.moments.product(q, q, 1 - c)
    right = q * (kappa * (1 + square) - 2 * mean * opposite)
    assert np.all(np.abs(value - right) <= error + 1e-14 * right)


def test_gains_and_critical_points_are_those_of_the_mean_square_slope(prelu):
    half = (1 + np.mean(SLOPES**2)) / 2
    for kind in ("forward", "backward"):
        assert mf.gain(prelu, kind=kind).value == pytest.approx(half**-0.5, rel=1e-14)
    point = mf.critical_point(prelu)
    assert point.universality == "scale_invariant"
    assert point.sigma_w == pytest.approx(half**-0.5, rel=1e-14)
    assert mf.recommend(prelu).growth == pytest.approx(1, rel=1e-9)
    assert mf.analyze(mf.mlp(prelu, 1.2, 0.3)).chi_1 == pytest.approx(1.44 * half, rel=1e-13)
    assert mf.moment(prelu, "ffffff").value == pytest.approx(7.5 * (1 + np.mean(SLOPES**6)), rel=1e-12)


@pytest.mark.parametrize("name", ["variance_map", "propagate", "kernel", "ntk", "pair_expectation"])
def test_maps_are_means_of_the_maps_of_the_functions(prelu, name):
    ask = {
        "variance_map": lambda phi: mf.variance_map(phi, 2.0).value,
        "propagate": lambda phi: mf.propagate(mf.mlp(phi, 1.2, 0.3), 1, c=0.2).q[1],
        "kernel": lambda phi: mf.kernel(mf.mlp(phi, 1.2, 0.3), [[1.0, 2.0], [1.0, -0.5]], 1),
        "ntk": lambda phi: mf.ntk(mf.mlp(phi, 1.2, 0.3), [[1.0, 2.0], [1.0, -0.5]], 1),
        "pair_expectation": lambda phi: mf.pair_expectation(phi, c=-0.4).value,
    }[name]
    each = [ask(mf.activation("prelu", init=slope)) for slope in SLOPES]
    np.testing.assert_allclose(ask(prelu), np.mean(each, axis=0), rtol=1e-12)


def test_means_that_cancel_over_units_still_correlate_signals():
    phi = mf.activation("prelu", init=[0.0, 2.0])
    assert phi.has_zero_mean(1.0)
    c = mf.propagate(mf.mlp(phi, 1.5**-0.5), 1, c=0.0).c[1]
    assert c == pytest.approx(1 / (2 * np.pi) / 1.5, rel=1e-12)  # E (E φ)²/E φ²
    assert mf.analyze(mf.mlp(phi, 1.5**-0.5)).c_star == 1


@pytest.mark.parametrize(
    "block",
    [
        lambda phi: mf.mlp(phi, 1.2, 0.3),
        lambda phi: mf.Network(phi, mf.LayerNorm(), mf.Dense(1.2)),
        lambda phi: mf.Network(mf.BatchNorm(8), phi, mf.Dense(1.1)),
        lambda phi: mf.Network(mf.Residual(phi, mf.Dense()), mf.Dense(0.9)),
    ],
)
@pytest.mark.parametrize("slopes", [SLOPES, [0.0, 2.0]])
def test_simulated_networks_agree(block, slopes):
    phi = mf.activation("prelu", init=slopes)
    assert mf.crosscheck(block(phi), depth=3, width=64, c=0.2, rng=1).passed


def test_any_parameters_of_the_catalogue_may_differ_by_channel():
    phi = mf.activation("swish", beta=[0.5, 1.0, 3.0])
    each = [mf.moment(mf.activation("swish", beta=beta), "ff").value for beta in (0.5, 1.0, 3.0)]
    assert mf.gain(phi).value == pytest.approx(np.mean(each) ** -0.5, rel=1e-13)
    steps = mf.activation("hardtanh", min_val=[-1.0, -2.0], max_val=1.0)
    assert steps.breakpoints == (-2.0, -1.0, 1.0)
    np.testing.assert_array_equal(steps([-3.0, -3.0, 0.5, 5.0]), [-1.0, -2.0, 0.5, 1.0])
    np.testing.assert_array_equal(steps.derivative([-1.5, -1.5]), [0.0, 1.0])
    with_surrogate = mf.activation("prelu", init=SLOPES, surrogate=1)
    assert mf.gain(with_surrogate, kind="backward").value == 1


def test_copies_equal_slopes_and_refusals(prelu):
    copy = pickle.loads(pickle.dumps(prelu))
    assert repr(copy) == repr(prelu) == "activation('prelu', 4 functions in 4 channels)"
    np.testing.assert_array_equal(copy(np.full((2, 8), -1.0)), -np.tile(SLOPES, (2, 2)))
    assert mf.activation("prelu", init=[0.3, 0.3]) is mf.activation("prelu", init=0.3)
    for wrong, message in [
        (lambda: mf.hermite_coefficients(prelu, 3), "this takes one function, and prelu has 4 in 4 channels"),
        (lambda: mf.pair_expectation(prelu, "relu", c=0.2), "this takes one function"),
        (lambda: prelu(0.3), "the last axis of an array must be the units, a multiple of 4"),
        (lambda: mf.simulate(mf.mlp(prelu), depth=2, width=30), "a multiple of 4, not 30"),
        (
            lambda: mf.activation("prelu", init=[[1.0, 2.0]]),
            r"numbers or lists of one length, not init of shape \(1, 2\)",
        ),
        (lambda: mf.activation("prelu", init=[]), r"init must be a number or a list of numbers, not \[\]"),
        (lambda: mf.activation("prelu", init=[1.0, np.nan]), "init must be a finite number, not nan"),
    ]:
        with pytest.raises(InvalidInput, match=message):
            wrong()
