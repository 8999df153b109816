"""Critical lines of blocks: depth scales under noise, where signals carry deepest, and why there is no line."""

import pickle

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.networks.layers.normalisation import LayerNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.criticality.deepest import correlation_scale


def noisy(name, layer):
    return mf.Network(name, layer, mf.Dense())


@pytest.mark.parametrize(
    ("keep", "xi_c"),
    [
        (0.5, 0.79631359155550961),
        (0.8, 1.553794935258602),
        (0.9, 2.2740343218819391),
        (0.95, 3.1649782437108971),
        (0.99, 6.1533273274608576),
    ],
)
def test_relu_under_noise_keeps_gradients_but_not_correlations(keep, xi_c):
    """Pretorius et al. 2018 (arXiv:1811.00293): σ_w² = 2/μ₂, and a finite depth scale there."""
    for layer in (Dropout(1 - keep), MultiplicativeNoise((1 / keep - 1) ** 0.5)):
        line = mf.critical_line(noisy("relu", layer), [0.0, 0.4])
        assert line.sigma_b.tolist() == [0.0]
        assert line.sigma_w == pytest.approx([(2 * keep) ** 0.5], rel=1e-13)
        assert line.xi_c == pytest.approx([xi_c], rel=1e-12)
        assert line.reason.startswith(f"{type(layer).__name__} parts equal inputs")
        assert line.reason.endswith(".")


def test_relu_under_noise_carries_deepest_where_gradients_keep_their_size():
    deepest = mf.critical_line(noisy("relu", Dropout(0.1)), [0.0, 0.4]).deepest
    assert deepest.sigma_b.tolist() == [0.0, 0.4]
    assert deepest.sigma_w == pytest.approx([1.8**0.5] * 2, rel=1e-9)
    assert deepest.depth == pytest.approx([6 * 2.2740343218819391] * 2, rel=1e-9)
    assert deepest.q.tolist() == [1.0, np.inf]  # without biases any; with them it grows like depth


@pytest.mark.parametrize(
    ("sigma_w2", "keep", "q", "xi_c"),
    [
        (1.76, 0.9, 0.6928365048415154, 4.666683002915),
        (1.76, 0.5, 1.8218839498393975, 1.19915606309),
        (1.5, 0.99, 0.42636977372413784, 10.8530491438),
        (2.5, 0.8, 1.5214707654937038, 2.82560991071),
    ],
)
def test_depth_scales_of_schoenholz_2017(sigma_w2, keep, q, xi_c):
    block = mf.Network("tanh", Dropout(1 - keep), mf.Dense(sigma_w2**0.5, 0.05**0.5))
    assert correlation_scale(block, np.array([q]), np.array([1.0])) == pytest.approx([xi_c], rel=2e-10)


@pytest.mark.parametrize("sigma_b", [0.1, 0.7])
@pytest.mark.parametrize("name", ["erf", "gelu"])
def test_depth_scales_are_those_of_analyze(name, sigma_b):
    block = noisy(name, Dropout(0.2)).at(sigma_w=np.array([0.6, 0.9, 1.2]), sigma_b=sigma_b)
    for network in (block, mf.mlp(name, np.array([0.6, 1.0, 1.2]), sigma_b)):
        a = mf.analyze(network)
        assert correlation_scale(network, a.q_star, a.chi_1) == pytest.approx(a.xi_c, rel=1e-10)


@pytest.mark.parametrize(
    "block",
    [noisy("erf", Dropout(0.1)), noisy("gelu", Dropout(0.3)), noisy("erf", AdditiveNoise(0.4))],
    ids=["dropout", "gelu", "additive"],
)
def test_nowhere_in_a_scan_do_signals_carry_deeper(block):
    sigma_b = 0.5
    deepest = mf.critical_line(block, sigma_b).deepest
    best = float(deepest.sigma_w[0])

    def scale(sigma_w):
        a = mf.analyze(block.at(sigma_w=sigma_w, sigma_b=sigma_b))
        bounded = np.isfinite(a.q_star)
        return np.where(bounded, np.minimum(a.xi_c, np.abs(a.xi_gradient)), 0.0)

    there = float(scale(best))
    assert deepest.depth[0] == pytest.approx(6 * there, rel=1e-9)
    assert deepest.xi_c[0] == pytest.approx(float(mf.analyze(block.at(sigma_w=best, sigma_b=sigma_b)).xi_c), rel=1e-9)
    assert np.all(scale(np.linspace(0.3, 4.0, 60)) <= there * (1 + 1e-9))
    assert np.all(scale(best * np.array([0.99, 0.999, 1.001, 1.01])) < there)


