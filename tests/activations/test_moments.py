"""Moments of every rung, public and internal, against 15 digits; closed forms go with functions, not with names."""

import json

import numpy as np
import pytest
from paths import REFERENCE_FILES

import meanfield as mf

TARGETS = json.loads((REFERENCE_FILES / "targets.json").read_text())["gauss_moments_q1"]
NAMES = {"relu_sq": "squared_relu", "leaky_relu_0.01": "leaky_relu"}
PRODUCTS = {"mean": "f", "V": "ff", "D": "dd", "Dp4": "dddd", "V4": "ffff", "D2": "ss"}
CASES = [
    (name, field)
    for name in TARGETS
    if not name.startswith("leaky_relu_0.1") and not name.startswith("leaky_relu_0.2")
    for field in PRODUCTS
    if TARGETS[name][field] is not None
]


@pytest.mark.parametrize(("name", "field"), CASES)
def test_moments_agree_with_the_targets(name, field):
    estimate = mf.moment(NAMES.get(name, name), PRODUCTS[field])
    truth = TARGETS[name][field]
    scale = max(abs(truth), TARGETS[name]["V"] if field == "mean" else 0.0)
    assert abs(estimate.value - truth) <= 3e-13 * scale + 1e-15 * (field == "mean") + (3e-11 * scale) * (field == "D2")
    assert abs(estimate.value - truth) <= estimate.error + 1e-15 * max(scale, 1.0)


@pytest.mark.parametrize("name", ["relu", "abs", "hardtanh", "selu"])
def test_second_derivative_of_a_kink_is_infinite_and_says_so(name):
    with pytest.raises(mf.InfiniteDerivative, match="kink"):
        mf.moment(name, "ss")


@pytest.mark.parametrize("product", ["", "fg", "F", 2, None, "f f"])
def test_products_of_other_letters_are_refused(product):
    with pytest.raises(mf.InvalidInput, match="letters f, d, s and x"):
        mf.moment("relu", product)


def test_shapes_follow_q():
    assert mf.moment("tanh", "xfd", q=[[0.1, 1.0]]).value.shape == (1, 2)


def test_a_closed_form_belongs_to_a_function_not_to_its_name():
    def relu(x):
        return np.maximum(x, 0) + 1

    exact = 0.5 + 2 / np.sqrt(2 * np.pi) + 1
    assert float(mf.gain(relu)) == pytest.approx(exact**-0.5, rel=1e-13)
    assert float(mf.gain(mf.activation(np.tanh, name="gelu"))) == pytest.approx(1.5925374197228314, rel=1e-13)


@pytest.mark.parametrize("name", mf.catalogue())
def test_closed_forms_and_quadrature_agree(name):
    phi = mf.activation(name)
    q = np.array([1e-3, 0.7, 9.0])
    pairs = [(phi.moments.mean, "f"), (phi.moments.second_moment, "ff")]
    if not phi.jumps:
        pairs.append((phi.moments.derivative_moment, "dd"))
    for by_moments, product in pairs:
        value, error = by_moments(q)
        numeric = mf.moment(phi, product, q)
        assert np.all(np.abs(value - numeric.value) <= error + numeric.error), product
