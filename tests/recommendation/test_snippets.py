"""The code that draws recommended weights, run: its networks have the promised second moments and gradients."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import ndtr

import meanfield as mf

BRANCHED = "residual(layernorm, gelu, dense)"
DEPTH, WIDTH, OUTPUTS = 4, 1024, 800
INPUTS = np.random.default_rng(7).normal(1.0, 3.0, size=(32, 50))  # neither centred nor of second moment 1


@cache
def advice(name, depth=DEPTH):
    return mf.recommend(name, depth=depth)


def run(code):
    namespace = {}
    exec(compile(code, "snippet", "exec"), namespace)
    return namespace


def gelu(x):
    return x * ndtr(x)


def gelu_slope(x):
    return ndtr(x) + x * np.exp(-0.5 * x**2) / (2 * np.pi) ** 0.5


def second_moments(layers, inputs=INPUTS):
    """The second moment behind each (weight, bias) of a GELU network: of shape (fan_out, fan_in)."""
    h, q = np.asarray(inputs), []
    for weight, bias in layers:
        h = (gelu(h) if q else h) @ np.asarray(weight, dtype=float).T + np.asarray(bias, dtype=float)
        q.append(np.mean(h**2))
    return q


def check_gelu(layers):
    """DEPTH blocks of GELU at q = 3.56, between a first layer and a last one; no two layers alike."""
    weights = [np.asarray(weight, dtype=float) for weight, _ in layers]
    assert [weight.shape for weight in weights] == [(WIDTH, 50), *[(WIDTH, WIDTH)] * DEPTH, (OUTPUTS, WIDTH)]
    q, recommended = second_moments(layers), advice("gelu")
    assert q[:-1] == pytest.approx([recommended.q] * (DEPTH + 1), rel=0.2)
    assert q[0] == pytest.approx(recommended.q, rel=0.15)
    assert q[-1] == pytest.approx(1.0, rel=0.3)
    assert not np.any(layers[0][1])
    assert not np.any(layers[-1][1])
    for weight, bias in layers[1:-1]:
        assert np.std(weight) * WIDTH**0.5 == pytest.approx(recommended.sigma_w, rel=5e-3)
        assert np.std(bias) == pytest.approx(recommended.sigma_b, rel=0.1)
    for one, other in pairwise(weights[1:-1]):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.01


@pytest.mark.slow
def test_fifty_layers_of_gelu_keep_signal_and_gradient():
    """Over networks of this size, log q and the log gradient have standard deviations of 0.4 behind 50 layers.

    With a first layer that has the recommended weights too, q would begin at 20; with one that keeps inputs of second
    moment 1, at 1, and the gradient would shrink to 0.03, ln 0.03 = -3.6.
    """
    rng, depth = np.random.default_rng(0), 50
    recommended = advice("gelu", depth)
    layers = run(recommended.snippets["numpy"])["init_network"](rng, INPUTS[:4], [WIDTH] * (depth + 1) + [10])
    assert len(layers) == depth + 2
    h = [INPUTS[:4] @ layers[0][0].T]
    for weight, bias in layers[1:-1]:
        h.append(gelu(h[-1]) @ weight.T + bias)
    q = np.array([np.mean(one**2) for one in h])
    assert q[0] == pytest.approx(recommended.q, rel=0.2)
    assert np.all(np.abs(np.log(q / recommended.q)) < 0.9)
    gradient = [rng.normal(size=h[-1].shape)]
    for (weight, _), below in zip(layers[-2:0:-1], h[-2::-1], strict=True):
        gradient.append((gradient[-1] @ weight) * gelu_slope(below))
    growth = np.mean(gradient[-1] ** 2) / np.mean(gradient[0] ** 2)
    assert recommended.growth == pytest.approx(1, rel=1e-9)
    assert abs(np.log(growth / recommended.growth)) < 0.9


def test_the_first_layer_reads_the_inputs_and_the_last_one_has_outputs_of_size_one():
    code = run(advice("gelu").snippets["numpy"])
    check_gelu(code["init_network"](np.random.default_rng(0), INPUTS, [WIDTH] * (DEPTH + 1) + [OUTPUTS]))


def test_a_residual_network_takes_the_branch_scale_of_the_sentence():
    depth, width, rng = 30, 256, np.random.default_rng(1)
    recommended = advice(BRANCHED, depth)
    code = run(recommended.snippets["numpy"])
    assert f"branch_scale = {code['BRANCH_SCALE']:.4g}, 1/√{depth}, would make that 2" in recommended.reason
    widths = [width] * (depth + 1) + [OUTPUTS]
    first, *inside, last = code["init_network"](rng, INPUTS, widths)
    x, tangent = INPUTS @ first[0].T, rng.normal(size=(len(INPUTS), width))
    begin = np.mean(x**2), np.mean(tangent**2)
    for weight, bias in inside:  # forwards, with a tangent beside the signal

        def branch(x, weight=weight, bias=bias):
            return gelu((x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)) @ weight.T + bias

        step = 1e-5
        moved = code["residual"](x + step * tangent, branch)
        x = code["residual"](x, branch)
        tangent = (moved - x) / step
    assert begin[0] == pytest.approx(recommended.start, rel=0.2)
    assert np.mean(tangent**2) / begin[1] == pytest.approx(2, rel=0.25)
    assert np.mean((x @ last[0].T) ** 2) == pytest.approx(1, rel=0.25)


def test_scales_of_ones_own_branch_are_kept_where_the_sentence_does_not_change_them():
    code = mf.recommend(mf.Residual("relu", mf.Dense(), branch_scale=0.6, skip_scale=0.8)).snippets["numpy"]
    assert run(code)["residual"](1.0, lambda x: 10 * x) == pytest.approx(0.8 + 6)
    assert "residual" not in advice("gelu").snippets["numpy"]


@pytest.mark.parametrize("name", ["tanh", "relu", "sign", "softplus"])
def test_whatever_happens_to_q_the_last_layer_undoes_it(name):
    recommended = advice(name)
    layers = run(recommended.snippets["numpy"])["init_network"](
        np.random.default_rng(2), INPUTS, [WIDTH] * (DEPTH + 1) + [OUTPUTS]
    )
    phi, h = mf.activation(name), INPUTS @ layers[0][0].T
    assert np.mean(h**2) == pytest.approx(recommended.start, rel=0.2)
    for weight, bias in layers[1:]:
        h = phi(h) @ weight.T + bias
    assert np.mean(h**2) == pytest.approx(1, rel=0.3)


def test_torch_draws_a_model(torch):
    widths = [50, *[WIDTH] * (DEPTH + 1), OUTPUTS]
    layers = [torch.nn.Linear(*shape) for shape in pairwise(widths)]
    model = torch.nn.Sequential(layers[0], *(part for layer in layers[1:] for part in (torch.nn.GELU(), layer)))
    torch.manual_seed(0)
    run(advice("gelu").snippets["torch"])["init_weights"](model, torch.tensor(INPUTS, dtype=torch.float32))
    check_gelu([(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in layers])
    outputs = model(torch.tensor(INPUTS, dtype=torch.float32))
    assert float(outputs.detach().square().mean()) == pytest.approx(1, rel=0.3)


def test_torch_draws_convolutions_by_their_taps(torch):
    recommended = mf.recommend("relu, conv(1, kernel_size=(3, 3))", depth=3)
    layers = [torch.nn.Conv2d(n, 128, 3, padding=1, padding_mode="circular") for n in (3, 128, 128, 128)]
    model = torch.nn.Sequential(layers[0], *(part for layer in layers[1:] for part in (torch.nn.ReLU(), layer)))
    torch.manual_seed(0)
    images = torch.randn(4, 3, 8, 8) * 2 + 1
    run(recommended.snippets["torch"])["init_weights"](model, images)
    with torch.no_grad():
        assert float(layers[0](images).square().mean()) == pytest.approx(recommended.start, rel=0.3)
        assert float(layers[1].weight.std()) == pytest.approx(recommended.sigma_w / (9 * 128) ** 0.5, rel=0.02)
        assert float(model(images).square().mean()) == pytest.approx(1, rel=0.4)


def test_jax_draws_layers(jax):
    code = run(advice("gelu").snippets["jax"])
    widths = [50, *[WIDTH] * (DEPTH + 1), OUTPUTS]
    kinds = [code["init_first"](INPUTS), *[code["init"]()] * DEPTH, code["init_last"]()]
    keys, layers = jax.random.split(jax.random.key(0), 2 * len(kinds)), []
    for i, (kind, shape) in enumerate(zip(kinds, pairwise(widths), strict=True)):
        kernel = kind["kernel_init"](keys[2 * i], shape)
        layers.append((np.asarray(kernel).T, np.asarray(kind["bias_init"](keys[2 * i + 1], shape[1:]))))
    check_gelu(layers)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras, when it converts
def test_keras_draws_layers_that_differ(keras):
    code = run(advice("gelu").snippets["keras"])
    once = code["init"]()  # one pair of initializers for all layers of the blocks
    layers = [keras.layers.Dense(WIDTH, **code["init_first"](INPUTS.astype("float32")))]
    layers += [keras.layers.Dense(WIDTH, **(once if i else code["init"]())) for i in range(DEPTH)]
    layers += [keras.layers.Dense(OUTPUTS, **code["init_last"]())]
    width = 50
    for layer in layers:
        layer.build((None, width))
        width = layer.units
    check_gelu([[keras.ops.convert_to_numpy(v.value).T for v in (layer.kernel, layer.bias)] for layer in layers])


IN_MODELS = ["relu", "gelu", BRANCHED, "relu, conv(1, kernel_size=(3, 3))"]


def check_three_layers(code, recommended, kernels, biases):
    """A first layer, one of a block and a last one: standard deviations as recommended, and independent entries."""
    first = (recommended.start / np.mean(INPUTS**2)) ** 0.5
    for kernel, sigma_w in zip(kernels, (first, recommended.sigma_w, code["SIGMA_LAST"]), strict=True):
        measured = np.std(kernel) * np.prod(kernel.shape[:-1]) ** 0.5
        assert measured == pytest.approx(sigma_w, rel=4 / (2 * kernel.size) ** 0.5)
    assert np.std(biases[1]) == pytest.approx(recommended.sigma_b, rel=4 / (2 * biases[1].size) ** 0.5)
    assert not np.any(biases[0])
    assert not np.any(biases[2])
    size = min(kernel.size for kernel in kernels)
    correlations = np.corrcoef([kernel.ravel()[:size] for kernel in kernels]) - np.eye(3)
    assert np.abs(correlations).max() < 4 / size**0.5
    if "residual" in code:
        skip = code["residual"](1.0, lambda x: 0 * x)
        assert code["residual"](2.0, lambda x: 10 * x) == pytest.approx(2 * skip + 20 * code["BRANCH_SCALE"])


@pytest.mark.parametrize("name", IN_MODELS)
def test_jax_draws_three_layers_of_flax(jax, flax, name):
    recommended, nnx, rngs = advice(name), flax.nnx, flax.nnx.Rngs(0)
    code = run(recommended.code("jax"))
    kinds = code["init_first"](INPUTS), code["init"](), code["init_last"]()
    if "conv" in name:
        layers = [nnx.Conv(n, 40 + n, (3, 3), rngs=rngs, **kind) for n, kind in zip((30, 50, 70), kinds, strict=True)]
    else:
        layers = [nnx.Linear(n, 90 + n, rngs=rngs, **kind) for n, kind in zip((50, 150, 70), kinds, strict=True)]
    arrays = [[np.asarray(getattr(one, part)[...], dtype=float) for one in layers] for part in ("kernel", "bias")]
    check_three_layers(code, recommended, *arrays)


@pytest.mark.parametrize("name", IN_MODELS)
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras, when it converts
def test_keras_draws_three_layers_of_a_model(keras, name):
    recommended = advice(name)
    code = run(recommended.code("keras"))
    kinds = code["init_first"](INPUTS.astype("float32")), code["init"](), code["init_last"]()
    if "conv" in name:
        layers = [keras.layers.Conv2D(n, 3, **kind) for n, kind in zip((40, 50, 60), kinds, strict=True)]
        model = keras.Sequential([keras.Input((9, 9, 30)), *layers])
    else:
        layers = [keras.layers.Dense(n, **kind) for n, kind in zip((90, 150, 70), kinds, strict=True)]
        model = keras.Sequential([keras.Input((50,)), *layers])
    assert len(model.layers) == 3
    arrays = [
        [np.asarray(keras.ops.convert_to_numpy(getattr(one, part).value), dtype=float) for one in layers]
        for part in ("kernel", "bias")
    ]
    check_three_layers(code, recommended, *arrays)
