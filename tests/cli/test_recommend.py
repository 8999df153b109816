import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.text.text import network


def test_gelu_is_recommended_at_its_critical_point_and_confirmed(meanfield):
    result = meanfield("recommend", "gelu", "--json")
    answer = result.json
    assert result.status == 0
    assert answer["sigma_w"] ** 2 == pytest.approx(1.98305825743755, abs=1e-10)
    assert answer["sigma_b"] ** 2 == pytest.approx(0.172922390756067, abs=1e-10)
    assert answer["universality"] == "half_stable"
    assert answer["xi_c"] == "inf"
    assert answer["check"]["passed"] is True
    assert set(answer["gains"]) == {"forward", "centered", "backward"}


def test_the_table_says_what_the_json_says(meanfield):
    out = meanfield("recommend", "gelu").out
    for text in ("sigma_w = 1.40821101311", "1.53353044119554 ±", "half_stable", "passed", "torch.nn.init"):
        assert text in out


@pytest.mark.parametrize(
    ("framework", "text"),
    [("torch", "import torch"), ("jax", "import jax"), ("keras", "import keras"), ("numpy", "import numpy")],
)
def test_the_snippet_is_for_the_framework_asked_for(meanfield, framework, text):
    assert text in meanfield("recommend", "tanh", "--no-check", "--framework", framework).out


def test_the_numpy_snippet_runs_and_has_the_scale(meanfield):
    answer = meanfield("recommend", "relu", "--no-check", "--json").json
    names = {}
    exec(answer["snippets"]["numpy"], names)
    weight, bias = names["init_layer"](np.random.default_rng(0), 400, 300)
    assert weight.shape == (300, 400)
    assert weight.std() * 20 == pytest.approx(2**0.5, rel=0.02)
    assert not bias.any()


def test_without_a_check_nothing_is_simulated(meanfield):
    assert meanfield("recommend", "relu", "--no-check", "--json").json["check"]["passed"] is None


def test_an_activation_that_jumps_is_not_simulated_and_says_why(meanfield):
    result = meanfield("recommend", "sign")
    assert result.status == 0
    assert "gradients are infinite" in result.out


@pytest.mark.parametrize(("depth", "width"), [("5", "64"), ("2000", "16"), ("10", "200000"), ("1", "1")])
def test_any_size_is_checked_in_bounded_time(meanfield, depth, width):
    result = meanfield("recommend", "relu", "--depth", depth, "--width", width, "--json")
    assert result.status == 0
    assert result.json["check"]["passed"] is (None if width == "1" else True)


def test_disagreement_is_status_1(meanfield, monkeypatch):
    verdict = {"passed": False, "summary": "failed: they differ"}
    monkeypatch.setattr("meanfield.cli.recommend.quick_check", lambda *_: verdict)
    assert meanfield("recommend", "relu").status == 1
    assert meanfield("recommend", "relu", "--json").json["check"] == verdict


def test_a_network_is_recommended_weights_and_confirmed_with_them(meanfield):
    words = ("recommend", "relu, dropout(0.2), dense(9, 9)", "--depth", "20", "--width", "256")
    result = meanfield(*words, "--json")
    answer = result.json
    assert result.status == 0
    assert answer["network"] == "relu, dropout(0.2), dense(9.0, 9.0)"
    assert answer["recommended"] == f"relu, dropout(0.2), dense({answer['sigma_w']!r})"
    assert answer["sigma_w"] ** 2 == pytest.approx(1.6, rel=1e-10)  # Pretorius et al. 2018: 2·(1 − rate)
    assert answer["reason"].startswith("Dropout parts equal inputs")
    assert answer["check"]["passed"] is True
    out = meanfield(*words, "--no-check").out
    assert "blocks" in out
    assert answer["reason"] in out


def test_a_network_along_a_skip_is_told_how_its_gradients_grow(meanfield):
    text = "residual(layernorm, gelu, dense, scale=0.2)"
    answer = meanfield("recommend", text, "--width", "128", "--json").json
    advice = mf.recommend(network(text), width=128)
    assert (answer["sigma_w"], answer["growth"]) == (advice.sigma_w, advice.growth)
    assert "the skip connection carries gradients whole" in answer["reason"]
    assert answer["check"]["passed"] is True


def test_of_several_activations_no_gain_is_the_networks(meanfield):
    words = ("recommend", "layernorm, tanh, dense, layernorm, relu, dense", "--no-check")
    assert meanfield(*words, "--json").json["gains"] == {}
    assert "gain  " not in meanfield(*words).out


def test_blocks_that_cost_more_are_simulated_with_fewer_layers(meanfield):
    answer = meanfield("recommend", "relu, conv(1, kernel_size=(3, 3))", "--width", "64", "--json").json
    assert answer["check"]["passed"] is True
    assert int(answer["check"]["summary"].partition(" networks of ")[2].split()[0]) < answer["depth"]


def test_what_cannot_be_simulated_says_why(meanfield):
    check = meanfield("recommend", "batchnorm(inf), relu, dense", "--json").json["check"]
    assert check["passed"] is None
    assert "finite batch" in check["summary"]
