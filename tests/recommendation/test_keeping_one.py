"""Where nothing is critical q = 1 is kept, and by weights with which it is stable if there are any."""

from math import exp, pi, sqrt

import numpy as np
import pytest
from scipy.integrate import quad

import meanfield as mf
from meanfield.recommendation.choice import gradient_growth
from meanfield.recommendation.keeping_one import weights_that_keep_one
from meanfield.theory.assumptions.block import checked
from meanfield.theory.fixed_points.stable_variance import stable_q

REPELLED = ["tanhshrink", "logcosh", "squared_relu", "bent_identity", "xielu", "exponential", "maximum(x - 0.3, x/10)"]


def mean(function):
    """E of a function of a standard normal variable."""
    return quad(lambda z: function(z) * exp(-z * z / 2) / sqrt(2 * pi), -12, 12, points=[0.0], epsabs=1e-12)[0]


@pytest.mark.parametrize("spec", REPELLED)
def test_weights_with_biases_are_preferred_to_a_q_that_repels(spec):
    advice, phi = mf.recommend(spec, depth=20), mf.activation(spec)
    assert advice.q == 1
    assert advice.sigma_w < advice.gain
    assert "repels: a deviation from it grows" in advice.reason
    assert "q = 1 is stable" in advice.reason
    chi = advice.sigma_w**2 * mean(lambda z: phi.derivative(z) ** 2)
    assert advice.growth == pytest.approx(chi**20, rel=1e-7)
    for q in (0.7, 1.4):
        for _ in range(30):
            q = advice.sigma_w**2 * mean(lambda z, q=q: phi(sqrt(q) * z) ** 2) + advice.sigma_b**2
        assert abs(q - 1) < 0.05


@pytest.mark.parametrize("spec", ["softshrink", "star_relu", "gelu", "lisht"])
def test_a_half_stable_point_comes_with_weights_whose_q_is_stable(spec):
    advice = mf.recommend(spec)
    offered = dict(zip(("sigma_w", "q"), _numbers(advice.reason, "sigma_w = ", "and its q = "), strict=True))
    block = mf.mlp(spec, offered["sigma_w"], advice.sigma_b)
    stable = min(mf.fixed_points(block), key=lambda point: abs(point.q - offered["q"]))
    assert stable.stable
    assert stable.q == pytest.approx(offered["q"], rel=1e-4)
    assert mf.analyze(block, q=1.02 * stable.q).chi_1 < 1
    assert "attracts from" in advice.reason


def _numbers(text, *marks):
    return [float(text.split(mark)[-1].split()[0].rstrip(",;.")) for mark in marks]


def swish(x):
    return x / (1 + exp(-x))


def swish_slope(x):
    s = 1 / (1 + exp(-x))
    return s + x * s * (1 - s)


def test_gradients_of_a_gated_block_at_the_q_that_repels():
    """The block has A = σ² q, q′ = σ² A V(A) and χ = σ² · σ² (V(A) + A E φ′²): 2.07 where q = 1 is kept."""
    block = checked("gated(silu), dense")
    log_sigma = np.log(1.1769416978670881)
    a = exp(2 * log_sigma)
    gate = mean(lambda z: swish(sqrt(a) * z) ** 2)
    assert a**2 * gate == pytest.approx(1, rel=1e-10)
    chi = a**2 * (gate + a * mean(lambda z: swish_slope(sqrt(a) * z) ** 2))
    assert chi == pytest.approx(2.07, abs=5e-3)
    assert gradient_growth(block.at(sigma_w=exp(log_sigma), sigma_b=0.0), 60, 1.0) == pytest.approx(chi**60, rel=1e-8)


def test_a_gated_block_is_given_biases_with_which_one_is_stable():
    block = checked("gated(silu), dense")
    choice = weights_that_keep_one(block, "nothing is critical")
    assert "q = 1 repels: a deviation from it grows by 2.169 a layer" in choice.reason
    w, b = choice.sigma_w**2, choice.sigma_b**2
    for q in (0.7, 1.4):
        for _ in range(30):
            a = w * q + b
            q = w * a * mean(lambda z, a=a: swish(sqrt(a) * z) ** 2) + b
        assert abs(q - 1) < 0.05


def test_the_neighbourhood_of_one_comes_back():
    choice = weights_that_keep_one(checked(mf.Network("logcosh", mf.Dense())), "nothing is critical")
    network = checked("logcosh").at(sigma_w=choice.sigma_w, sigma_b=choice.sigma_b)
    for q0 in (0.1, 1.5):
        assert stable_q(network, q0) == pytest.approx([1.0], rel=1e-9)
