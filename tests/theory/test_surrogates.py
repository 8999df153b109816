"""Surrogate derivatives: chi_1, gradients and the backward gain are of g; correlations, chi_c and phases of φ."""

import pickle

import numpy as np
import pytest
from scipy import integrate

import meanfield as mf
from meanfield.errors import BadActivation, InfiniteDerivative, InvalidInput
from meanfield.networks.text.text import written

SURROGATE = "1/(1 + (pi*x)**2)"


@pytest.fixture(scope="module")
def sign():
    return mf.activation("sign", surrogate=SURROGATE)


def square_mean(g, q):
    def integrand(x):
        return g(x) ** 2 * np.exp(-(x**2) / (2 * q)) / np.sqrt(2 * np.pi * q)

    return integrate.quad(integrand, -60 * q**0.5, 60 * q**0.5, epsabs=1e-14, epsrel=1e-13, limit=500, points=[-1, 1])[
        0
    ]


@pytest.mark.parametrize(
    "surrogate", [SURROGATE, lambda x: 1 / (1 + (np.pi * x) ** 2), mf.activation(SURROGATE, name="arctan")]
)
def test_the_backward_gain_is_of_the_surrogate(surrogate):
    phi = mf.activation("sign", surrogate=surrogate)
    gain = mf.gain(phi, kind="backward")
    assert gain.value**-2 == pytest.approx(0.19213963965946940, rel=1e-12)
    assert gain.converged
    assert set(mf.gains(phi)) == {"forward", "centered", "backward"}
    with pytest.raises(InfiniteDerivative):
        mf.gain("sign", kind="backward")


@pytest.mark.parametrize(
    ("surrogate", "square"),
    [
        (1, lambda q: 1.0),  # straight through
        (lambda x: np.abs(x) <= 1, lambda q: 2 * mf.expectation(lambda z: (z > 0) & (z <= q**-0.5)).value),
        ("exp(-x**2)", lambda q: (1 + 4 * q) ** -0.5),
        ("1/(1 + abs(x))**2", lambda q: square_mean(lambda x: 1 / (1 + abs(x)) ** 2, q)),
    ],
)
def test_known_surrogates(surrogate, square):
    phi = mf.activation("hardtanh", surrogate=surrogate)
    for q in (0.3, 1.0, 7.0):
        value, error = phi.backward_moment(q)
        assert abs(value - square(q)) <= error + 1e-12
        assert phi.moments.derivative_moment(q)[0] == mf.activation("hardtanh").moments.derivative_moment(q)[0]
    np.testing.assert_array_equal(phi.derivative([0.5, 3.0]), [1.0, 0.0])
    np.testing.assert_array_equal(phi.backward([0.5]), phi.surrogate([0.5]))


def test_chi_1_is_of_the_surrogate_and_correlations_of_the_function():
    widths, through = np.array([0.8, 1.3, 2.0]), mf.activation("tanh", surrogate=1)
    found, right = mf.analyze(mf.mlp(through, widths, 0.3)), mf.analyze(mf.mlp("tanh", widths, 0.3))
    np.testing.assert_allclose(found.chi_1, widths**2, rtol=1e-13)
    np.testing.assert_allclose(found.xi_gradient, -1 / np.log(found.chi_1))
    np.testing.assert_array_equal(found.phase, right.phase)
    for name in ("q_star", "chi_parallel", "c_star", "chi_c", "xi_q", "xi_c"):
        np.testing.assert_allclose(getattr(found, name), getattr(right, name), rtol=1e-9, err_msg=name)
    diagram = mf.phase_diagram(through, widths, [0.3])
    np.testing.assert_array_equal(diagram.phase[:, 0], right.phase)
    np.testing.assert_allclose(diagram.chi_c[:, 0], right.chi_c, rtol=1e-9)
    np.testing.assert_allclose(diagram.chi_1[:, 0], found.chi_1, rtol=1e-13)
    assert diagram.about["activations"][0]["surrogate"] == "1"


