"""Initialisation bugs that were public for months, as models of today: each is found in one call.

pytorch 86274 and 171361, mlx 4536, keras 22789 and torchtitan 3334 are built from their descriptions. transformers
47458 and 47478 stand for weights that an initialiser misses: a raw parameter that keeps its own draw, and a class of
layers that keeps the default of torch.
"""

import math

import pytest

import meanfield.torch as mft


def named(model, inputs, kind, **options):
    found = mft.audit(model, inputs, redraws=0, rng=0, **options)
    return {one.module: one for one in found.findings if one.kind == kind}, found


def test_pytorch_86274_layers_of_an_encoder_are_clones(zoo):
    model, inputs = zoo.encoder(cloned=True)
    findings, found = named(model, inputs, "copies")
    assert not found.passed
    assert "it is equal to layers.0.linear1.weight" in findings["layers.1.linear1"].text
    assert not named(*zoo.encoder(cloned=False), "copies")[0]


def test_pytorch_171361_packed_queries_keys_and_values_have_the_fans_of_the_packed_matrix(zoo):
    findings, _ = named(*zoo.encoder(), "fan")
    assert "the fan_out of the packed matrix" in findings["layers.0.self_attn"].text


def test_mlx_4536_grouped_convolutions_are_drawn_with_the_fan_in_of_all_groups(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Conv2d(32, 64, 3, groups=8), nn.ReLU(), nn.Conv2d(64, 64, 3, groups=4))
    for conv in model[::2]:
        bound = 1 / math.sqrt(conv.in_channels * 9)
        nn.init.uniform_(conv.weight, -bound, bound)
    findings, _ = named(model, torch.randn(4, 32, 8, 8), "fan")
    assert "the fan_in of all 8 groups" in findings["0"].text
    for conv in model[::2]:
        conv.reset_parameters()
    assert not named(model, torch.randn(4, 32, 8, 8), "fan")[0]


@pytest.mark.parametrize("wrong", [True, False])
def test_keras_22789_projections_to_heads_are_drawn_like_convolutions(torch, wrong):
    class Heads(torch.nn.Module):
        def __init__(self, width=64, heads=4, units=24):
            super().__init__()
            shape = (width, heads, units)
            fans = (width * heads, width * units) if wrong else (width, heads * units)
            bound = math.sqrt(6 / sum(fans))
            self.query = torch.nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
            self.out = torch.nn.Linear(heads * units, 10)

        def forward(self, x):
            return self.out(torch.einsum("btd,dhk->bthk", x, self.query).flatten(2))

    findings, _ = named(Heads(), torch.randn(4, 6, 64), "fan")
    assert bool(findings) is wrong
    if wrong:
        assert "the fans of a convolution for the shape (64, 4, 24)" in findings[""].text


def test_torchtitan_3334_the_depth_scaling_is_on_the_wrong_projection(zoo, torch):
    model, inputs = zoo.llama()
    for i, layer in enumerate(model.layers):
        for name in ("up_proj", "down_proj"):
            torch.nn.init.trunc_normal_(getattr(layer.mlp, name).weight, std=0.02 / math.sqrt(2 * (i + 1)))
    findings, found = named(model, inputs, "gate")
    assert {f"layers.{i}.mlp.up_proj" for i in range(6)} == set(findings)
    assert findings["layers.5.mlp.up_proj"].severity == "error"
    assert not found.passed


def test_transformers_47458_a_raw_parameter_keeps_its_own_draw(zoo, torch):
    class Experts(torch.nn.Module):
        def __init__(self, width):
            super().__init__()
            self.gate_up = torch.nn.Parameter(torch.randn(2, width, 64))
            self.down_proj = torch.nn.Linear(64, width, bias=False)
            torch.nn.init.normal_(self.down_proj.weight, std=0.02)

        def forward(self, x):
            y = torch.matmul(x.flatten(0, 1), self.gate_up).sum(0).view(*x.shape[:2], -1)
            return self.down_proj(torch.nn.functional.silu(y))

    model, inputs = zoo.llama()
    for layer in model.layers:
        layer.mlp = Experts(96)
    findings, _ = named(model, inputs, "scheme")
    assert "layers.0.mlp.gate_up and 5 more has std" in findings["layers.0.mlp"].text
    assert findings["layers.0.mlp"].severity == "warning"


def test_transformers_47478_a_class_of_layers_keeps_the_default_of_torch(zoo):
    model, inputs = zoo.gpt()
    for block in model.h:
        block.mlp.fc1.reset_parameters()
    findings, _ = named(model, inputs, "scheme")
    assert "h.0.mlp.fc1.weight and 5 more has std" in findings["h.0.mlp.fc1"].text
    assert "torch_linear" in findings["h.0.mlp.fc1"].text
    assert not named(model, inputs, "scale", expect="gpt2")[1].passed
