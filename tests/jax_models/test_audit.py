"""Audits of Flax NNX modules: planted faults are named, layouts are known, and the module stays as it was."""

import importlib
import math

import numpy as np
import pytest

import meanfield as mf
import meanfield.jax as mfj


@pytest.fixture
def inputs(jax):
    return jax.random.normal(jax.random.key(1), (16, 40))


@pytest.fixture
def models(jax, flax):
    return importlib.import_module("flax_models")


def kinds(found, severity=None):
    return {(one.kind, one.module) for one in found.findings if severity in (None, one.severity)}


def test_a_sound_model_passes_and_stays_as_it_was(jax, flax, models, inputs):
    model = models.MLP()
    before = jax.tree.leaves(flax.nnx.state(model))
    assert mfj.audit(model, inputs, rng=0).passed
    assert not mfj.audit(model, inputs, rng=0).findings
    after = jax.tree.leaves(flax.nnx.state(model))
    assert all(one is other for one, other in zip(before, after, strict=True))
    assert flax.nnx.Linear.__call__.__qualname__ == "Linear.__call__"


def test_signals_and_gradients_are_those_of_the_model(jax, models, inputs):
    model = models.MLP(depth=2)
    rows = {row.module: row for row in mfj.audit(model, inputs, rng=3).rows}
    hidden = jax.nn.relu(model.layers[0](inputs))
    assert rows["layers.1"].second_moment == pytest.approx(float((model.layers[1](hidden) ** 2).mean()), rel=1e-5)
    seed = np.random.default_rng(3).spawn(1)[0].standard_normal((16, 10))
    gradient = jax.grad(lambda h: (model.head(jax.nn.relu(model.layers[1](jax.nn.relu(h)))) * seed).sum())
    arrived = gradient(model.layers[0](inputs))
    assert rows["layers.0"].gradient == pytest.approx(float((arrived**2).mean()), rel=1e-4)
    q = rows["layers.0"].weights[0]
    assert (q.fan_in, q.fan_out, q.stored) == (40, 150, (40, 150))


def test_a_layer_1_3_times_too_large_is_named(models, inputs):
    model = models.MLP()
    model.layers[3].kernel[...] = 1.3 * model.layers[3].kernel[...]
    found = mfj.audit(model, inputs, rng=0)
    assert kinds(found, "error") == {("scale", "layers.3")}
    assert "layers.3.kernel is 1.3 times" in found.worst.text


def test_a_clone_is_named(models, inputs):
    model = models.MLP()
    model.layers[4].kernel[...] = model.layers[2].kernel[...]
    assert kinds(mfj.audit(model, inputs, rng=0), "error") == {("copies", "layers.4")}


def test_a_transposed_fan_is_named(models, inputs, jax):
    model = models.MLP(widths=(150, 400))
    for i, layer in enumerate(model.layers):
        n, m = layer.kernel.shape
        layer.kernel[...] = math.sqrt(2 / m) * jax.random.normal(jax.random.key(i), (n, m))
    found = mfj.audit(model, inputs, rng=0)
    assert any(one.kind == "fan" and "exchanged" in one.text for one in found.findings)


def test_shrinking_signals_are_named(models, inputs):
    model = models.MLP(depth=9, scale=0.4)
    found = mfj.audit(model, inputs, rng=0)
    assert {"signal", "gradient"} <= {one.kind for one in found.findings}
    assert not mfj.audit(models.MLP(), inputs, expect="lecun_normal", rng=0)
    assert mfj.audit(models.MLP(), inputs, expect="he_normal", rng=0)


def test_layouts_of_convolutions_heads_and_embeddings(models):
    model, tokens = models.transformer()
    found = mfj.audit(model, tokens, rng=0)
    assert found.passed, found.verdict
    weights = {w.name: w for row in found.rows for w in row.weights}
    assert weights["embed.embedding"].role == "embedding"
    assert [weights[f"attention.{n}.kernel"].fan_in for n in ("query", "out")] == [64, 64]
    assert weights["conv.kernel"].shape == (64, 32, 3)
    assert weights["conv.kernel"].fan_in == 96
    assert weights["head.kernel"].role == "head"
    for name in ("attention.query.kernel", "attention.out.kernel", "conv.kernel", "dense.kernel"):
        assert weights[name].sigma_w == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda m, x: mfj.audit(print, x), "must be a flax.nnx.Module"),
        (lambda m, x: mfj.audit(m, x[:, :3]), "does not run on these inputs"),
        (lambda m, x: mfj.audit(m, x, alpha=2), "alpha"),
        (lambda m, x: mfj.audit(m, x, expect="nosuch"), "no initialisation scheme"),
    ],
)
def test_refusals(models, inputs, call, why):
    with pytest.raises(mf.InvalidInput, match=why):
        call(models.MLP(depth=2), inputs)
