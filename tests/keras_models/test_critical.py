"""`Critical` as a Keras initializer: scales, draws of its own for each layer, and models that are saved and loaded."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras


def array(keras, value):
    return np.asarray(keras.ops.convert_to_numpy(value), dtype=float)


@pytest.fixture
def critical(keras):
    import meanfield.keras

    return meanfield.keras.Critical


@pytest.mark.parametrize("law", ["normal", "uniform", "truncated_normal"])
def test_kernels_and_biases_have_the_recommended_scales(keras, critical, law):
    init, wanted = critical("gelu", law=law), mf.recommend("gelu")
    assert isinstance(init, keras.initializers.Initializer)
    for shape, fan_in in (((200, 300), 200), ((3, 3, 40, 50), 360), ((5, 70, 90), 350)):
        w = array(keras, init(shape))
        assert w.shape == shape
        assert w.std() * math.sqrt(fan_in) == pytest.approx(wanted.sigma_w, rel=0.03)
    b = array(keras, init.bias()((5000,)))
    assert b.std() == pytest.approx(wanted.sigma_b, rel=0.05)
    assert not array(keras, critical("relu").bias()((9,))).any()
    assert keras.backend.standardize_dtype(init((4, 4), dtype="float16").dtype) == "float16"


def test_no_two_layers_are_alike(keras, critical):
    init = critical("tanh")
    options = {"kernel_initializer": init, "bias_initializer": init.bias(), "activation": "tanh"}
    layers = [keras.layers.Dense(64, **options) for _ in range(4)]
    heads = keras.layers.MultiHeadAttention(4, 16, kernel_initializer=critical("tanh", fan_in=64))
    model = keras.Sequential([keras.Input((64,)), *layers])
    x = keras.Input((5, 64))
    heads(x, x)
    kernels = [layer.kernel for layer in (*model.layers, *keras.models.clone_model(model).layers)]
    kernels += [heads.query_dense.kernel, heads.key_dense.kernel, heads.value_dense.kernel]
    flat = np.array([array(keras, kernel.value).ravel() for kernel in kernels])
    correlations = np.corrcoef(flat) - np.eye(len(flat))
    assert np.abs(correlations).max() < 5 / 64  # five standard deviations
    assert flat.std(axis=1) * 8 == pytest.approx(np.full(len(flat), init.sigma_w), rel=0.06)


def test_seeds(keras, critical):
    first, second, other = critical("relu", seed=3), critical("relu", seed=3), critical("relu", seed=4)
    a, b = array(keras, first((8, 8))), array(keras, first((8, 8)))
    assert not np.allclose(a, b)
    np.testing.assert_array_equal(a, array(keras, second((8, 8))))
    np.testing.assert_array_equal(b, array(keras, second((8, 8))))
    assert not np.allclose(a, array(keras, other((8, 8))))
    keras.utils.set_random_seed(1)
    c = array(keras, critical("relu")((8, 8)))
    keras.utils.set_random_seed(1)
    np.testing.assert_array_equal(c, array(keras, critical("relu")((8, 8))))
    shared = keras.random.SeedGenerator(5)
    gelu = critical("gelu", seed=shared)
    kernel, bias = array(keras, gelu((64, 1))).ravel() / gelu.sigma_w * 8, array(keras, gelu.bias()((64,)))
    assert not np.allclose(kernel, bias / gelu.sigma_b)


@pytest.mark.parametrize("seed", [None, 1337, "generator"])
@pytest.mark.parametrize("part", ["kernel", "bias"])
def test_keras_own_test_of_serialisation(keras, critical, seed, part):
    """`run_class_serialization_test` of Keras's test suite, in its own steps."""
    seed = keras.random.SeedGenerator(1337) if seed == "generator" else seed
    instance = critical("gelu", part=part, law="uniform", seed=seed, fan_in=9)
    config = json.dumps(instance.get_config(), sort_keys=True)
    revived = type(instance).from_config(instance.get_config())
    assert json.dumps(revived.get_config(), sort_keys=True) == config
    text = json.dumps(keras.saving.serialize_keras_object(instance))
    revived = keras.saving.deserialize_keras_object(json.loads(text))
    assert json.dumps(revived.get_config(), sort_keys=True) == config
    assert set(dir(revived)) == set(dir(instance))
    assert revived.sigma_w == instance.sigma_w


def test_a_callable_is_named_and_its_scales_are_kept(keras, critical):
    instance = critical(lambda x: np.tanh(2 * x))
    revived = type(instance).from_config(instance.get_config())
    assert (revived.sigma_w, revived.sigma_b) == (instance.sigma_w, instance.sigma_b)


def test_a_saved_model_loads_in_a_new_process(keras, critical, tmp_path):
    init = critical("gelu")
    options = {"kernel_initializer": init, "bias_initializer": init.bias()}
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, **options), keras.layers.Dense(4, **options)])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.layers[1].kernel_initializer, critical)
    for one, other in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(array(keras, one.value), array(keras, other.value))
    code = (
        "import meanfield.keras, keras\n"
        f"model = keras.saving.load_model({str(tmp_path / 'model.keras')!r})\n"
        "print(model.layers[0].kernel_initializer)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env=dict(os.environ)
    )
    assert "Critical('gelu', law='normal', part='kernel', sigma_w=1.40821" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda c: c("gelu")((5,)), r"a kernel has a shape \(…, in, out\)"),
        (lambda c: c("gelu", law="orthogonal"), "law must be"),
        (lambda c: c("gelu", part="weights"), "part must be"),
        (lambda c: c("gelu", seed=-1), "seed must be a whole number"),
        (lambda c: c("gelu", sigma_w=-1.0), "sigma_w is a standard deviation and must be"),
    ],
)
def test_refusals(critical, call, why):
    with pytest.raises(mf.InvalidInput, match=why):
        call(critical)
