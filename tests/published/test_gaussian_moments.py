"""The table of Gaussian moments at q = 1, each to the digits of a float."""

import json

import numpy as np
import pytest
import sympy
from paths import REFERENCE_FILES

import meanfield as mf

TABLE = json.loads((REFERENCE_FILES / "targets.json").read_text())["gauss_moments_q1"]
SPECS = {
    **{f"leaky_relu_{a}": ("leaky_relu", {"negative_slope": float(a)}) for a in ("0.01", "0.1", "0.2")},
    "atan": ("arctan", {}),
    "relu_sq": ("squared_relu", {}),
}
SMOOTH = tuple(
    name for name, row in TABLE.items() if row["D2"] and name not in ("elu", "softsign", "relu_sq")
)  # the others have a kink in φ or φ′, where their formulas are not to be differentiated twice


def phi_of(name):
    spec, parameters = SPECS.get(name, (name, {}))
    return mf.activation(spec, **parameters)


@pytest.mark.parametrize("name", TABLE)
def test_first_and_second_moments(name):
    row, phi = TABLE[name], phi_of(name)
    mean, v = mf.expectation(phi), mf.expectation(lambda x: phi(x) ** 2)
    assert mean.value == pytest.approx(row["mean"], rel=1e-13, abs=1e-15)
    assert v.value == pytest.approx(row["V"], rel=1e-13)
    assert mf.variance_map(mf.mlp(phi), 1.0).value == pytest.approx(row["V"], rel=1e-13)
    assert v.value - mean.value**2 == pytest.approx(row["var"], rel=1e-12)


@pytest.mark.parametrize("name", TABLE)
def test_gains(name):
    row, gains = TABLE[name], mf.gains(phi_of(name))
    for kind, target in (("forward", row["gain2"]), ("centered", row["gainvar"]), ("backward", row["D"] ** -0.5)):
        assert gains[kind].value == pytest.approx(target, rel=2e-13), kind
        assert abs(gains[kind].value - target) <= gains[kind].error + 4e-16 * target, kind


@pytest.mark.parametrize("name", TABLE)
def test_fourth_moments(name):
    row, phi = TABLE[name], phi_of(name)
    assert mf.expectation(lambda x: phi(x) ** 4).value == pytest.approx(row["V4"], rel=1e-12)
    assert mf.expectation(lambda x: phi.derivative(x) ** 4).value == pytest.approx(row["Dp4"], rel=1e-12)


@pytest.mark.sweep(2)
@pytest.mark.parametrize("name", TABLE)
def test_slope_of_the_second_moment(name):
    row, phi = TABLE[name], phi_of(name)
    z_form = mf.expectation(lambda x: phi(x) ** 2 * (x * x - 1) / 2)
    assert z_form.value == pytest.approx(row["dVdq"], rel=1e-12, abs=1e-15)
    halved = mf.mlp(phi, (0.5 / row["V"]) ** 0.5, 0.5**0.5)  # q = 1 is a fixed point of 0.5·V(q)/V(1) + 0.5
    slopes = [point.slope for point in mf.fixed_points(halved) if abs(point.q - 1) < 1e-9]
    assert slopes == [pytest.approx(0.5 * row["dVdq"] / row["V"], rel=1e-11)]


@pytest.mark.parametrize("name", SMOOTH)
def test_curvature_moments(name):
    phi = phi_of(name)
    if phi.expression is None:
        pytest.fail(f"{name} is smooth and has no expression")
    (x,) = phi.expression.free_symbols
    assert mf.expectation(sympy.diff(phi.expression, x, 2) ** 2).value == pytest.approx(TABLE[name]["D2"], rel=1e-11)


def test_derivative_moment_identities():
    softplus, tanhshrink = mf.activation("softplus"), mf.activation("tanhshrink")
    q = np.array([0.1, 1.0, 9.0])
    assert mf.gain(softplus, kind="backward", q=q).value == pytest.approx(mf.gain("sigmoid", q=q).value, rel=1e-12)
    fourth = mf.expectation(lambda x: np.tanh(x) ** 4, q).value
    assert mf.gain(tanhshrink, kind="backward", q=q).value ** -2 == pytest.approx(fourth, rel=1e-12)
    assert mf.gain("arctan", kind="backward").value == pytest.approx(2**0.5, rel=1e-13)  # E arctan′(Z)² = 1/2
