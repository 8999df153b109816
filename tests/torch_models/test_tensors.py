"""Draws of single tensors: exact scales, and refusals in one sentence."""

import math

import pytest

import meanfield as mf
import meanfield.torch as mft


def test_truncated_entries_have_the_standard_deviation_that_was_asked_for(torch):
    w = torch.empty(300, 300)
    assert mft.trunc_normal_(w, 0.02, generator=torch.Generator().manual_seed(0)) is w
    cut = 0.02 / 0.8796256610342398  # of TensorFlow
    assert w.abs().max() <= 2 * cut * (1 + 1e-6)
    assert math.isclose(w.std().item(), 0.02, rel_tol=4 / math.sqrt(2 * w.numel()))
    torch.nn.init.trunc_normal_(w, std=0.02, a=-0.04, b=0.04)  # what others give
    assert w.std().item() < 0.0178


def test_delta_orthogonal_kernels_keep_the_norm_of_a_pixel(torch):
    w = torch.empty(24, 16, 3, 3)
    mft.delta_orthogonal_(w, math.sqrt(2.0))
    x = torch.randn(2, 16, 5, 5)
    y = torch.nn.functional.conv2d(x, w, padding=1)
    torch.testing.assert_close(y.square().sum(1), 2 * x.square().sum(1), rtol=1e-4, atol=1e-4)


def test_critical_weights_have_the_recommended_scale_and_biases(torch):
    w, b = torch.empty(200, 150), torch.empty(4000)
    mft.critical_(w, torch.nn.GELU(), bias=b)
    wanted = mf.recommend("gelu")
    assert math.isclose(w.std().item() * math.sqrt(150), wanted.sigma_w, rel_tol=0.02)
    assert math.isclose(b.std().item(), wanted.sigma_b, rel_tol=0.06)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda t: mft.trunc_normal_(t.zeros(3, dtype=t.int64)), "floating dtype"),
        (lambda t: mft.trunc_normal_(t.zeros(3), std=-1), "std must be finite and greater than 0"),
        (lambda t: mft.delta_orthogonal_(t.zeros(2, 3, 3)), "C_out ≥ C_in"),
        (lambda t: mft.delta_orthogonal_(t.zeros(3, 3, 4)), "odd sides"),
        (lambda t: mft.critical_(t.zeros(3), "relu"), "takes a weight"),
    ],
)
def test_refusals(torch, call, why):
    with pytest.raises(mf.InvalidInput, match=why):
        call(torch)
