"""Redrawn weights keep the law and the scale of each weight, of each part and of each tap."""

import pytest

import meanfield.torch as mft
from meanfield.torch.redraws import _another


def drawn(torch, values, kind="independent", parts=1):
    return _another(values, (kind, parts), torch.Generator().manual_seed(1)).to(values)


def test_entries_change_places_and_signs(torch):
    w = torch.randn(20, 30)
    new = drawn(torch, w)
    assert not torch.equal(new, w)
    assert torch.equal(new.abs().flatten().sort().values, w.abs().flatten().sort().values)


def test_parts_and_taps_keep_their_own_entries(torch):
    w = torch.cat([torch.randn(8, 6), 10 * torch.randn(8, 6)])
    new = drawn(torch, w, parts=2)
    assert torch.equal(new[8:].abs().flatten().sort().values, w[8:].abs().flatten().sort().values)
    kernel = torch.randn(6, 4, 3) * torch.tensor([0.0, 1.0, 5.0])
    new = drawn(torch, kernel)
    assert torch.equal(new.abs().flatten(0, 1).sort(0).values, kernel.abs().flatten(0, 1).sort(0).values)


def test_large_weights_keep_their_scale_and_orthogonal_ones_their_singular_values(torch):
    w = torch.empty(600, 600).uniform_(-0.1, 0.1)
    assert drawn(torch, w).std().item() == pytest.approx(w.std().item(), rel=0.01)
    q = 1.5 * torch.nn.init.orthogonal_(torch.empty(12, 12))
    torch.testing.assert_close(torch.linalg.svdvals(drawn(torch, q, "orthogonal")), torch.full((12,), 1.5))


def test_weights_that_depend_on_each_other_without_being_copies_are_found(torch, zoo):
    model, inputs = zoo.mlp(depth=6, activation=torch.nn.Tanh, gain=1.2)
    with torch.no_grad():
        for layer in model[2:-1:2]:  # all rows near one direction, with the scale of the others
            direction = torch.randn(128)
            layer.weight.copy_(torch.randn(128, 1) * direction * 1.2 / 128**0.5)
    findings = mft.audit(model, inputs, rng=0).findings
    assert any(one.kind == "structure" and one.severity == "error" for one in findings)


def test_half_precision_is_audited(torch, zoo):
    model, inputs = zoo.mlp(depth=3)
    assert mft.audit(model.bfloat16(), inputs.bfloat16(), redraws=4, rng=0).passed
