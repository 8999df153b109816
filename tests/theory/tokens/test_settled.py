"""Where sequences of exchangeable tokens settle, against orbits and against the analysis of two inputs."""

import numpy as np
import pytest

import meanfield as mf

DEEP = "rmsnorm, attention(softmax, sigma_qk=0.5), tanh, dense(2.0, 0.3)"
APART = "residual(rmsnorm, attention(1.2)), tanh, dense(3.0, 0.1)"


def test_tokens_without_attention_are_inputs():
    one, two = mf.analyze("tanh, dense(1.5, 0.1)", tokens=8), mf.analyze("tanh, dense(1.5, 0.1)")
    for name in ("q_star", "chi_1", "c_star", "chi_parallel", "chi_c"):
        assert getattr(one, name) == pytest.approx(getattr(two, name), rel=3e-6), name
    assert one.q_star == pytest.approx(two.q_star, rel=1e-12)
    assert one.c_star == pytest.approx(two.c_star, rel=1e-11)


def test_tokens_that_stay_apart_settle_where_orbits_end():
    at = mf.analyze(APART, tokens=6, token_c=0.2)
    run = mf.propagate(APART, 60, tokens=6, token_c=0.2)
    assert at.q_star == pytest.approx(run.q[-1], rel=1e-4)
    assert at.c_star == pytest.approx(run.token_c[-1], abs=1e-4)
    assert at.phase == "chaotic"
    settled = mf.propagate(APART, 25, q=at.q_star, tokens=6, token_c=at.c_star)
    assert at.chi_1 == pytest.approx(settled.gradient[0] / settled.gradient[1], rel=1e-9)
    near = mf.propagate(APART, 21, q=at.q_star, tokens=6, token_c=at.c_star + 1e-5).token_c - at.c_star
    assert at.chi_c == pytest.approx(near[21] / near[20], rel=1e-4)


def test_softmax_makes_tokens_equal_as_cubes():
    at = mf.analyze(DEEP, tokens=8, token_c=0.2)
    plain = mf.analyze(DEEP)
    assert at.c_star == 1
    assert at.q_star == pytest.approx(plain.q_star, rel=1e-12)
    assert at.chi_1 == pytest.approx(plain.chi_1, rel=1e-12)  # gradients of equal tokens are equal
    assert at.chi_c < 1e-15


def test_a_stream_of_normalised_branches_grows_and_its_tokens_settle_by_what_branches_add():
    stream = "residual(layernorm, attention(1.5, uniform)), residual(layernorm, dense(3.0), tanh, dense(4.0))"
    at = mf.analyze(stream, tokens=4, token_c=0.1)
    assert (at.q_star, at.phase) == (np.inf, "unbounded")
    assert 0.1 < at.c_star < 0.9
    run = mf.propagate(stream, 1, q=1e6, tokens=4, token_c=at.c_star)
    p = run.q * run.token_c
    assert at.c_star == pytest.approx((p[1] - p[0]) / (run.q[1] - run.q[0]), rel=1e-5)
    calmer = mf.analyze(stream.replace("3.0", "1.0").replace("4.0", "2.0"), tokens=4, token_c=0.1)
    assert calmer.c_star == 1


def test_a_diagram_is_the_analysis_of_each_point():
    block = "residual(rmsnorm, attention(gaussian)), tanh, dense"
    grid = mf.phase_diagram(block, [0.8, 2.5], [0.1, 0.4], tokens=4, token_c=0.3)
    for i, j in np.ndindex(2, 2):
        network = mf.network(block).at(sigma_w=grid.sigma_w[i], sigma_b=grid.sigma_b[j])
        one = mf.analyze(network, tokens=4, token_c=0.3)
        for name in ("q_star", "chi_1", "c_star"):
            np.testing.assert_allclose(getattr(grid, name)[i, j], getattr(one, name), rtol=1e-9)
        assert grid.phase[i, j] == one.phase
    assert grid.multiple is None


def test_what_does_not_settle_is_said():
    with pytest.raises(mf.InvalidInput, match="do not settle"):
        mf.analyze("relu, dense(2.0)", tokens=4)
    with pytest.raises(mf.InvalidInput, match="give their number"):
        mf.analyze("relu, dense(1.0)", token_c=0.3)
    assert "tokens" in str(mf.analyze("tanh, dense(1.5, 0.1)", tokens=4))


def test_the_critical_line_is_where_gradients_of_settled_tokens_keep_their_size():
    block = "residual(rmsnorm, attention(gaussian)), tanh, dense"
    line = mf.critical_line(block, [0.1, 0.5], tokens=6)
    assert len(line) == 2
    for sigma_b, sigma_w, q in zip(line.sigma_b, line.sigma_w, line.q, strict=True):
        at = mf.analyze(mf.network(block).at(sigma_w=sigma_w, sigma_b=sigma_b), tokens=6)
        assert at.chi_1 == pytest.approx(1.0, abs=1e-9)
        assert at.q_star == pytest.approx(q, rel=1e-8)
    equal = mf.critical_line("attention, tanh, dense", 0.3, tokens=4)  # tokens become equal
    assert equal.sigma_w[0] == pytest.approx(mf.critical_line("attention, tanh, dense", 0.3).sigma_w[0], rel=1e-8)
    (point,) = mf.fixed_points(APART, tokens=6)
    assert point.q == pytest.approx(mf.analyze(APART, tokens=6).q_star, rel=1e-11)
    assert point.stable


def test_a_recommendation_says_what_becomes_of_tokens():
    block = "residual(layernorm, attention(softmax, causal)), residual(layernorm, dense, relu, dense)"
    advice = mf.recommend(block, depth=3, tokens=8, token_c=0.2)
    network = mf.network(block.replace(", causal", "")).at(sigma_w=advice.sigma_w, sigma_b=advice.sigma_b)
    run = mf.propagate(network, 3, q=advice.start, tokens=8, token_c=0.2)
    assert advice.growth == pytest.approx(run.gradient[0], rel=1e-12)
    assert f"from 0.2 to {run.token_c[-1]:.4g}" in advice.reason
