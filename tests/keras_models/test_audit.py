"""Audits of Keras models: planted faults in a functional model with residual blocks, layouts, and refusals."""

import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras
INPUTS = np.random.default_rng(0).normal(size=(16, 40)).astype("float32")


@pytest.fixture
def audit(keras):
    import meanfield.keras

    keras.utils.set_random_seed(0)
    return meanfield.keras.audit


def residual_model(keras, width=150, depth=5):
    """Residual blocks of two layers with He's weights."""
    x = given = keras.Input((40,))
    x = keras.layers.Dense(width, name="inputs")(x)
    for i in range(depth):
        y = keras.layers.Dense(width, "relu", kernel_initializer="he_normal", name=f"in_{i}")(x)
        y = keras.layers.Dense(width, "relu", kernel_initializer="he_normal", name=f"out_{i}")(y)
        x = keras.layers.Add()([x, y])
    return keras.Model(given, keras.layers.Dense(10, name="head")(x))


def kinds(found, severity):
    return {(one.kind, one.module) for one in found.findings if one.severity == severity}


def scaled(layer, factor):
    layer.kernel.assign(layer.kernel.value * factor)


def test_a_sound_model_passes(keras, audit):
    model = residual_model(keras)
    before = keras.layers.Layer.__call__
    found = audit(model, INPUTS)
    assert found.passed
    assert not found.findings
    assert keras.layers.Layer.__call__ is before
    rows = {row.module: row for row in found.rows}
    hidden = np.asarray(keras.ops.convert_to_numpy(model.get_layer("in_0")(model.get_layer("inputs")(INPUTS))))
    assert rows["in_0"].second_moment == pytest.approx(float((hidden**2).mean()), rel=1e-4)
    assert rows["out_1"].weights[0].activation.name == "relu"
    assert rows["head"].weights[0].role == "head"
    assert (rows["inputs"].weights[0].fan_in, rows["inputs"].weights[0].fan_out) == (40, 150)


def test_a_layer_1_3_times_too_large_is_named(keras, audit):
    model = residual_model(keras)
    scaled(model.get_layer("out_2"), 1.3)
    found = audit(model, INPUTS)
    assert kinds(found, "error") == {("scale", "out_2")}
    assert "1.3" in found.worst.text or "1.29" in found.worst.text or "1.31" in found.worst.text


def test_a_clone_is_named(keras, audit):
    model = residual_model(keras)
    model.get_layer("in_3").kernel.assign(model.get_layer("in_1").kernel.value)
    assert kinds(audit(model, INPUTS), "error") == {("copies", "in_3")}


def test_a_transposed_fan_is_named(keras, audit):
    he = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=keras.random.SeedGenerator(0))
    layers = [keras.layers.Dense(n, "relu", kernel_initializer=he) for n in (150, 500, 150, 500)]
    found = audit(keras.Sequential([keras.Input((40,)), *layers, keras.layers.Dense(10)]), INPUTS)
    assert any(one.kind == "fan" and "exchanged" in one.text for one in found.findings)


def test_initializers_with_one_seed_are_found_out(keras, audit):
    options = {"activation": "tanh", "kernel_initializer": keras.initializers.GlorotNormal(seed=1)}
    layers = [keras.layers.Dense(40, **options) for _ in range(4)]
    found = audit(keras.Sequential([keras.Input((40,)), *layers, keras.layers.Dense(10)]), INPUTS)
    assert found.worst.kind == "copies"


def test_layouts_of_convolutions_heads_and_cells(keras, audit):
    x = given = keras.Input((12,), dtype="int32")
    x = keras.layers.Embedding(50, 64, name="embed")(x)
    x = keras.layers.Add()([x, keras.layers.MultiHeadAttention(4, 16, name="attention")(x, x)])
    x = keras.layers.Conv1D(96, 3, groups=2, name="conv")(x)
    x = keras.layers.DepthwiseConv1D(3, name="depthwise")(x)
    x = keras.layers.SeparableConv1D(80, 3, name="separable")(x)
    x = keras.layers.LSTM(48, name="lstm")(x)
    model = keras.Model(given, keras.layers.Dense(5, name="head")(keras.layers.Dropout(0.1)(x)))
    found = audit(model, np.random.default_rng(0).integers(0, 50, size=(4, 12)).astype("int32"))
    weights = {w.name: w for row in found.rows for w in row.weights}
    fans = {name: weights[name].fan_in for name in weights}
    assert weights["embed.embeddings"].role == "embedding"
    assert fans["attention.query.kernel"] == fans["attention.attention_output.kernel"] == 64
    assert fans["conv.kernel"] == 96
    assert fans["depthwise.kernel"] == 3
    assert fans["separable.depthwise_kernel"] == 3
    assert fans["separable.pointwise_kernel"] == 96
    recurrent = next(w for name, w in weights.items() if name.endswith("recurrent_kernel"))
    assert (recurrent.role, recurrent.fan_in, recurrent.fan_out) == ("recurrent", 48, 192)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda a, m: a(print, INPUTS), "must be a keras.Model"),
        (lambda a, m: a(m, INPUTS[:, :3]), "does not run on these inputs"),
        (lambda a, m: a(m, INPUTS, expect="nosuch"), "no initialisation scheme"),
    ],
)
def test_refusals(keras, audit, call, why):
    with pytest.raises(mf.InvalidInput, match=why):
        call(audit, residual_model(keras, depth=1))
