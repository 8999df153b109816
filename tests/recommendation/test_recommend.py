"""What is recommended: for every activation a choice with finite numbers, a sentence, and code that runs."""

import ast
from functools import cache

import numpy as np
import pytest

import meanfield as mf

LIBRARIES = {"torch", "jax", "keras", "numpy"}


def check(advice, name):
    assert np.isfinite([advice.sigma_w, advice.sigma_b, advice.gain, advice.q, advice.max_depth]).all()
    assert advice.sigma_w > 0
    assert min(advice.sigma_b, advice.q) >= 0
    assert advice.max_depth > 0
    assert not np.isnan(advice.xi_c)
    assert not np.isnan(advice.growth)
    assert advice.xi_c >= 0
    assert advice.growth >= 0
    assert name in advice.reason
    assert advice.reason.endswith(".")
    assert "\n" not in advice.reason
    assert ". " not in advice.reason  # one sentence
    assert set(advice.snippets) == LIBRARIES
    for code in advice.snippets.values():
        ast.parse(code)


def drawn(code, fan_in, fan_out):
    namespace = {}
    exec(compile(code, "snippet", "exec"), namespace)
    return namespace["init_layer"](np.random.default_rng(0), fan_in, fan_out)


@pytest.mark.sweep(3)
@pytest.mark.parametrize("name", mf.catalogue())
def test_every_activation_of_the_catalogue(name):
    advice = mf.recommend(name)
    check(advice, name)
    point = mf.critical_point(name)
    assert advice.universality == point.universality
    if point.universality != "none":
        assert (advice.sigma_w, advice.sigma_b, advice.q) == (point.sigma_w, point.sigma_b, point.q)
        assert advice.xi_c == np.inf
    assert advice.gain == mf.calculate_gain(name)


@pytest.mark.sweep(2)
@pytest.mark.parametrize(
    "function",
    [
        lambda x: x**2,
        np.exp,
        np.expm1,
        np.abs,
        np.sign,
        lambda x: (x > 0) * 1.0,
        lambda x: np.ones_like(x),
        lambda x: np.minimum(x, 0),
        lambda x: x**3,
        lambda x: np.maximum(x - 0.2718, 0.1 * x),
        lambda x: 1e-8 * np.tanh(x),
        lambda x: 1e6 * np.tanh(x),
        np.arctan,
    ],
    ids=["square", "exp", "expm1", "abs", "sign", "step", "one", "min", "cube", "kinked", "tiny", "huge", "arctan"],
)
def test_callables(function):
    check(mf.recommend(function), mf.activation(function).name)


def test_nothing_can_be_done_for_zero():
    with pytest.raises(mf.InvalidInput, match="0"):
        mf.recommend(lambda x: 0.0 * x)


@pytest.mark.parametrize("name", ["gelu", "tanh", "relu", "sigmoid", "sign"])
def test_the_numpy_snippet_draws_what_is_recommended(name):
    advice = mf.recommend(name)
    weight, bias = drawn(advice.snippets["numpy"], 400, 3000)
    assert weight.shape == (3000, 400)
    assert bias.shape == (3000,)
    assert weight.std() * 400**0.5 == pytest.approx(advice.sigma_w, rel=5e-3)
    assert bias.std() == pytest.approx(advice.sigma_b, rel=0.06)
    assert abs(weight.mean()) < 5 * advice.sigma_w / (400 * 3000 * 400) ** 0.5


@pytest.mark.parametrize("name", ["gelu", "relu", "cos", "softplus"])
def test_a_layer_so_drawn_keeps_the_signal(name):
    advice, rng = mf.recommend(name), np.random.default_rng(1)
    weight, bias = drawn(advice.snippets["numpy"], 2000, 2000)
    h = mf.activation(name)(rng.normal(size=(40, 2000)) * advice.q**0.5) @ weight.T + bias
    assert (h**2).mean() == pytest.approx(advice.q, rel=0.04)


@cache
def plainly_named():
    return mf.recommend(mf.activation(np.tanh, name="f"))


@pytest.mark.parametrize(
    "name",
    ["a\nimport os", 'quote\' """ #', "back\\slash", "\r\nraise SystemExit", "\x0craise SystemExit", "\u2028x = 1"],
)
def test_a_name_cannot_become_code(name):
    advice = mf.recommend(mf.activation(np.tanh, name=name))
    plain = plainly_named()
    for library in LIBRARIES:
        assert ast.dump(ast.parse(advice.snippets[library])) == ast.dump(ast.parse(plain.snippets[library]))
    assert len(advice.reason.splitlines()) == 1


@pytest.mark.parametrize("name", ["cos", "gaussian", "sigmoid", "normal_cdf"])
def test_without_a_critical_point_a_stable_point_of_the_line_is_taken(name):
    advice = mf.recommend(name)
    a = mf.analyze(mf.mlp(name, advice.sigma_w, advice.sigma_b))
    assert a.chi_1 == pytest.approx(1, abs=1e-9)
    assert a.q_star == pytest.approx(advice.q, rel=1e-8)
    assert abs(a.chi_parallel) < 1
    assert "line" in advice.reason
    for sigma_b in (0.0, 0.1, 0.5, 1.5):  # none that is nearer to 1
        line = mf.critical_line(name, sigma_b, stable_only=True)
        assert np.all(np.abs(np.log(line.q)) >= abs(np.log(advice.q)) * (1 - 1e-9))


