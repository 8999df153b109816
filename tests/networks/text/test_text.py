"""Networks as text: what is written is what is built, and whatever else is refused in a sentence."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standard_deviations import deviations
from work import calls

import meanfield as mf
from meanfield.activations.catalogue.table import ENTRIES, find
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.text.text import is_network, network, written
from meanfield.networks.text.words import LAYERS

ROOT = math.sqrt(2)


@pytest.mark.parametrize(
    ("text", "built"),
    [
        ("relu, dropout(0.1), dense(1.41, 0.1)", mf.Network("relu", mf.Dropout(0.1), mf.Dense(1.41, 0.1))),
        (
            "residual(layernorm, gelu, dense(1.4), scale=0.2, skip=0.9)",
            mf.Network(mf.Residual(mf.LayerNorm(), "gelu", mf.Dense(1.4), branch_scale=0.2, skip_scale=0.9)),
        ),
        (
            "residual(tanh, residual(relu, dense), branch_scale=-1)",
            mf.Network(mf.Residual("tanh", mf.Residual("relu", mf.Dense()), branch_scale=-1.0)),
        ),
        ("conv(1.4, 0.1, kernel_size=(3, 5), weights=delta)", mf.Network(Conv(1.4, 0.1, (3, 5), "delta"))),
        ("conv(1, weights=(1/4, 1/2, 1/4))", mf.Network(Conv(1.0, 0.0, 3, [0.25, 0.5, 0.25]))),
        ("batchnorm(32), relu, dense(1.0)", mf.Network(BatchNorm(32), "relu", mf.Dense(1.0))),
        ("batchnorm(inf)", mf.Network(BatchNorm(math.inf))),
        (
            "concatenate(layernorm, relu, dense(1.0), growth=0.25)",
            mf.Network(Concatenate(mf.LayerNorm(), "relu", mf.Dense(1.0), growth=0.25)),
        ),
        ("rmsnorm", mf.Network(mf.RMSNorm())),
        (
            "attention(1.5, scores=gaussian, sigma_qk=0.1), global-average-pool",
            mf.Network(mf.Attention(1.5, scores="gaussian", sigma_qk=0.1), mf.GlobalAveragePool()),
        ),
        ("attention(softmax)", mf.Network(mf.Attention(scores="softmax"))),
        (
            "attention(1.5, softmax, sigma_qk=2, causal)",
            mf.Network(mf.Attention(1.5, 0.0, "softmax", 2.0, True)),
        ),
        (
            "conv(1, stride=(2, 1), kernel_size=(3, 3)), average_pool((2, 2)), flatten",
            mf.Network(Conv(1.0, stride=(2, 1), kernel_size=(3, 3)), mf.AveragePool((2, 2)), mf.Flatten()),
        ),
        (
            "additive_noise(0.1), relu, Multiplicative Noise(std=0.5)",
            mf.Network(mf.AdditiveNoise(0.1), "relu", mf.MultiplicativeNoise(0.5)),
        ),
        ("RMS-Norm(), Layer_Norm, hard swish", mf.Network(mf.RMSNorm(), mf.LayerNorm(), "hard_swish")),
        ("network(relu, dense)", mf.Network("relu", mf.Dense())),
        ("tanh, network(relu, dense)", mf.Network("tanh", mf.Network("relu", mf.Dense()))),
        ("dense(sqrt(2), sigma_b=1/3)", mf.Network(mf.Dense(ROOT, 1 / 3))),
        ("dense(2**0.5, pi*1e-2)", mf.Network(mf.Dense(ROOT, math.pi / 100))),
        ("x*tanh(x), dense", mf.Network("x*tanh(x)", mf.Dense())),
        ("max(x, 0.1*x),\n  dense", mf.Network("max(x, 0.1*x)", mf.Dense())),
        ("x, dense((1, 2))", mf.Network("x", mf.Dense([1.0, 2.0]))),
    ],
)
def test_text_describes_what_the_classes_do(text, built):
    assert repr(network(text)) == repr(built)


@pytest.mark.parametrize("text", ["leaky_relu(0.2)", "leaky_relu(negative_slope=0.2)", "Leaky-ReLU(1/5)"])
def test_an_activation_takes_its_parameters_by_place_or_by_name(text):
    (phi,) = network(f"{text}, dense").activations
    assert phi is mf.activation("leaky_relu", negative_slope=0.2)
    (two,) = network("hardtanh(-2, max_val=3)").activations
    assert two.parameters == {"min_val": -2.0, "max_val": 3.0}


def test_activations_are_named_as_in_code_too():
    block = network("nn.LeakyReLU(0.2), F.gelu, jax.nn.gelu, np.maximum(x, 0), x if x > 0 else 0, linear, dense")
    assert [phi.name for phi in block.activations] == [
        "leaky_relu", "gelu", "gelu_tanh", "np.maximum(x, 0)", "x if x > 0 else 0", "linear",
    ]  # fmt: skip


def test_what_takes_an_activation_as_an_argument_is_given_one():
    gated = network("gated(leaky_relu(0.2), 1.5), dense").layers[0]
    assert gated.activation is mf.activation("leaky_relu", negative_slope=0.2)
    assert [dense.sigma_w for dense in gated.walk() if isinstance(dense, mf.Dense)] == [1.5, 1.5]
    assert written(gated) == "gated(leaky_relu(negative_slope=0.2), 1.5)"
    assert network("gated(activation=x*tanh(x))").activations[0].name == "x*tanh(x)"
    with pytest.raises(mf.InvalidInput, match=r"needs activation: gated\(activation, sigma_w, sigma_b, "):
        network("gated")


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("swiglu(1.2), dense", "gated(silu, 1.2), dense"),
        ("GEGLU, fc(1.3, 0.1)", "gated(gelu), dense(1.3, 0.1)"),
        ("layer_norm, reglu(1.2, gate_sigma_b=0.5)", "layernorm, gated(relu, 1.2, gate_sigma_b=0.5)"),
        ("glu(gate_sigma_w=sqrt(2)), Fully-Connected", "gated(sigmoid, gate_sigma_w=1.4142135623730951), dense"),
        ("relu, conv2d(1.4)", "relu, conv(1.4, kernel_size=(3, 3))"),
        ("relu, conv2d(1.4, kernel_size=(5, 5))", "relu, conv(1.4, kernel_size=(5, 5))"),
        ("ln, relu, conv1d(1.4, 0.1, kernel_size=5)", "layernorm, relu, conv(1.4, 0.1, kernel_size=5)"),
    ],
)
def test_words_of_the_literature_are_understood(text, same):
    assert repr(network(text)) == repr(network(same))
    assert written(network(text)) == written(network(same))
    assert repr(network(written(network(text)))) == repr(network(text))


def test_no_layer_is_called_like_an_activation():
    assert [name for name in LAYERS if find(name)] == []
    assert len(set(LAYERS.values())) == len(LAYERS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("relu, dens(1.4)", "unknown name 'dens'; the nearest name is dense"),
        ("relu, conv3d(1.4)", r"has 'conv3d': write conv\(sigma_w, sigma_b\)"),
        ("relu, nn.Conv2d(3, 64, 3)", r"has 'nn.Conv2d': write conv\(sigma_w, sigma_b\)"),
        ("bilinear, dense", r"has 'bilinear': write gated\(linear\)"),
        ("batchnorm2d, relu, dense", r"has 'batchnorm2d': write batchnorm\(batch_size"),
        ("relu, nn.Dropout(0.1)", r"has 'nn.Dropout': write dropout\(rate\)"),
        ("Linear, GELU", r"'Linear' is the identity in a text; the layer with weights is dense\(sigma_w, sigma_b\)"),
        ("linear, gelu", "'linear' is the identity in a text"),
        ("relu, linear(1.4)", r"'linear\(1.4\)' is the identity in a text"),
        ("relu, nn.Linear(256, 256)", "is the identity in a text"),
        ("relu, self-attention", r"has 'selfattention': write attention\(softmax\)"),
        ("relu -> dense(1.4)", "layers go between commas and their arguments in parentheses"),
        ("relu, dense 1.4", "layers go between commas and their arguments in parentheses"),
        ("lstm, dense", "'lstm': it is none of the layers whose moments are known"),
        ("relu, softmax, dense", "'softmax': it reads several units at once"),
        ("relu, instancenorm, dense", "'instancenorm': the norms are layernorm, rmsnorm, batchnorm, groupnorm"),
        ("gelluu, dense", "unknown name 'gelluu'; the nearest names? (is|are) .*gelu"),
        ("zzzzzz(x), dense", "unknown name 'zzzzzz'; the layers are dense, conv"),
        ("dense(1, 2, 3)", r"in the network, 'dense\(1, 2, 3\)' has 3 arguments; dense takes sigma_w, sigma_b"),
        ("relu(0.5), dense", "'relu.0.5.' has 1 argument; relu takes none"),
        ("residual(relu, dense, skale=1)", "unknown argument 'skale'; the nearest is scale"),
        ("dense(scale=1)", "unknown argument 'scale'; dense takes sigma_w, sigma_b"),
        ("dense(1, sigma_w=2)", "gives sigma_w twice"),
        ("dense(sigma_w=1, sigma_w=2)", "gives sigma_w twice"),
        ("residual(relu, dense, scale=1, branch_scale=2)", "gives branch_scale twice"),
        ("relu, dropout", r"'dropout' needs rate: dropout\(rate\)"),
        ("dense(-1)", r"in the network, 'dense\(-1\)': sigma_w is a standard deviation"),
        ("residual(tanh, dense(1), scale=delta)", "branch_scale must be a number .* not 'delta'"),
        ("residual()", "at least one layer"),
        ("residual(relu, dense, 0.2)", "'0.2' is in a layer's place"),
        ("exp(0.5) + 1, dense", "is in a layer's place, where a layer, an activation or a formula in x belongs"),
        ("dense(2*x)", r"'2\*x' has x in a number's place"),
        ("conv(1, weights='delta')", "words go without quotes, not 'delta'"),
        ("dense(1 + foo)", "unknown name 'foo'"),
        ("dense(9**9**9)", "power beyond"),
        ("dense(1e999)", "number beyond"),
        ("dense(True)", "not a real number"),
        ("dense(1j)", "not a real number"),
        ("dense(sqrt(-1))", "not a real number"),
        ("dense(*x)", "has a star, which is not allowed"),
        ("dense(**x)", "has a star, which is not allowed"),
        ("*x, dense", "cannot be read: invalid syntax"),
        ("lambda: dense", "is a lambda, which is not allowed"),
        ("dense(lambda: 0)", "has a lambda, which is not allowed"),
        ("dense.__class__", "is an attribute, which is not allowed"),
        ("dense().__class__(1)", "is a call of something else than a function's name"),
        ("__import__('os'), dense", "unknown name '__import__'"),
        ("dense(__import__('os').x)", "has an attribute, which is not allowed"),
        ("f'{dense}'", "is an f-string, which is not allowed"),
        ("dense if dense else dense", "is an if-expression"),
        ("[dense for x in x]", "is a listcomp, which is not allowed"),
        ("(relu, dense), dense", r"write network\(\.\.\.\)"),
        ("dense[0]", "is an index, which is not allowed"),
        ("dense(y := 1)", "the formula 'y := 1' cannot be read"),
        ("relu, dense(1.4", "cannot be read: '\\(' was never closed"),
        ("relu; dense", "cannot be read: invalid syntax"),
        ("relu, dense(σ)", "only ASCII"),
        ("  ", "is empty"),
        ("()", "at least one layer"),
        ("dense((1, 2)), dense((1, 2, 3))", "do not broadcast"),
        ("x**101, dense", "exponent beyond"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, message):
    with pytest.raises(mf.MeanFieldError, match=message) as raised:
        network(text)
    assert isinstance(raised.value, ValueError)
    assert "\n" not in str(raised.value)


HUGE = {
    "nested": "residual(" * 60 + "dense" + ")" * 60,
    "nested deeper than Python reads": "residual(" * 900 + "dense" + ")" * 900,
    "parentheses": "(" * 9000,
    "signs": "dense(" + "-" * 9000 + "1)",
    "long": "relu, " * 20_000 + "dense",
    "many": "x," * 4000 + "dense",
    "tuples": "dense(" + "(" * 100 + "1" + ",)" * 100 + ")",
    "digits": "dense(" + "9" * 9000 + ")",
    "spaces": "(" + "a " * 50_000 + ", dense",
    "hyphens": "a-" * 4000 + ", dense",
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE.keys())
def test_what_is_huge_is_refused_at_once(text):
    network("dense(2*1)")  # imports are not meant

    def refused():
        assert is_network(text) or "dense" not in text
        with pytest.raises(mf.MeanFieldError) as raised:
            network(text)
        assert len(str(raised.value)) < 400

    assert calls(refused) < 400_000


@pytest.mark.parametrize("text", [None, 3, b"dense", mf.Dense(), ["dense"]])
def test_what_is_no_text_is_refused(text):
    with pytest.raises(mf.InvalidInput, match="given as text"):
        network(text)


@pytest.mark.parametrize(
    "text",
    [
        "dense",
        "layernorm, tanh",
        "x*tanh(x), Dense( 1 )",
        "f(g(batch-norm(8)))",
        "dense(",
        "relu, conv2d(1)",
        "Linear, GELU",
    ],
)
def test_a_layers_name_as_an_item_makes_a_network(text):
    assert is_network(text)


@pytest.mark.parametrize(
    "text",
    [*ENTRIES, "x*tanh(x)", "mine:dense", "dense.mine:f", "max(x, 0)", "leaky_relu:negative_slope=0.2", "densee"],
)
def test_an_activation_is_none(text):
    assert not is_network(text)


def test_functions_and_layers_without_a_name_cannot_be_written():
    class Other(mf.Layer):
        pass

    with pytest.raises(mf.InvalidInput, match="function without a formula"):
        written(mf.Network(np.sin, mf.Dense()))
    with pytest.raises(mf.InvalidInput, match="a Other has no name"):
        written(mf.Network("tanh", Other()))


def test_what_is_written_is_short():
    layers = mf.Residual(mf.Dense(1.0, 0.1), mf.activation("leaky_relu", negative_slope=0.2), branch_scale=0.5)
    assert written(layers) == "residual(dense(1.0, 0.1), leaky_relu(negative_slope=0.2), scale=0.5)"
    assert written(Conv(1.4, weights="delta")) == "conv(1.4, weights=delta)"
    assert written(mf.Network(mf.Network("x"))) == "network(network(x))"


sigmas = deviations(1e6) | st.integers(0, 9)
activations = st.one_of(
    st.sampled_from(["relu", "gelu", "x", "x*tanh(x)", "where(x > 0, x, 0.1*x)", "max(x, -0.5)"]),
    st.builds(lambda a: mf.activation("leaky_relu", negative_slope=a), st.floats(-2, 2)),
    st.builds(lambda a, b: mf.activation("hardtanh", min_val=-a, max_val=b), st.floats(0.1, 2), st.floats(0.1, 2)),
)
leaves = st.one_of(
    activations,
    st.builds(mf.Dense, sigmas, sigmas | st.lists(deviations(2), min_size=3, max_size=3)),
    st.builds(Conv, sigmas, sigmas, st.integers(1, 255) | st.tuples(st.integers(1, 255)), st.just("delta")),
    st.builds(mf.Dropout, st.floats(0, 0.99)),
    st.builds(BatchNorm, st.integers(4, 10**6) | st.just(math.inf)),
    st.builds(mf.Gated, activations, sigmas, sigmas),
    st.builds(mf.Attention, sigmas, sigmas, st.sampled_from(["uniform", "gaussian"]), sigmas),
    st.builds(mf.Attention, sigmas, sigmas, st.sampled_from(["uniform", "softmax"]), sigmas, st.booleans()),
    st.builds(mf.AdditiveNoise, sigmas),
    st.builds(mf.Scale, st.floats(-1e6, 1e6).map(lambda scale: scale + 0.0)),
    st.builds(mf.AveragePool, st.integers(1, 255) | st.tuples(st.integers(1, 9), st.integers(1, 9))),
    st.sampled_from([mf.LayerNorm(), mf.RMSNorm(), mf.Flatten(), mf.GlobalAveragePool()]),
)
scales = st.floats(-1e6, 1e6).map(lambda scale: scale + 0.0)  # -0 is 0


def around(layers):
    branch = st.lists(layers, min_size=1, max_size=3)
    return st.one_of(
        st.builds(lambda b: mf.Network(*b), branch),
        st.builds(lambda b, other: mf.Parallel(b, other), branch, layers),
        st.builds(lambda b, s, k: mf.Residual(*b, branch_scale=s, skip_scale=k), branch, scales, scales),
        st.builds(lambda b, g: Concatenate(*b, mf.Dense(), growth=g), branch, st.floats(0, 3)),
    )


@settings(max_examples=150)
@given(st.lists(st.recursive(leaves, around, max_leaves=8), min_size=1, max_size=4))
def test_what_is_written_is_read_as_the_same(layers):
    before = mf.Network(*layers)
    after = network(written(before))
    assert repr(after) == repr(before)
    assert [phi.parameters for phi in after.activations] == [phi.parameters for phi in before.activations]
    assert written(after) == written(before)


def test_every_public_kind_of_layer_has_a_name():
    kinds = [getattr(mf, name) for name in mf.__all__]
    layers = {kind for kind in kinds if isinstance(kind, type) and issubclass(kind, mf.Layer)}
    assert layers - {mf.Layer, mf.Elementwise} <= set(LAYERS.values())


def test_text_of_a_network_goes_wherever_a_block_does():
    text = "residual(layernorm, gelu, dense(1.4), scale=0.2, skip=0.9)"
    a, b = mf.analyze(text), mf.analyze(mf.network(text))
    assert (float(a.q_star), float(a.chi_1)) == (float(b.q_star), float(b.chi_1))
    assert mf.variance_map("relu, dropout(0.5), dense", 1.0).value == pytest.approx(1.0, rel=1e-13)
    assert mf.variance_map("relu", 1.0).value == 0.5  # a bare activation is that of an MLP
    assert mf.simulate(["relu, dense(1.4)", "dense"], 2, 16, networks=2, rng=0).depth == 2
    with pytest.raises(mf.UnknownActivation, match=r"the network 'relu, avgpool.*': write average_pool"):
        mf.analyze("relu, avgpool(2), dense")


def test_a_function_of_a_module_is_refused_with_where_it_goes():
    with pytest.raises(mf.InvalidInput, match=r"has 'mine:bent': .* goes into meanfield\.Network in Python"):
        mf.network("mine:bent, dropout(0.1), dense")
