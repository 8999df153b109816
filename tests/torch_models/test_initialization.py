"""Weights drawn by theory: scales, what is left alone, and audits that pass."""

import math

import pytest

import meanfield as mf
import meanfield.torch as mft


def sigma_w(weight):
    return (weight.square().mean() * weight[0].numel()).sqrt().item()


def test_weights_behind_an_activation_are_critical(torch, zoo):
    model, inputs = zoo.mlp(depth=4, activation=torch.nn.GELU)
    report = mft.initialize_(model, inputs, seed=0)
    wanted = mf.recommend("gelu")
    assert math.isclose(sigma_w(model[2].weight), wanted.sigma_w, rel_tol=0.03)
    assert math.isclose(model[2].bias.std().item(), wanted.sigma_b, rel_tol=0.3)
    assert math.isclose(sigma_w(model[0].weight), 1.0, rel_tol=0.05)
    assert math.isclose(sigma_w(model[-1].weight), 1.0, rel_tol=0.1)
    assert not report.left
    assert "behind gelu, critical sigma_w = 1.408" in report.summary()


def test_the_same_seed_gives_the_same_weights(torch, zoo):
    model, inputs = zoo.mlp(depth=2)
    mft.initialize_(model, inputs, seed=3)
    first = model[2].weight.clone()
    torch.manual_seed(9)
    mft.initialize_(model, inputs, seed=3)
    assert torch.equal(first, model[2].weight)


@pytest.mark.parametrize("name", ["GPT-2", "Llama", "ConvNeXt", "encoder, pre-LN"])
def test_a_model_drawn_by_theory_passes_its_audit(zoo, name):
    model, inputs = zoo.WELL_INITIALISED[name]()
    report = mft.initialize_(model, inputs, seed=0)
    assert set(report.left.values()) <= {
        "its role is embedding",
        "its role is embedding and head",
        "not understood",
        "its role is other",
    }
    found = mft.audit(model, inputs, redraws=0, rng=0)
    assert found.passed, found.verdict
    if name == "GPT-2":
        assert math.isclose(sigma_w(model.h[2].mlp.fc2.weight), mf.gain("gelu").value / math.sqrt(12), rel_tol=0.03)
        assert "wte.weight" in report.left


def test_named_schemes_and_gpt2(torch, zoo):
    model, inputs = zoo.gpt(scaled=False)
    mft.initialize_(model, inputs, scheme="gpt2", seed=0)
    assert mft.audit(model, inputs, expect="gpt2", redraws=0, rng=0).passed
    model, inputs = zoo.mlp(depth=3, gain=1.0)
    mft.initialize_(model, inputs, scheme="he_normal", seed=0)
    assert math.isclose(sigma_w(model[2].weight), math.sqrt(2), rel_tol=0.03)


def test_without_inputs_all_layers_read_one_activation(torch, zoo):
    model, _ = zoo.mlp(depth=2)
    mft.initialize_(model, activation="tanh", seed=0)
    assert math.isclose(sigma_w(model[2].weight), mf.recommend("tanh").sigma_w, rel_tol=0.03)
    with pytest.raises(mf.InvalidInput, match="needs inputs"):
        mft.initialize_(model)


def test_parts_of_packed_matrices_are_drawn_by_themselves(zoo, torch):
    model, inputs = zoo.encoder(depth=1)
    mft.initialize_(model, inputs, seed=0)
    for part in model.layers[0].self_attn.in_proj_weight.chunk(3):
        assert math.isclose(sigma_w(part), 1.0, rel_tol=0.06)
