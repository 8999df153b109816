"""Attention as a description: which matrices it has, what may stand beside it, and what is refused."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.pooling import Flatten, GlobalAveragePool
from meanfield.networks.layers.residual import Residual
from meanfield.theory.depth.pixels import propagate_pixels


def test_it_is_shown_as_it_is_written():
    layer = Attention(1.5, 0.1, scores="gaussian", sigma_qk=0.7)
    assert repr(layer) == "Attention(sigma_w=1.5, sigma_b=0.1, scores='gaussian', sigma_qk=0.7, causal=False)"
    assert repr(eval(repr(layer))) == repr(layer)


def test_it_has_two_matrices_or_four():
    assert (Attention().matrices, Attention(scores="gaussian").matrices) == (2, 4)


def test_networks_set_its_sigmas_and_keep_its_scores():
    block = Residual(Attention(1.0, 0.0, "gaussian", 0.7), mf.Dense(2.0))
    attention, dense = mf.Network(block).at(sigma_w=[1.1, 1.2], sigma_b=0.3).layers[0].inner
    assert np.array_equal(attention.sigma_w, dense.sigma_w)
    assert (attention.sigma_b, attention.scores, attention.sigma_qk) == (0.3, "gaussian", 0.7)


def test_arrays_broadcast_and_cannot_be_changed_from_outside():
    sigma = np.array([1.0, 2.0])
    layer = Attention(sigma, [[0.1], [0.2], [0.3]], "gaussian", [0.5, 0.6])
    sigma[:] = 7.0
    assert layer.sigma_w.tolist() == [1.0, 2.0]
    assert mf.Network(layer).shape == (3, 2)
    with pytest.raises(mf.InvalidInput, match=r"do not broadcast: sigma_w \(2,\), sigma_qk \(3,\)"):
        mf.Network(Attention([1.0, 2.0], sigma_qk=[1.0, 2.0, 3.0]))


@pytest.mark.parametrize("sigma", [-1.0, np.nan, np.inf, "a", None, 1j, [], 1e200])
@pytest.mark.parametrize("name", ["sigma_w", "sigma_b", "sigma_qk"])
def test_what_is_no_standard_deviation_is_refused(name, sigma):
    with pytest.raises(mf.InvalidInput, match=name):
        Attention(**{name: sigma})


@pytest.mark.parametrize("scores", ["linear", "Uniform", "", None, 1, ["uniform"], np.array(["uniform", "gaussian"])])
def test_what_are_no_scores_is_refused(scores):
    with pytest.raises(mf.InvalidInput, match="scores must be one of uniform, gaussian, softmax, not"):
        Attention(scores=scores)


def test_causal_gaussian_scores_are_refused():
    assert Attention(scores="softmax", causal=True).causal
    assert Attention(causal=True).matrices == 2
    with pytest.raises(mf.InvalidInput, match="causal attention has uniform or softmax scores"):
        Attention(scores="gaussian", causal=True)
    with pytest.raises(mf.InvalidInput, match="causal must be True or False, not 1"):
        Attention(causal=1)


@pytest.mark.parametrize("scores", ["uniform", "gaussian"])
def test_batch_normalisation_beside_it_is_refused(scores):
    block = mf.Network(mf.BatchNorm(8), "relu", Attention(scores=scores))
    with pytest.raises(mf.InvalidInput, match="no map is known for Attention and BatchNorm in one network"):
        mf.analyze(block)
    with pytest.raises(mf.InvalidInput, match="BatchNorm"):
        mf.simulate(block, 1, 16, networks=2)


def test_what_takes_one_network_refuses_arrays():
    many = Attention(scores="gaussian", sigma_qk=[0.5, 1.5])
    assert mf.analyze(many).chi_1.shape == (2,)
    for call in (
        lambda: mf.simulate(many, 1, 16),
        lambda: propagate_pixels(many, np.eye(3), 1),
        lambda: mf.fixed_points(many),
    ):
        with pytest.raises(mf.InvalidInput, match=r"\(2,\)"):
            call()


def test_heads_for_classification_read_tokens_as_a_mean_or_as_one_vector():
    for last in (GlobalAveragePool(), Flatten()):
        stack = [Residual(Attention(1.2)), mf.Network(Residual(Attention(1.2)), last, mf.Dense())]
        assert mf.crosscheck(stack, 2, 128, networks=16, c=0.3, pixels=4, rng=0)
        with pytest.raises(mf.InvalidInput, match=f"{type(last).__name__} depends on the covariances between pixels"):
            mf.kernel(stack, np.eye(3), 2)
        assert np.all(mf.propagate(stack, 2, pixels=4).q > 0)


def test_tokens_must_fill_whole_sequences():
    with pytest.raises(mf.InvalidInput, match="7 points are not a whole number"):
        propagate_pixels(Attention(), np.eye(7), 1, pixels=3)
