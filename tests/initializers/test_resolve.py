"""Schemes by name: their published numbers, what they take, and what they refuse."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from scipy.stats import truncnorm

from meanfield.activations.resolve import activation
from meanfield.errors import InvalidInput, UnknownActivation
from meanfield.initializers.resolve import initializer, schemes
from meanfield.montecarlo.simulate import simulate
from meanfield.networks.block import mlp
from meanfield.recommendation.recommend import recommend

# What is needed for a scheme that cannot be made without parameters.
NEEDED = {
    "normal": {"std": 0.02},
    "uniform": {"bound": 0.05},
    "truncated_normal": {"std": 0.02},
    "torch_sparse": {"sparsity": 0.9},
    "deepnet": {"layers": 6},
    "deepnet_encoder": {"encoder_layers": 6, "decoder_layers": 6},
    "deepnet_decoder": {"decoder_layers": 6},
    "fixup": {"layers": 16},
    "torch_lstm": {"hidden_size": 64},
    "wang_init": {"layers": 12},
    "critical": {"activation": "gelu"},
    "lsuv": {"activation": "relu"},
}


def test_standard_deviations_at_unequal_fans_are_the_formulas():
    std = {name: initializer(name).std(100, 300) for name in schemes() if name not in (*NEEDED, "delta_orthogonal")}
    glorot, he, lecun = 0.005**0.5, (2 / 300) ** 0.5, 300**-0.5
    assert std == {
        "xavier_normal": pytest.approx(glorot),
        "xavier_uniform": pytest.approx(glorot),
        "he_normal": pytest.approx(he),
        "he_uniform": pytest.approx(he),
        "lecun_normal": pytest.approx(lecun),
        "lecun_uniform": pytest.approx(lecun),
        "torch_linear": pytest.approx(lecun / 3**0.5),
        "orthogonal": pytest.approx(lecun),
        "sparse": pytest.approx((15 / 300) ** 0.5),
        "gpt2": 0.02,
        "variance_scaling": pytest.approx(lecun),
        "small_init": pytest.approx((2 / 1500) ** 0.5),
        "mitchell": pytest.approx(truncnorm.std(-3, 3) * lecun),
        "spectral": pytest.approx(lecun / 3**0.5),
        "siren": pytest.approx(2**0.5 * lecun / 30),
        "siren_first": pytest.approx(1 / (300 * 3**0.5)),
        "diagonal_plus_noise": pytest.approx((100 / 30_000 + 0.01 / 300) ** 0.5),
    }
    assert initializer("delta_orthogonal").std(300, 100) == pytest.approx(lecun)


def test_modes_choose_the_fan():
    stds = [initializer("he_normal", mode=mode).std(50, 200) for mode in ("fan_in", "fan_out", "fan_avg")]
    assert stds == pytest.approx([0.1, 0.2, (2 / 125) ** 0.5])


def test_torch_linear_is_kaiming_uniform_with_a_root_of_five():
    torch, kaiming = initializer("torch_default"), initializer("kaiming_uniform_", negative_slope=5**0.5)
    assert torch.std(64, 256) == pytest.approx(kaiming.std(64, 256), rel=1e-15)
    assert torch.sigma_w**2 == pytest.approx(1 / 3, rel=1e-15)
    assert torch.sigma_b_at(64, 256) ** 2 == pytest.approx(1 / (3 * 256), rel=1e-15)
    assert torch.sigma_w**2 / 2 == pytest.approx(1 / 6, rel=1e-15)  # ReLU's chi_1


@pytest.mark.parametrize(
    ("call", "alpha", "beta"),
    [
        ("deepnet:layers=6", 1.8612097182041992, 0.37991784282579627),
        ("deepnet:layers=12", 2.2133638394006432, 0.31947155212313624),
        ("deepnet:layers=100", 3.7606030930863936, 0.18803015465431968),
        ("deepnet_encoder:encoder_layers=6,decoder_layers=6", 1.4179381406855227, 0.49698924077132348),
        ("deepnet_decoder:decoder_layers=6", 2.0597671439071178, 0.34329452398451963),
    ],
)
def test_deepnet_has_its_published_alpha_and_beta(call, alpha, beta):
    scheme = initializer(call)
    assert scheme.constants == {"alpha": pytest.approx(alpha, rel=1e-15), "beta": pytest.approx(beta, rel=1e-15)}
    assert scheme.sigma_w == pytest.approx(beta, rel=1e-15)
    assert scheme.std(100, 300) == pytest.approx(beta * initializer("xavier_normal").std(100, 300), rel=1e-15)


def test_fixup_scales_he_by_the_number_of_branches():
    assert initializer("fixup", layers=16, branch_layers=3).sigma_w == pytest.approx(0.5 * 2**0.5, rel=1e-15)
    scale = initializer("fixup", layers=54).constants["scale"]
    assert scale == pytest.approx(0.13608276348795434, rel=1e-15)


def test_gpt2_scales_projections_into_the_residual_stream():
    assert initializer("gpt2").std(768, 768) == 0.02
    assert initializer("gpt2", layers=12).std(768, 3072) == pytest.approx(0.02 / 24**0.5, rel=1e-15)


def test_critical_is_what_is_recommended():
    scheme, advice = initializer("critical", activation="gelu"), recommend("gelu")
    assert (scheme.sigma_w, scheme.sigma_b_at(9, 9)) == pytest.approx((advice.sigma_w, advice.sigma_b), rel=1e-15)
    assert scheme.sigma_w == pytest.approx(1.408211013107605, rel=1e-13)
    assert scheme.sigma_b_at(9, 9) == pytest.approx(0.41583938095864292, rel=1e-13)
    assert initializer("critical", activation="relu").bias is None


def test_an_activation_sets_the_gain_to_its_exact_one():
    assert initializer("he_normal", activation="gelu").sigma_w == pytest.approx(1.5335304411955353, rel=1e-14)
    leaky = activation("leaky_relu", negative_slope=0.2)
    for other in ({"activation": leaky}, {"activation": "leaky_relu:negative_slope=0.2"}, {"negative_slope": 0.2}):
        assert initializer("kaiming_normal", **other).sigma_w == pytest.approx((2 / 1.04) ** 0.5, rel=1e-14)
    assert initializer("orthogonal", activation="tanh").sigma_w == pytest.approx(1.5925374197228314, rel=1e-13)
    assert initializer("lsuv", activation="selu").sigma_w == pytest.approx(1, rel=1e-13)


def test_a_gain_is_used_as_given():
    assert initializer("xavier_uniform", gain=5 / 3).sigma_w == pytest.approx(5 / 3, rel=1e-15)
    assert initializer("he_normal", gain=1).sigma_w == 1


def test_schemes_of_transformers_have_the_standard_deviations_of_their_code():
    assert initializer("wang_init", layers=12, hidden_size=768).std(768, 3072) == pytest.approx(2 / 12 / 768**0.5)
    assert initializer("small_init:hidden_size=768").std(768, 3072) == pytest.approx((2 / (5 * 768)) ** 0.5)
    into_stream = initializer("mitchell", layer=3)
    assert into_stream.std(768, 3072) == pytest.approx(truncnorm.std(-3, 3) / (2 * 3072 * 4) ** 0.5)
    assert initializer("spectral").sigma_w_at(300, 100) == initializer("spectral").sigma_w_at(100, 100) == 1


def test_lstm_and_siren_draw_the_bounds_of_their_code_whatever_the_fan():
    lstm, first = initializer("nn.LSTM(hidden_size=64)"), initializer("siren_first")
    assert lstm.std(256, 10) == lstm.std(64, 64) == lstm.sigma_b_at(256, 10) == pytest.approx(1 / (8 * 3**0.5))
    rng = np.random.default_rng(0)
    for scheme, bound in ((lstm, 1 / 8), (initializer("siren"), (6 / 50) ** 0.5 / 30), (first, 1 / 50)):
        assert np.abs(scheme(rng, 2000, 50)).max() == pytest.approx(bound, rel=1e-3)
    assert initializer("siren", omega_0=1.0).sigma_w == pytest.approx(2**0.5)


def test_haiku_does_not_correct_for_the_truncation():
    assert initializer("haiku_linear").sigma_w == pytest.approx(truncnorm.std(-2, 2), rel=1e-14)
    assert initializer("flax_dense").sigma_w == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("xavier", "'xavier' names several schemes: choose xavier_normal or xavier_uniform"),
        ("Kaiming", "choose he_normal or he_uniform"),
        ("zeros_", "draws nothing at random"),
        ("normal(0.02)", "the parameters of a scheme have names, as in normal(std=0.02)"),
        ("nn.LSTM", "torch_lstm needs hidden_size="),
        ("uniform_(a=-0.1, b=0.1)", "uniform has no parameter 'a'; its parameters are: bound"),
        ("kaiming_normal_(nonlinearity='tanh')", "torch's gain for 'tanh' is 5/3: write gain=5/3, or activation="),
        ("xavier_normal_(gain=nn.init.calculate_gain('tanh'))", "is not a number"),
        ("kaimin_normal", "the nearest names are he_normal"),
    ],
)
def test_a_name_that_is_no_scheme_is_answered_with_what_is_meant(name, meant):
    with pytest.raises(InvalidInput) as caught:
        initializer(name)
    assert meant in str(caught.value)


@pytest.mark.parametrize(
    ("names", "same"),
    [
        (("nn.init.kaiming_uniform_(a=sqrt(5))", "kaiming_uniform(a=5**0.5)"), f"he_uniform:negative_slope={5**0.5!r}"),
        (("msra", "MSRAFill", "torch.nn.init.kaiming_normal_"), "he_normal"),
        (("jax.nn.initializers.he_normal", "keras.initializers.HeNormal()"), "he_normal:law=truncated_normal"),
        (("hk.Linear", "haiku.Linear"), "lecun_normal:law=truncated_normal,convention=uncorrected"),
        (("nn.Linear", "torch.nn.Conv2d"), "torch_linear"),
        (("kaiming_normal_(mode='fan_out', nonlinearity='relu')",), "he_normal:mode=fan_out"),
        (("normal_(mean=0, std=0.02)",), "normal:std=0.02"),
        (("nn.init.sparse_(sparsity=0.1)", "sparse_:sparsity=0.1"), "torch_sparse:sparsity=0.1"),
        (("keras.initializers.VarianceScaling()",), "variance_scaling"),
        (("keras.initializers.RandomNormal(stddev=0.05)",), "normal:std=0.05"),
        (("jax.nn.initializers.truncated_normal(stddev=0.1)",), "truncated_normal:convention=uncorrected,std=0.1"),
        (("kaiming_normal_", "He-Normal", "he normal", "KaimingNormal"), "he_normal"),
        (("glorot_uniform", "GlorotUniform", "keras_dense", "xavier_uniform_"), "xavier_uniform"),
        (("torch_default", "torch linear"), "torch_linear"),
    ],
)
def test_frameworks_names_are_understood(names, same):
    assert {initializer(name) for name in names} == {initializer(same)}


SAID = [
    {"name": "flax_dense", "convention": "clamped", "bound": 1.5},
    {"name": "he_uniform", "law": "student_t", "mode": "fan_avg", "gain": np.float64(1.5)},
    {"name": "delta_orthogonal", "kernel_size": [3, 1], "activation": "leaky_relu:negative_slope=0.2"},
    {"name": "critical", "activation": "silu", "law": "orthogonal"},
]


@pytest.mark.parametrize("arguments", SAID)
def test_repr_is_a_call_whatever_was_said(arguments):
    made = initializer(**arguments)
    assert eval(repr(made), {"initializer": initializer}) == made


@pytest.mark.parametrize("name", schemes())
def test_repr_is_the_call_that_makes_it_and_pickling_keeps_it(name):
    made = initializer(name, **NEEDED.get(name, {}))
    assert eval(repr(made), {"initializer": initializer}) == made
    copy = pickle.loads(pickle.dumps(made))
    assert copy == made
    np.testing.assert_array_equal(copy(np.random.default_rng(0), 9, 6), made(np.random.default_rng(0), 9, 6))
    assert made.source
    assert made.formula


def test_repr_names_what_was_said_and_nothing_else():
    assert repr(initializer("kaiming_normal", activation="gelu")) == "initializer('he_normal', activation='gelu')"
    assert repr(initializer("normal:std=0.02")) == "initializer('normal', std=0.02)"
    assert repr(initializer("normal", std=np.float64(0.5), gain=None)) == "initializer('normal', std=0.5)"


@pytest.mark.parametrize("name", ["normal:std=0.02", "uniform:bound=0.05", "gpt2", "torch_sparse:sparsity=0.5"])
def test_sigma_w_of_fixed_schemes_depends_on_the_fan_and_says_so(name):
    scheme = initializer(name)
    with pytest.raises(InvalidInput, match=r"sigma_w_at\(fan_out, fan_in\)"):
        _ = scheme.sigma_w
    assert scheme.sigma_w_at(400, 400) == pytest.approx(20 * scheme.std(400, 400))


def test_lsuv_does_not_know_its_scale_without_an_activation():
    scheme = initializer("lsuv")
    for ask in (lambda: scheme.sigma_w, lambda: scheme.std(3, 3), lambda: scheme.sigma_w_at(3, 3)):
        with pytest.raises(InvalidInput, match="give it, as initializer"):
            ask()
    assert scheme(np.random.default_rng(0), 3, 3).shape == (3, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "he_norml"}, "the nearest names are he_normal"),
        ({"name": "zzzz"}, "lists the names"),
        ({"name": 3}, "a scheme is a name"),
        ({"name": ""}, "no initialisation scheme"),
        ({"name": "normal"}, "normal needs std="),
        ({"name": "normal", "std": None}, "normal needs std="),
        ({"name": "normal", "std": 0.0}, "normal: std must be a finite number from 1e-100"),
        ({"name": "normal", "std": float("nan")}, "normal: std must be a finite number from 1e-100"),
        ({"name": "normal", "std": "wide"}, "normal: std must be a finite number from 1e-100"),
        ({"name": "normal:std=0.1", "std": 0.2}, "std is given twice"),
        ({"name": "normal", "std": 0.1, "mode": "fan_in"}, "takes no mode"),
        ({"name": "normal", "std": 0.1, "gain": 2.0}, "takes no gain"),
        ({"name": "normal", "std": 0.1, "activation": "relu"}, "does not depend on the activation"),
        ({"name": "normal", "std": 0.1, "bound": 2.0}, "its parameters are: std, law"),
        ({"name": "he_normal", "std": 0.1}, "has no parameter 'std'; its parameters are: negative_slope, activation"),
        ({"name": "he_normal", "nonsense": None}, "has no parameter 'nonsense'"),
        ({"name": "he_normal", "gain": 2.0, "activation": "relu"}, "give one of gain, activation"),
        ({"name": "he_normal", "gain": 2.0, "negative_slope": 0.1}, "give one of gain, activation"),
        ({"name": "he_normal", "gain": -1.0}, "gain must be"),
        ({"name": "he_normal", "gain": [1.0, 2.0]}, "gain must be"),
        ({"name": "he_normal", "mode": "fan_max"}, "mode must be one of fan_in, fan_out, fan_avg"),
        ({"name": "he_normal", "mode": "larger"}, "mode must be one of fan_in, fan_out, fan_avg"),
        ({"name": "he_normal", "mode": 7}, "mode must be one of"),
        ({"name": "he_normal", "law": "cauchy"}, "law must be one of normal, gaussian"),
        ({"name": "he_normal", "law": 1}, "law must be one of normal, gaussian"),
        ({"name": "he_normal", "convention": "clamped"}, "has no parameter 'convention'"),
        ({"name": "orthogonal", "law": "normal"}, "law of its own"),
        ({"name": "torch_linear", "gain": 1.0}, "takes no gain"),
        ({"name": "truncated_normal", "std": 1.0, "convention": "exact"}, "convention must be one of corrected"),
        ({"name": "truncated_normal", "std": 1.0, "bound": -2.0}, "bound must be a finite number from 1e-100"),
        (
            {"name": "truncated_normal", "std": 1.0, "bound": float("inf")},
            "bound must be a finite number from 1e-100",
        ),
        ({"name": "sparse", "connections": 1.5}, "connections must be an integer"),
        ({"name": "torch_sparse", "sparsity": 1.5}, "sparsity must be a finite number from 0 to 1"),
        ({"name": "deepnet", "layers": 0}, "layers must be an integer"),
        ({"name": "fixup", "layers": 4, "branch_layers": 1}, "branch_layers must be an integer"),
        ({"name": "delta_orthogonal", "kernel_size": 0}, "kernel_size must be a whole number"),
        ({"name": "delta_orthogonal", "kernel_size": ()}, "needs a size for each dimension"),
        ({"name": "critical"}, "critical needs the activation"),
        ({"name": "critical", "activation": "gelu", "gain": 1.0}, "critical takes no gain"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(arguments, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        initializer(**arguments)
    assert "\n" not in str(caught.value)


def test_threads_and_processes_draw_the_same_networks():
    block, scheme = mlp("tanh", 1.0), initializer("lsuv", activation="tanh")
    runs = [simulate(block, 3, 32, networks=4, weights=scheme, rng=0, workers=w, dtype="float32") for w in (1, 2)]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        runs.append(simulate(block, 3, 32, networks=4, weights=scheme, rng=0, workers=pool.map, dtype="float32"))
    for run in runs:
        np.testing.assert_array_equal(run.raw["gradient"], runs[0].raw["gradient"])
        np.testing.assert_allclose(run.q.mean, 1, rtol=1e-6)


def test_an_unknown_activation_is_refused_as_such():
    with pytest.raises(UnknownActivation, match="geluu"):
        initializer("he_normal", activation="geluu")


@pytest.mark.parametrize(
    ("rng", "fan_out", "fan_in", "message"),
    [
        (0, 3, 3, "rng must be a numpy.random.Generator"),
        (np.random.default_rng(0), 0, 3, "fan_out must be a whole number"),
        (np.random.default_rng(0), 3, 2.5, "fan_in must be a whole number"),
    ],
)
def test_draws_of_what_is_no_shape_are_refused(rng, fan_out, fan_in, message):
    with pytest.raises(InvalidInput, match=message):
        initializer("he_normal")(rng, fan_out, fan_in)


def test_delta_orthogonal_needs_as_many_channels_out_as_in():
    with pytest.raises(InvalidInput, match="fan_out ≥ fan_in, not 3 channels out of 4"):
        initializer("delta_orthogonal")(np.random.default_rng(0), 3, 4)


@pytest.mark.parametrize(
    "product", [np.zeros((3, 4)), np.ones(3), np.full((3, 4), np.nan), "x", np.full((3, 4), 1e300)]
)
def test_lsuv_refuses_outputs_that_cannot_be_rescaled(product):
    with pytest.raises(InvalidInput):
        initializer("lsuv").rescale(product)
