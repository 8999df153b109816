"""Brock et al. 2021 (arXiv:2102.06171): the NFNets gains 1/√Var φ, sampled there and exact here."""

import pytest

import meanfield as mf

# exact, and as printed (256 × 1024 samples)
GAINS = {
    "relu": (1.7128585504496627, 1.7139588594436646),
    "gelu": (1.7009262433633331, 1.7015043497085571),
    "silu": (1.787187222100442, 1.7881293296813965),
    "tanh": (1.5925374197228314, 1.5939117670059204),
    "elu": (1.2708434178501965, 1.2716004848480225),
    "selu": (1.0, 1.0008515119552612),
    "sigmoid": (4.8013133720399622, 4.803835391998291),
    "softplus": (1.9191259801076564, 1.9203323125839233),
    "softsign": (2.3375333631085397, 2.338853120803833),
    "leaky_relu": (1.7048316271773367, 1.70590341091156),
    "relu6": (1.7128585549723953, 1.7131484746932983),
    "log_sigmoid": (1.9191259801076564, 1.9193484783172607),
}


@pytest.mark.parametrize("name", GAINS)
def test_centred_gains(name):
    exact, sampled = GAINS[name]
    estimate = mf.gain(name, kind="centered")
    assert estimate.value == pytest.approx(exact, rel=1e-13)
    assert estimate.converged
    assert estimate.value == pytest.approx(sampled, rel=1e-3)


def test_their_gelu_is_the_tanh_form():
    exact = mf.gain("gelu_tanh", kind="centered").value
    assert exact == pytest.approx(1.7009165616954504, rel=1e-13)
    assert exact != pytest.approx(GAINS["gelu"][0], rel=1e-6)


def test_second_moment_and_variance_gains_differ_where_the_mean_does_not_vanish():
    gains = mf.gains("relu")
    assert gains["forward"].value == pytest.approx(2**0.5, rel=1e-15)
    assert gains["centered"].value == pytest.approx((2 / (1 - 1 / 3.141592653589793)) ** 0.5, rel=1e-14)
