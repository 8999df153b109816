"""Second moments from 1e-300 to 1e300, against closed forms: no product of two of them may overflow or vanish."""

import numpy as np
import pytest

import meanfield as mf

SIZES = (1e-300, 1e-170, 1e-155, 1e-100, 1e100, 1e155, 1e170, 1e300)


def of_relu(c):
    """The correlation behind a ReLU layer without biases (Cho and Saul 2009)."""
    return (np.sqrt(1 - c * c) + (np.pi - np.arccos(c)) * c) / np.pi


@pytest.mark.parametrize("q", SIZES)
@pytest.mark.parametrize("ratio", [None, 1.0, 0.25])
def test_correlations_at_every_size(q, ratio):
    q2 = None if ratio is None else ratio * q
    truths = {
        "relu": of_relu(0.5),
        "max(x, 0)": of_relu(0.5),
        "linear": 0.5,
        "sign": 1 / 3,  # 2 asin(c)/π
        "tanh": 0.5 if q < 1 else 1 / 3,
    }
    for name, truth in truths.items():
        found = mf.propagate(mf.mlp(name, 1.0, 0.0), 1, q=q, q2=q2, c=0.5)
        np.testing.assert_allclose(found.c, [0.5, truth], rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("q", SIZES)
def test_moments_gains_and_maps_at_every_size(q):
    found = {
        "E relu²": (mf.moment("relu", "ff", q).value, q / 2),
        "E relu′²": (mf.moment("relu", "dd", q).value, 0.5),
        "E relu": (mf.expectation("relu", q).value, np.sqrt(q / (2 * np.pi))),
        "E tanh²": (mf.moment("tanh", "ff", q).value, min(q, 1.0)),
        "gain of relu": (mf.gain("relu", q=q).value, np.sqrt(2 / q)),
        "gain of tanh": (mf.gain("tanh", q=q).value, max(q**-0.5, 1.0)),
        "V of relu": (mf.variance_map(mf.mlp("relu", 1.0, 0.0), q).value, q / 2),
        "C of relu": (mf.correlation_map(mf.mlp("relu", 1.0, 0.0), 0.5, q=q).value, of_relu(0.5)),
    }
    for name, (value, truth) in found.items():
        assert value == pytest.approx(truth, rel=1e-9, abs=0), name


@pytest.mark.parametrize("sigma", [1e-150, 1e-100, 1e-10, 1e10, 1e100, 1e150])
def test_weights_and_biases_at_every_size(sigma):
    assert mf.variance_map(mf.mlp("relu", sigma, 0.0), 1.0).value == pytest.approx(sigma**2 / 2, rel=1e-12)
    assert mf.variance_map(mf.mlp("linear", 0.5, sigma), 1.0).value == pytest.approx(0.25 + sigma**2, rel=1e-12)
    behind = mf.propagate(mf.mlp("tanh", 1.0, sigma), 1, q=1e-300, c=0.5)  # equal biases make the inputs equal
    np.testing.assert_allclose(behind.c[1], 1.0 if sigma > 1e-140 else 0.75, rtol=1e-9)