def test_small_signals_of_an_odd_activation_forget_by_the_share_that_is_kept():
    keep = 0.9
    line = mf.critical_line(noisy("tanh", Dropout(1 - keep)), 0.0)
    assert line.sigma_w == pytest.approx([keep**0.5], rel=1e-12)
    assert line.q.tolist() == [0.0]
    assert line.xi_c == pytest.approx([-1 / np.log(keep)], rel=1e-12)
    assert line.deepest.sigma_w == pytest.approx(line.sigma_w, rel=1e-12)
    t = mf.propagate(noisy("tanh", Dropout(1 - keep)).at(sigma_w=keep**0.5, sigma_b=0.0), 40, q=1e-8, c=0.5)
    assert t.c[40] / t.c[39] == pytest.approx(keep, rel=1e-4)


def test_no_noise_is_noise_of_size_zero():
    line, plain = (mf.critical_line(block, 0.3) for block in (noisy("erf", Dropout(0.0)), "erf"))
    assert (line.reason, line.deepest, line.xi_c.tolist()) == ("", None, [np.inf])
    assert (plain.reason, plain.deepest, plain.xi_c.tolist()) == ("", None, [np.inf])
    assert line.sigma_w == pytest.approx(plain.sigma_w, rel=1e-13)


def test_weak_noise_is_nearly_critical():
    xi = [float(mf.critical_line(noisy("erf", Dropout(rate)), 0.3).xi_c[0]) for rate in (1e-3, 1e-5, 1e-7)]
    assert xi[0] < xi[1] < xi[2] < np.inf
    assert xi[1] / xi[0] == pytest.approx(10, rel=0.1)  # 1 − c* grows like the root of the rate


def test_additive_noise_leaves_relu_without_a_row():
    line = mf.critical_line(noisy("relu", AdditiveNoise(0.3)), 0.0)
    assert len(line) == line.xi_c.size == 0
    assert line.reason.startswith("AdditiveNoise parts equal inputs, and chi_1 = 1 has no solution")
    assert (line.deepest.sigma_w[0], line.deepest.q[0]) == (pytest.approx(2**0.5), np.inf)  # q grows like depth


@pytest.mark.parametrize(
    "block",
    [
        Residual("tanh", mf.Dense()),
        Residual("relu", mf.Dense(), branch_scale=0.01),
        Residual(LayerNorm(), "relu", mf.Dense(), "relu", mf.Dense()),
        mf.Network(Residual("tanh", mf.Dense()), Residual(LayerNorm(), "gelu", mf.Dense(), skip_scale=1.2)),
        Residual("tanh", Dropout(0.1), mf.Dense()),
    ],
    ids=["tanh", "relu", "two layers", "two residuals", "dropout"],
)
def test_a_whole_skip_is_the_reason_for_no_line(block):
    line = mf.critical_line(block, [0.0, 0.3])
    assert len(line) == 0
    assert "carries gradients whole" in line.reason
    assert line.deepest is None
    for sigma_w in (1e-2, 1.0, 3.0):
        assert np.all(mf.propagate(mf.Network(block).at(sigma_w=sigma_w, sigma_b=0.3), 5).chi > 1)


def test_a_norm_behind_the_skip_is_none_that_carries_whole():
    """Post-norm: χ₁ = (1 + σ_w² E φ′²)/(1 + σ_w² E φ² + σ_b²), both at q = 1."""
    block = mf.Network(Residual("erf", mf.Dense()), LayerNorm())
    line = mf.critical_line(block, 0.1)
    ratio = 0.32380701094355827  # √(E φ′² − E φ²)
    assert line.sigma_w == pytest.approx([0.1 / ratio], rel=1e-9)
    assert line.reason == ""


@pytest.mark.parametrize(
    ("spec", "sigma_b", "why"),
    [
        ("softplus", [0.0, 0.5], "negative sigma_b²"),
        ("relu", [0.2], "sigma_b = 0 alone"),
        (lambda x: np.ones_like(x), [0.2], "gradients vanish"),
        (mf.Network("gelu", mf.Dense(), "gelu", mf.Dense()), [0.2], "no sigma_w from"),
        (mf.Network(mf.Dense(), "sign"), [0.1], "sign jumps"),
        (mf.Network(LayerNorm(), "relu", mf.Dense()), [0.2], "sigma_b = 0 alone"),
    ],
)
def test_without_a_row_there_is_one_sentence(spec, sigma_b, why):
    line = mf.critical_line(spec, sigma_b)
    assert len(line) == 0
    assert why in line.reason
    assert line.reason.endswith(".")
    assert ". " not in line.reason


