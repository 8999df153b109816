"""Sequences of correlated tokens at finite width against the theory of exchangeable tokens."""

import numpy as np
import pytest

import meanfield as mf

BLOCK = "residual(layernorm, attention(1.1, 0.1, softmax, sigma_qk=1.5)), residual(rmsnorm, dense, gelu, dense)"


def test_tokens_start_with_exactly_the_given_correlations():
    run = mf.simulate("attention(softmax)", 1, 24, networks=2, q=1.7, c=0.6, tokens=5, token_c=-0.2, rng=0)
    np.testing.assert_allclose(run.q.mean[0], 1.7, rtol=1e-13)
    np.testing.assert_allclose(run.token_c.mean[0], -0.2, rtol=1e-13)
    np.testing.assert_allclose(run.c.mean[0], 0.6, rtol=1e-13)
    assert run.points == 10
    assert mf.simulate("attention", 1, 24, networks=2, pixels=3).token_c is None


def test_a_transformer_passes_and_three_percent_more_in_its_values_fails():
    scales = [1.0, 1.5**0.5, 1.5**0.5, 1.1, 1.0, 1.0]
    arguments = {"tokens": 4, "token_c": 0.3, "c": 0.5, "networks": 32, "rng": 0, "method": "materialized"}
    verdicts = {}
    for factor in (1.0, 1.03):
        laws = [
            lambda rng, fan_out, fan_in, s=s: s * rng.standard_normal((fan_out, fan_in)) / fan_in**0.5
            for s in [factor * scales[0], *scales[1:]]
        ]
        verdicts[factor] = mf.crosscheck(BLOCK, 1, 96, weights=laws, **arguments)
    assert verdicts[1.0].passed
    assert not verdicts[1.03].passed
    assert {row.quantity for row in verdicts[1.0].rows} >= {"q", "one_minus_c", "one_minus_token_c", "gradient"}


def test_a_wrong_theory_of_the_scores_is_seen():
    """Simulated with σ_qk = 3 and compared with σ_qk = 2: tokens come too far apart."""
    run = mf.simulate("rmsnorm, attention(softmax, sigma_qk=3)", 1, 128, networks=24, tokens=6, token_c=0.2, rng=1)
    right, wrong = (
        mf.propagate(f"rmsnorm, attention(softmax, sigma_qk={s})", 1, tokens=6, token_c=0.2).one_minus_token_c[1]
        for s in (3, 2)
    )
    found = run.one_minus_token_c
    assert abs(found.mean[1] - right) < 4 * found.standard_error[1] + 0.05 * right  # heads of 25 units
    assert abs(found.mean[1] - wrong) > 5 * found.standard_error[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokens": 4, "pixels": 4}, "either tokens or inputs and pixels"),
        ({"tokens": 4, "inputs": np.ones((1, 3, 4))}, "either tokens or inputs and pixels"),
        ({"tokens": 40}, "number of independent tokens"),
        ({"token_c": 0.1}, "give their number"),
        ({"tokens": 4, "token_c": [0.1, 0.2]}, "must be one number"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(mf.InvalidInput, match=message):
        mf.simulate("attention(softmax)", 1, 24, networks=2, **arguments)
