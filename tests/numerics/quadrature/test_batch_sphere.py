"""Expectations over the sphere of batch normalisation, against the published double integral."""

import mpmath as mp
import numpy as np
import pytest

import meanfield as mf
from meanfield.numerics.quadrature.batch_sphere import sphere_moments


def moments(name, size):
    return sphere_moments(mf.activation(name).pieces, size)


def slowly(phi, slope, size):
    """The integrals over z₁, z₂ of the plane {Z > 0}, by a product of Gauss–Legendre rules of 400 nodes."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    t = np.pi / 2 * (nodes + 1)  # both angles, from 0 to π
    weight = np.outer(weights * np.sin(t) ** (size - 3), weights * np.sin(t) ** (size - 4))
    rest = size - 1
    a = np.sqrt(rest) * np.cos(t)[:, None]
    b = -a / rest + np.sqrt(size * (size - 2) / rest) * np.outer(np.sin(t), np.cos(t))
    wanted = (
        phi(a) ** 2 + 0 * b,
        (phi(a) - phi(b)) ** 2 / 2,
        ((rest - a * a) * slope(a) ** 2 + (1 + a * b) * slope(a) * slope(b)) / (size - 3),
    )
    return [np.sum(weight * values) / np.sum(weight) for values in wanted]


@pytest.mark.parametrize("size", [4, 5, 6, 9, 32])
@pytest.mark.parametrize(
    ("name", "phi", "slope"),
    [("tanh", np.tanh, lambda x: 1 / np.cosh(x) ** 2), ("sin", np.sin, np.cos)],
)
def test_against_a_product_of_rules(name, phi, slope, size):
    found, (second, distance, gradient) = moments(name, size), slowly(phi, slope, size)
    assert found.second == pytest.approx(second, rel=1e-12)
    assert found.distance == pytest.approx(distance, rel=1e-12)
    assert found.own + found.shared == pytest.approx(gradient, rel=1e-12)


@pytest.mark.parametrize("size", [4, 5, 6, 9, 32, 255, 256, 401, 402, 403, 1000, 4096, 10**6])
def test_linear_functions_and_the_square(size):
    linear, square = moments("x", size), moments("x**2", size)
    assert linear.mean == pytest.approx(0, abs=1e-14)
    assert linear.second == pytest.approx(1, rel=1e-13)
    assert linear.distance == pytest.approx(size / (size - 1), rel=1e-13)
    assert linear.own == pytest.approx((size - 2) / (size - 3), rel=1e-13)
    assert linear.shared == pytest.approx((size - 2) / (size - 3) / (size - 1), rel=1e-10)
    assert square.second == pytest.approx(3 * (size - 1) / (size + 1), rel=1e-12)  # E z⁴


@pytest.mark.parametrize("size", [4, 5, 6, 33, 256, 4096])
def test_relu_in_closed_form(size):
    c = -1 / (size - 1)
    j = (np.sqrt(1 - c * c) + (np.pi - np.arccos(c)) * c) / np.pi
    found = moments("relu", size)
    assert found.second == pytest.approx(0.5, rel=1e-13)
    assert found.distance == pytest.approx(0.5 * (1 - j), rel=1e-13)
    rate = (size - 2 + 1 - np.arccos(c) / np.pi + j) / ((size - 3) * (1 - j))
    assert (found.own + found.shared) / found.distance == pytest.approx(rate, rel=1e-12)


@pytest.mark.sweep(2)
@pytest.mark.parametrize("name", ["hard_tanh", "tanh(2*x)", "sin(2*x)", "abs(x - 1) + exp(-x)", "max(x + 0.7, 0)"])
@pytest.mark.parametrize("size", [4, 7, 60])
def test_errors_bound_what_finer_panels_change(name, size, monkeypatch):
    found = sphere_moments.__wrapped__(mf.activation(name).pieces, size)
    monkeypatch.setattr("meanfield.numerics.quadrature.batch_sphere.NODES", (32, 40))
    fine = sphere_moments.__wrapped__(mf.activation(name).pieces, size)
    for value, exact, error in zip(found[:5], fine[:5], found.errors, strict=True):
        assert abs(value - exact) <= error + 1e-14 * abs(exact)
    assert max(found.errors) < 1e-11 * found.own


def test_large_batches_are_independent_gaussians():
    pieces, q = mf.activation("gelu").moments, np.ones(1)
    found = moments("gelu", 10**7)
    assert found.second == pytest.approx(float(pieces.second_moment(q)[0][0]), rel=1e-6)
    assert found.distance == pytest.approx(float(pieces.distance(q, q, q)[0][0]), rel=1e-6)
    assert found.own == pytest.approx(float(pieces.derivative_moment(q)[0][0]), rel=1e-6)


def test_gradients_are_infinite_where_it_jumps():
    found = moments("sign", 8)
    assert (found.second, found.own, found.shared) == (pytest.approx(1, rel=1e-14), np.inf, np.inf)
    disagree = np.arccos(-1 / 7) / np.pi
    assert found.distance == pytest.approx(2 * disagree, rel=1e-12)


@pytest.mark.parametrize("size", [4, 7, 60])
def test_steep_functions_are_resolved(size):
    """½E(φ(z₁) − φ(z₂))² of sign is twice the probability of different signs; tanh(x/ε) misses it by O(ε)."""
    limit = 2 * np.arccos(-1 / (size - 1)) / np.pi
    missing = []
    for slope in (1e3, 1e4):
        found = moments(f"tanh({slope}*x)", size)
        assert max(found.errors[1:3]) < 1e-12
        missing.append((limit - found.distance) * slope)
    assert 0 < missing[0] == pytest.approx(missing[1], rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [("exp(8*x)", 4096), ("exp(x**2/3)", 1000), pytest.param("abs(x)**0.3", 4, marks=pytest.mark.long)],
)
def test_what_cannot_be_computed_is_refused(name, size):
    with pytest.raises(mf.DivergentExpectation, match=f"behind BatchNorm.{size}. are infinite, or too hard"):
        moments(name, size)


@pytest.mark.parametrize("size", [4, 60, 400, 4096])
def test_exponentials_in_closed_form(size):
    """E exp(a z) = ₀F₁(n/2; a²n/4) with n = B − 1; what lies beyond the panels is in the error."""
    found = moments("exp(2*x)", size)
    with mp.workdps(30):
        n = mp.mpf(size - 1)
        mean, second = (float(mp.hyp0f1(n / 2, a * a * n / 4)) for a in (2, 4))
    assert abs(found.mean - mean) <= found.errors[0] < 1e-12 * mean
    assert abs(found.second - second) <= found.errors[1] < 1e-11 * second


def test_fast_oscillations_end():
    found = moments("sin(30*x)", 4)
    with mp.workdps(20):  # z₁ is uniform on [−√3, √3]
        second = 0.5 - mp.sin(60 * mp.sqrt(3)) / (120 * mp.sqrt(3))
    assert abs(found.second - float(second)) <= found.errors[1] < 1e-3
