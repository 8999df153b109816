"""Networks drawn by a scheme do what the theory says for its sigma_w: signal and gradient, layer by layer."""

import pytest

from meanfield.cross_check.crosscheck import crosscheck
from meanfield.initializers.resolve import initializer, schemes
from meanfield.networks.block import mlp

WIDTH, DEPTH = 128, 10
CHECKS = [
    ("normal:std=0.12", "relu"),
    ("normal:std=0.1", "gelu"),
    ("uniform:bound=0.2", "relu"),
    ("truncated_normal:std=0.13", "relu"),
    ("truncated_normal:std=0.13,convention=uncorrected", "tanh"),
    ("truncated_normal:std=0.13,convention=absolute,bound=0.1", "gelu"),
    ("truncated_normal:std=0.13,convention=clamped,bound=1", "relu"),
    ("xavier_normal", "tanh"),
    ("xavier_uniform", "tanh"),
    ("xavier_normal:law=student_t", "tanh"),
    ("he_normal", "relu"),
    ("he_normal", "gelu"),
    ("he_uniform", "relu"),
    ("he_normal:law=truncated_normal", "relu"),
    ("he_normal:activation=gelu", "gelu"),
    ("lecun_normal", "selu"),
    ("lecun_uniform", "tanh"),
    ("torch_linear", "relu"),
    ("torch_linear", "tanh"),
    ("orthogonal", "tanh"),
    ("orthogonal:activation=relu", "relu"),
    ("sparse", "tanh"),
    ("torch_sparse:sparsity=0.5,std=0.17", "relu"),
    ("gpt2", "tanh"),
    ("gpt2:layers=2", "gelu"),
    ("deepnet:layers=2", "relu"),
    ("deepnet_encoder:encoder_layers=6,decoder_layers=6", "relu"),
    ("deepnet_decoder:decoder_layers=6", "gelu"),
    ("fixup:layers=4,branch_layers=3", "relu"),
    ("critical:activation=relu", "relu"),
    ("critical:activation=tanh", "tanh"),
    ("critical:activation=gelu", "gelu"),
    ("lsuv:activation=relu", "relu"),
    ("lsuv:activation=tanh", "tanh"),
    ("torch_lstm:hidden_size=128", "tanh"),
    ("mitchell", "selu"),
    ("siren", "siren"),
]


@pytest.mark.sweep(3)
@pytest.mark.parametrize(("call", "activation"), CHECKS)
def test_theory_and_simulation_agree(call, activation):
    scheme = initializer(call)
    sigmas = scheme.sigma_w_at(WIDTH, WIDTH), scheme.sigma_b_at(WIDTH, WIDTH)
    check = crosscheck(mlp(activation, *sigmas), DEPTH, WIDTH, weights=scheme, networks=16, rng=7)
    assert check.passed, check.summary


def test_every_scheme_for_fully_connected_layers_is_checked():
    elsewhere = {"delta_orthogonal", "diagonal_plus_noise"}
    other_scales_of_checked_laws = {"variance_scaling", "small_init", "wang_init", "spectral", "siren_first"}
    checked = {initializer(call).name for call, _ in CHECKS}
    assert checked | elsewhere | other_scales_of_checked_laws == set(schemes())


def summed_over_taps(rng, fan_out, fan_in):
    return initializer("delta_orthogonal", activation="relu")(rng, fan_out, fan_in).sum(axis=(2, 3))


def test_delta_orthogonal_acts_on_constant_images_as_its_sigma_w_says():
    sigma_w = initializer("delta_orthogonal", activation="relu").sigma_w
    check = crosscheck(mlp("relu", sigma_w), DEPTH, WIDTH, weights=summed_over_taps, networks=16, rng=7)
    assert check.passed, check.summary


def largest_z(call, activation):
    """Of signal and gradient, in units of what is allowed; the check of the matrices themselves sees the diagonal."""
    scheme = initializer(call)
    check = crosscheck(mlp(activation, scheme.sigma_w), DEPTH, WIDTH, weights=scheme, networks=16, rng=7)
    assert not check.passed
    return max(abs(check.z[name]).max() for name in ("q", "gradient")) / check.threshold


def test_a_diagonal_plus_noise_is_what_its_sigma_w_says_in_linear_networks_only():
    assert largest_z("diagonal_plus_noise:diagonal=0.6,noise=0.8", "linear") < 1
    assert largest_z("diagonal_plus_noise", "linear") < 1
    assert largest_z("diagonal_plus_noise", "relu") > 1  # the ReLU of what is positive already takes nothing away


def test_a_wrong_sigma_w_fails():
    scheme = initializer("he_normal")
    assert not crosscheck(mlp("relu", 1.1 * scheme.sigma_w), DEPTH, WIDTH, weights=scheme, networks=16, rng=7).passed


@pytest.mark.parametrize(
    "call", ["xavier_normal", "xavier_uniform:mode=fan_out", "he_normal", "orthogonal", "torch_linear"]
)
def test_signal_and_gradient_scale_by_their_own_fans_where_widths_differ(call):
    widths, scheme = [64, 256, 64, 256, 64, 256], initializer(call)
    blocks = scheme.blocks("tanh", widths)
    assert crosscheck(blocks, 5, widths, weights=scheme, networks=16, c=0.3, rng=3)
    by_fan_in = len({block.layers[1].sigma_w for block in blocks}) == 1
    assert by_fan_in == (call in ("he_normal", "torch_linear"))
    if not by_fan_in:
        assert not crosscheck(scheme.blocks("tanh", widths[::-1]), 5, widths, weights=scheme, networks=16, rng=3)