@pytest.mark.parametrize("name", ["softplus", "smelu", "sign"])
def test_without_a_stable_line_the_forward_gain_is_taken_and_said_so(name):
    advice = mf.recommend(name)
    assert (advice.sigma_w, advice.sigma_b, advice.q) == (pytest.approx(mf.calculate_gain(name)), 0, 1)
    assert "forward gain" in advice.reason
    assert mf.variance_map(mf.mlp(name, advice.sigma_w), 1.0).value == pytest.approx(1, rel=1e-12)


@pytest.mark.sweep(2)
@pytest.mark.parametrize("name", ["relu6", "hardtanh", "elu", "tanh", "selu"])
def test_the_reason_tells_how_q_decays_only_where_it_does_so(name):
    advice = mf.recommend(name)
    q = mf.propagate(mf.mlp(name, advice.sigma_w), 1000, q=1.0).q
    like_inverse_depth = q[1000] / q[500] == pytest.approx(0.5, abs=0.02)
    assert like_inverse_depth or "1/depth" not in advice.reason


def test_depth_and_width_change_what_follows_not_the_weights():
    shallow, deep = mf.recommend("tanh", depth=5, width=100), mf.recommend("tanh", depth=200, width=5000)
    assert (shallow.sigma_w, shallow.sigma_b) == (deep.sigma_w, deep.sigma_b)
    assert shallow.growth > deep.growth
    assert shallow.max_depth < deep.max_depth


def test_relu_fluctuates_by_five_a_layer_over_the_width():
    assert mf.recommend("relu", width=1000).max_depth == pytest.approx(200, rel=1e-9)  # Hanin & Nica 2019, (1 + 5/n)


def test_an_activation_that_oscillates_on_one_side_is_answered():
    """At large q its waves cannot be resolved; the search ends where they can."""
    advice = mf.recommend(lambda x: np.where(x > 0.7, 2 * x - 0.7, np.sin(x) * 0.7 / np.sin(0.7)))
    slope = 0.7 / np.sin(0.7)
    assert advice.sigma_w == pytest.approx(1 / slope, rel=1e-9)
    assert advice.universality == "k_star_zero"
    block = mf.mlp(lambda x: np.where(x > 0.7, 2 * x - 0.7, np.sin(x) * 0.7 / np.sin(0.7)), advice.sigma_w)
    assert "starts below" in advice.reason
    assert mf.variance_map(block, advice.start).value < advice.start  # so far q does decay
    assert mf.variance_map(block, 2.2 * advice.start).value > 2.2 * advice.start  # but not from above


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "linear"])
def test_the_width_that_a_depth_needs_and_the_depth_that_a_width_allows_come_from_the_expansion(name):
    advice = mf.recommend(name, depth=40, width=1000)
    block = mf.mlp(name, advice.sigma_w, advice.sigma_b)
    exact = mf.fluctuations(block, 40, 10**9, q=advice.start)
    assert advice.needed_width == pytest.approx(exact.per_unit, rel=0.05)  # continued as a power from 16 layers
    deep = mf.fluctuations(block, int(advice.max_depth), 10**9, q=advice.start)
    assert deep.per_unit == pytest.approx(1000, rel=0.1)
    back = mf.recommend(name, depth=int(advice.max_depth), width=1000)
    assert back.needed_width == pytest.approx(1000, rel=0.1)
    assert f"about {advice.needed_width:.3g} for 40" in str(advice)


def test_blocks_without_an_expansion_say_so():
    advice = mf.recommend(mf.Network("relu", mf.Dropout(0.1), mf.Dense()))
    assert np.isnan(advice.needed_width)
    assert "no expansion" in advice.not_finite["needed_width"].item()


def test_where_nothing_is_critical_shaped_activations_are_mentioned():
    assert "mf.transform" in mf.recommend("softplus").reason
    assert "mf.transform" in mf.recommend("gelu", depth=200, width=256).reason
    for other in (mf.recommend("gelu"), mf.recommend("sign"), mf.recommend("softshrink"), mf.recommend("x**2")):
        assert "mf.transform" not in other.reason


@pytest.mark.parametrize("name", ["gelu", "relu"])
def test_shaped_activations_get_the_weights_for_which_they_are_made(name):
    advice = mf.recommend(mf.transform(name, method="tat", depth=60), depth=60)
    assert (advice.sigma_w, advice.sigma_b, advice.q) == (1.0, 0.0, 1.0)
    assert advice.reason.startswith(f"{'leaky_relu' if name == 'relu' else name} shaped by TAT is made for")
    assert advice.growth == pytest.approx(1.0, rel=1e-9)
    assert 60 < advice.max_depth < 1000
    assert mf.recommend(mf.transform("gelu", depth=60)).xi_c < np.inf  # by DKS C′(1) > 1