def test_the_range_of_sigma_b_in_the_reason_is_where_solutions_are():
    line = mf.critical_line("softshrink", 1e-3)
    assert len(line) == 0
    low = float(line.reason.removeprefix("chi_1 = 1 has solutions only for sigma_b from ").removesuffix(" on."))
    assert [len(mf.critical_line("softshrink", low * s)) > 0 for s in (0.9, 0.99, 1.01, 1.1, 100.0)] == [False] * 2 + [
        True
    ] * 3


def test_where_no_solution_is_stable_that_is_the_reason():
    line = mf.critical_line("gelu", [0.1, 0.2], stable_only=True)
    assert len(line) == 0
    assert "does not return" in line.reason


def test_where_every_sigma_w_is_critical_there_is_the_row_of_q_one():
    for block in (
        mf.Network(LayerNorm(), "relu", mf.Dense()),
        mf.Network(LayerNorm(), "relu", mf.Dense(), "relu", mf.Dense()),
    ):
        line = mf.critical_line(block, 0.0)
        assert line.sigma_w == pytest.approx([2**0.5], rel=1e-9)
        assert line.q == pytest.approx([1.0], rel=1e-9)
        assert line.error[0] > 0.1  # it is free


def test_normalised_pre_activations_beside_a_skip_have_no_row_without_biases():
    assert len(mf.critical_line(Residual(LayerNorm(), "erf", mf.Dense(), skip_scale=0.6), 0.0)) == 0


def test_a_jump_of_q_over_the_critical_one_is_no_solution():
    block = mf.Network("gelu", mf.Dense(), "gelu", mf.Dense())
    assert len(mf.critical_line(block, 0.3)) == 0
    below, above = mf.analyze(block.at(sigma_w=[1.45, 1.6], sigma_b=0.3)).chi_1
    assert below < 1 < above
    line = mf.critical_line(block, 0.6)
    assert line.sigma_w == pytest.approx(mf.critical_line("gelu", 0.6, stable_only=True).sigma_w, rel=1e-9)


def test_lines_are_pickled_without_the_functions_they_came_from():
    line = mf.critical_line(mf.Network(lambda x: np.tanh(x), mf.Dense()), 0.3)
    assert pickle.loads(pickle.dumps(line)).sigma_w == line.sigma_w
    line = mf.critical_line(noisy("relu", Dropout(0.2)), [0.0, 0.3])
    again = pickle.loads(pickle.dumps(line))
    assert again.xi_c == pytest.approx(line.xi_c)
    assert again.deepest.depth == pytest.approx(line.deepest.depth)
    assert again.reason == line.reason


def test_where_sigma_w_does_not_matter_to_the_depth_one_in_the_middle_is_given():
    for block in (
        mf.Network("relu", Dropout(0.2), LayerNorm(), mf.Dense()),
        mf.Network(LayerNorm(), "relu", Dropout(0.2), mf.Dense()),
    ):
        deepest = mf.critical_line(block, 0.0).deepest
        assert 0.1 < deepest.sigma_w[0] < 10
        for sigma_w in (0.2, 5.0):
            a = mf.analyze(block.at(sigma_w=sigma_w, sigma_b=0.0))
            assert deepest.depth[0] == pytest.approx(6 * min(a.xi_c, abs(a.xi_gradient)), rel=1e-9)


def test_a_branch_scaled_by_nothing_makes_no_sigma_w_special():
    line = mf.critical_line(Residual("relu", mf.Dense(), branch_scale=0.0), [0.0, 0.3])
    assert (len(line), line.deepest) == (0, None)
    assert "scaled by 0" in line.reason


def test_where_every_sigma_w_up_to_one_is_critical_there_is_one_row_for_them():
    """A copy of the normalised signal beside ReLU's: χ₁ = 1 while q has a fixed point, up to σ_w² = 1 + growth."""
    block = mf.network("concatenate(layernorm, relu, dense, growth=0.25), dense")
    line = mf.critical_line(block, 0.0)
    assert len(line) == 1
    for sigma_w in (0.2, float(line.sigma_w[0]), 1.1):
        assert float(mf.analyze(block.at(sigma_w=sigma_w, sigma_b=0.0)).chi_1) == pytest.approx(1.0, abs=1e-12)
    assert float(line.error[0]) == float(line.sigma_w[0])  # any will do


def test_the_first_of_several_crossings_of_nearby_weights_is_found():
    """χ₁ exceeds 1 from sigma_w = 1.2035 on, and is below 1 again where q is large before it grows without bound."""
    block = mf.Network("silu", mf.Dense(), mf.Residual("celu", mf.Dense(), branch_scale=0.696))
    line = mf.critical_line(block, 0.5)
    assert line.sigma_w.size == 1
    there = mf.analyze(block.at(sigma_w=float(line.sigma_w[0]), sigma_b=0.5))
    assert 7 < float(there.q_star) < 8
    assert float(there.chi_1) == pytest.approx(1.0, abs=1e-10)
