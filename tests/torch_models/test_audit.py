"""What an audit measures, that it leaves the model as it was, and what it refuses."""

import copy
import json
import math
import re

import pytest

import meanfield as mf
import meanfield.torch as mft

QUICK = {"redraws": 0, "rng": 0}


def state(model):
    tensors = [*model.state_dict().values()]
    return [t.clone() for t in tensors], [p.grad for p in model.parameters()], [m.training for m in model.modules()]


@pytest.mark.parametrize("copied", [True, False])
def test_the_model_and_the_generators_stay_as_they_were(zoo, torch, copied):
    model, inputs = zoo.resnet()
    model.layer2.eval()
    model.fc.weight.grad = torch.ones_like(model.fc.weight)
    before, hooks = state(model), [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
    requires = [p.requires_grad for p in model.parameters()]
    random = torch.get_rng_state()
    mft.audit(model, inputs, redraws=4, rng=0, copy=copied)
    after = state(model)
    assert all(torch.equal(a, b) for a, b in zip(before[0], after[0], strict=True))
    assert all(a is b for a, b in zip(before[1], after[1], strict=True))
    assert before[2] == after[2]
    assert hooks == [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
    assert requires == [p.requires_grad for p in model.parameters()]
    assert torch.equal(random, torch.get_rng_state())


def test_rows_measure_what_the_layers_return(zoo, torch):
    model, inputs = zoo.mlp(depth=3)
    rows = {row.module: row for row in mft.audit(model, inputs, loss=lambda y: y.square().sum(), **QUICK).rows}
    x = inputs.clone()
    signals = []
    for layer in model:
        x = layer(x)
        x.retain_grad()
        signals.append(x)
    x.square().sum().backward()
    for i, y in enumerate(signals):
        row = rows[str(i)]
        assert math.isclose(row.second_moment, y.square().mean().item(), rel_tol=1e-5)
        assert math.isclose(row.mean, y.mean().item(), rel_tol=1e-4, abs_tol=1e-6)
        assert math.isclose(row.gradient, y.grad.square().mean().item(), rel_tol=1e-5)
        cosines = torch.nn.functional.cosine_similarity(y[:8], y[1:9])
        assert math.isclose(row.correlation, cosines.mean().item(), rel_tol=1e-4, abs_tol=1e-6)
    assert math.isclose(rows["2"].sigma_w, (model[2].weight.square().mean() * 128).sqrt().item(), rel_tol=1e-6)
    assert rows["2"].scheme.startswith("he_normal")


def test_activations_that_change_their_input_in_place_are_measured_behind_it(torch):
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU(inplace=True))
    before, after = mft.audit(model, torch.randn(4, 8), **QUICK).rows
    assert before.mean != after.mean
    assert after.second_moment < before.second_moment


def test_packed_matrices_are_measured_by_their_parts(zoo):
    model, inputs = zoo.encoder(depth=1)
    (row,) = [row for row in mft.audit(model, inputs, **QUICK).rows if row.module == "layers.0.self_attn"]
    assert [weight.name[-2:] for weight in row.weights] == ["#q", "#k", "#v"]
    assert all(weight.fan_in == weight.fan_out == 64 for weight in row.weights)


def test_weights_of_products_have_their_fans(torch):
    class Products(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.right = torch.nn.Parameter(torch.randn(6, 8))
            self.experts = torch.nn.Parameter(torch.randn(4, 8, 5))
            self.heads = torch.nn.Parameter(torch.randn(6, 2, 3))

        def forward(self, x):
            y = torch.einsum("bd,dhk->bhk", x, self.heads)
            return torch.bmm((x @ self.right).expand(4, -1, -1), self.experts).sum() + y.sum()

    (row,) = mft.audit(Products(), torch.randn(3, 6), **QUICK).rows
    assert {w.name: w.fan_in for w in row.weights} == {"right": 6, "experts": 8, "heads": 6}


def test_gradients_start_before_a_head_of_zeros(zoo, torch):
    model, inputs = zoo.mlp(depth=3)
    torch.nn.init.zeros_(model[-1].weight)
    found = mft.audit(model, inputs, **QUICK)
    assert found.passed
    assert found.before == "6"
    assert found.rows[0].gradient > 0
    assert [(one.kind, one.severity) for one in found.findings] == [("zeros", "note")]


def test_an_audit_as_text_json_numbers_figure_and_page(zoo, tmp_path):
    model, inputs = zoo.mlp(depth=4, activation=zoo.nn.GELU)
    found = mft.audit(model, inputs, redraws=4, rng=0)
    assert found
    assert "passed" in found.summary().splitlines()[0]
    assert re.fullmatch(r"Audit\(passed: .*\)", repr(found))
    as_dict = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert as_dict["rows"][0]["weights"][0]["name"] == "0.weight"
    flat = found.to_flat_dict()
    assert flat["audit/passed"] == 1.0
    assert all(isinstance(value, float) for value in flat.values())
    assert found.plot(label="mine").shape == (2,)
    found.to_html(tmp_path / "audit.html")
    text = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert text.count("<svg") == text.count("</html>") == 1
    assert not re.search(r"<script|(src|href)\s*=\s*\"(?!#)", text)


def test_the_same_seed_gives_the_same_audit(zoo):
    model, inputs = zoo.mlp(depth=2)
    assert mft.audit(model, inputs, redraws=4, rng=3).to_dict() == mft.audit(model, inputs, redraws=4, rng=3).to_dict()


def test_inputs_may_be_tuples_and_dicts(zoo, torch):
    model, inputs = zoo.gpt()
    rows = mft.audit(model, {"tokens": inputs}, **QUICK).rows
    assert rows == rows
    assert math.isclose(rows[0].second_moment, mft.audit(model, (inputs,), **QUICK).rows[0].second_moment)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"inputs": 3}, "inputs must be a tensor"),
        ({"redraws": 2}, "redraws must be 0, or at least 4"),
        ({"alpha": 2}, "alpha is a false-alarm rate"),
        ({"loss": 3}, "loss must be callable"),
        ({"loss": lambda y: y}, "loss must return a scalar tensor that depends on the output"),
        ({"expect": "nosuch", **QUICK}, "nosuch"),
        ({"model": 3}, "model must be a torch.nn.Module"),
    ],
)
def test_refusals(zoo, torch, change, why):
    model, inputs = zoo.mlp(depth=2)
    arguments = {"model": model, "inputs": inputs} | change
    with pytest.raises(mf.InvalidInput, match=why):
        mft.audit(**arguments)


def test_signals_that_overflow_are_an_error(torch):
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 8))
    torch.nn.init.constant_(model[0].weight, 1e30)
    found = mft.audit(model, 1e20 * torch.randn(4, 8), **QUICK)
    assert not found.passed
    assert ("0", "not finite") in {(one.module, one.kind) for one in found.findings}


def test_a_model_that_does_not_run_is_told_in_one_sentence(zoo, torch):
    model, _ = zoo.mlp(depth=2)
    with pytest.raises(mf.InvalidInput, match="the model does not run on these inputs: RuntimeError"):
        mft.audit(model, torch.randn(3, 5))


def test_a_model_without_values_is_refused(torch):
    with torch.device("meta"):
        model = torch.nn.Linear(2, 3)
    with pytest.raises(mf.InvalidInput, match="has no values yet"):
        mft.audit(model, torch.randn(3, 2))


def test_deep_copies_are_independent_of_their_original(zoo):
    model, inputs = zoo.encoder(depth=2)
    twin = copy.deepcopy(model)
    assert mft.audit(model, inputs, **QUICK).to_dict() == mft.audit(twin, inputs, **QUICK).to_dict()