def test_long_orbits_are_of_the_function_and_gradients_of_the_surrogate():
    through, plain = (mf.mlp(phi, 1.3, 0.3) for phi in (mf.activation("tanh", surrogate="exp(-x**2)"), "tanh"))
    found, right = (mf.propagate(block, 300, c=0.2) for block in (through, plain))
    np.testing.assert_allclose(found.one_minus_c, right.one_minus_c, rtol=1e-12)
    np.testing.assert_allclose(found.chi, 1.3**2 * (1 + 4 * found.q) ** -0.5, rtol=1e-12)


def test_the_critical_line_keeps_gradients_and_says_that_correlations_settle(sign):
    line = mf.critical_line(sign, [0.0, 0.5])
    assert line.stable.all()
    for w, b, q in zip(line.sigma_w, line.sigma_b, line.q, strict=True):
        assert q == pytest.approx(w**2 + b**2, rel=1e-12)
        assert w**2 * square_mean(lambda x: 1 / (1 + (np.pi * x) ** 2), q) == pytest.approx(1, rel=1e-11)
    assert "nothing is critical" in line.reason
    np.testing.assert_allclose(line.xi_c, mf.analyze(mf.mlp(sign, line.sigma_w, line.sigma_b)).xi_c, rtol=1e-9)
    advice = mf.recommend(sign)
    assert advice.sigma_w == pytest.approx(line.sigma_w[0], rel=1e-9)
    assert advice.growth == pytest.approx(1, rel=1e-9)
    assert advice.reason.startswith("the gradients of sign pass through a surrogate")


def test_what_a_surrogate_does_not_define_is_refused(sign):
    with pytest.raises(InvalidInput, match="critical_line\\(phi, sigma_b\\) has the sigma_w that keep them"):
        mf.critical_point(sign)
    with pytest.raises(InvalidInput, match="the tangent kernel is of derivatives"):
        mf.ntk(sign, np.eye(3), 2)
    with pytest.raises(InvalidInput, match="behind BatchNorm gradients are known for derivatives alone"):
        mf.analyze(mf.Network(mf.BatchNorm(16), sign, mf.Dense()))
    with pytest.raises(InvalidInput, match="must be a plain function"):
        mf.activation("tanh", surrogate=sign)
    with pytest.raises(InvalidInput, match="has a surrogate derivative, which the text has no word for"):
        written(mf.mlp(sign))


@pytest.mark.parametrize(
    "block",
    [
        lambda phi: mf.mlp(phi, 2.0, 0.1),
        lambda phi: mf.Network(mf.Residual(phi, mf.Dense(1.0)), mf.Dense(1.1)),
        lambda phi: mf.Network(mf.Gated(phi), mf.Dense(1.1)),
    ],
)
def test_simulated_gradients_pass_through_the_surrogate(block, sign):
    assert mf.crosscheck(block(sign), depth=3, width=64, c=0.3, rng=1).passed


def test_gradients_of_pixels_pass_through_the_surrogate(sign):
    block = mf.Network(sign, mf.Conv(2.0, 0.3, padding="zeros"), mf.AveragePool(2))
    assert mf.crosscheck(block, depth=2, width=48, pixels=8, rng=1).passed


def test_a_derivative_that_is_none_is_pointed_to_the_surrogate():
    with pytest.raises(BadActivation, match="to replace it in backward passes, say surrogate="):
        mf.activation(lambda x: np.sign(x) + x, derivative=lambda x: 1 / (1 + (np.pi * x) ** 2))


def test_copies_and_texts(sign):
    copy = pickle.loads(pickle.dumps(sign))
    assert repr(copy) == repr(sign) == f"activation('sign', surrogate='{SURROGATE}')"
    assert mf.gain(copy, kind="backward").value == mf.gain(sign, kind="backward").value
    assert mf.activation("sign").surrogate is None
