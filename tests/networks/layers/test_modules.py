"""torch modules in training mode as layers of a block."""

import numpy as np
import pytest

import meanfield as mf


def test_dropout_becomes_the_layer_that_it_is(torch):
    module = torch.nn.Sequential(torch.nn.GELU(), torch.nn.Dropout(0.2))
    block, by_hand = mf.Network(module, mf.Dense(1.5, 0.1)), mf.Network("gelu", mf.Dropout(0.2), mf.Dense(1.5, 0.1))
    assert repr(block).replace("GELU", "gelu") == repr(by_hand)
    assert mf.variance_map(block, 2.0).agrees(mf.variance_map(by_hand, 2.0))
    assert mf.correlation_map(block, 0.9, q=2.0).agrees(mf.correlation_map(by_hand, 0.9, q=2.0))
    assert mf.correlation_map(mf.mlp(module), 1.0, q=1.0).value < 0.9
    assert mf.correlation_map(mf.mlp(module.eval()), 1.0, q=1.0).value == 1
    assert "eval mode" in repr(mf.mlp(module))


def test_a_module_in_a_residual_branch(torch):
    module = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Dropout(0.5))
    block = mf.Residual(module, mf.Dense(1.0))
    assert mf.variance_map(block, 2.0).value == pytest.approx(2 + 2, rel=1e-12)  # ReLU halves q, Dropout doubles it


def test_rrelu_in_training_mode_has_the_moments_that_torch_draws(torch):
    low, high, q = 0.1, 0.9, 2.0
    block = mf.Network(torch.nn.RReLU(low, high), mf.Dense(1.0))
    slopes, mean = (high**3 - low**3) / (3 * (high - low)), (low + high) / 2
    assert mf.variance_map(block, q).value == pytest.approx(q * (1 + slopes) / 2, rel=1e-12)
    together = mf.correlation_map(block, 1.0, q=q).value * (1 + slopes) / 2
    assert together == pytest.approx((1 + mean**2) / 2, rel=1e-12)
    torch.manual_seed(0)
    x = torch.randn(4_000_000, dtype=torch.float64) * q**0.5
    first, second = (torch.nn.RReLU(low, high)(x).numpy() for _ in range(2))
    assert np.mean(first**2) == pytest.approx(q * (1 + slopes) / 2, rel=5e-3)
    assert np.mean(first * second) == pytest.approx(q * (1 + mean**2) / 2, rel=5e-3)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda nn: nn.Sequential(nn.SELU(), nn.AlphaDropout(0.1)), "no layer has the second moments of AlphaDropout"),
        (lambda nn: nn.Sequential(nn.ReLU(), nn.Dropout2d(0.1)), "no layer has the second moments of Dropout2d"),
        (lambda nn: nn.Sequential(nn.ReLU(), nn.BatchNorm1d(9)), "mf.BatchNorm"),
    ],
)
def test_what_has_no_layer_is_refused(torch, make, why):
    with pytest.raises(mf.MeanFieldError, match=why):
        mf.Network(make(torch.nn), mf.Dense())


def test_dropout_before_an_activation_is_refused_as_ever(torch):
    with pytest.raises(mf.InvalidInput, match="GELU needs Gaussian units"):
        mf.analyze(mf.Network(torch.nn.Sequential(torch.nn.Dropout(0.1), torch.nn.GELU()), mf.Dense()))
