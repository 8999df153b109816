"""Theory along the graph against the maps of whole networks and against measured signals; networks of models."""

import math

import numpy as np
import pytest

import meanfield as mf
import meanfield.torch as mft

QUICK = {"redraws": 0, "rng": 0}


def residual_model(torch, norm_last=False):
    nn, F = torch.nn, torch.nn.functional

    class Gate(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.norm = nn.LayerNorm(width)
            self.value, self.gate = nn.Linear(width, 2 * width), nn.Linear(width, 2 * width)
            self.out = nn.Linear(2 * width, width)

        def forward(self, x):
            if norm_last:
                return self.norm(x + self.out(self.value(x) * F.silu(self.gate(x))))
            y = self.norm(x)
            return x + 0.5 * self.out(self.value(y) * F.silu(self.gate(y)))

    model = nn.Sequential(nn.Linear(64, 48), Gate(48), nn.Tanh(), nn.Linear(48, 48), Gate(48), nn.Linear(48, 10))
    return model, torch.randn(8, 64)


@pytest.mark.parametrize("kind", ["mlp", "gelu", "pre-norm", "post-norm"])
def test_theory_along_the_graph_is_the_map_of_the_whole_network(zoo, torch, kind):
    if kind.endswith("norm"):
        model, inputs = residual_model(torch, kind == "post-norm")
    else:
        model, inputs = zoo.mlp(depth=4, activation=torch.nn.GELU if kind == "gelu" else torch.nn.ReLU)
    network = mft.from_torch(model, inputs)
    rows = mft.audit(model, inputs, redraws=0, rng=0).rows
    q = inputs.square().mean().item()
    assert math.isclose(rows[-1].predicted_second_moment, mf.variance_map(network, q).value, rel_tol=1e-6)
    assert all(row.theory == "predicted" for row in rows)


def test_theory_of_gradients_is_the_growth_factor_of_the_network(torch, zoo):
    model, inputs = zoo.mlp(depth=5, activation=torch.nn.Tanh, gain=1.5, inputs=128)
    first, *_, last = mft.audit(model, inputs, redraws=0, rng=0).rows
    network = mft.from_torch(model[1:], model[0](inputs).detach())
    q = first.predicted_second_moment
    growth = mf.propagate(network, 1, q=q).gradient[0]  # of sums over units, without widths
    ratio = first.predicted_gradient * 128 / (last.gradient * 10)
    assert math.isclose(ratio, growth, rel_tol=1e-6)


@pytest.mark.parametrize("name", ["ConvNeXt", "GPT-2", "Llama", "ViT"])
def test_theory_is_near_to_what_is_measured(zoo, name):
    model, inputs = zoo.WELL_INITIALISED[name]()
    found = mft.audit(model, inputs, redraws=0, rng=0)
    for field, allowed in (("second_moment", 0.1), ("gradient", 0.2)):
        pairs = [(getattr(row, field), getattr(row, f"predicted_{field}")) for row in found.rows]
        ratios = [abs(math.log(a / b)) for a, b in pairs if a > 0 and b > 0]
        assert len(ratios) > 0.6 * len(found.rows)
        assert np.median(ratios) < math.log(1 + allowed)
    if name != "ConvNeXt":
        assert "softmax attention of exchangeable tokens" in " ".join(row.theory for row in found.rows)


def test_formulas_written_out_are_activations(torch):
    class Written(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = (torch.nn.Linear(32, 32) for _ in range(3))

        def forward(self, x):
            y = self.a(x)
            y = self.b(y * torch.sigmoid(1.702 * y))
            return self.c(0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3))))

    network = mft.from_torch(Written(), torch.randn(4, 32))
    first, second = (layer.activation for layer in network.layers[1::2])
    x = np.linspace(-4, 4, 9)
    np.testing.assert_allclose(first(x), mf.activation("quick_gelu")(x), atol=1e-12)
    np.testing.assert_allclose(second(x), mf.activation("gelu_tanh")(x), atol=1e-12)


def test_wide_groups_and_averages_of_points(torch):
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1), nn.GroupNorm(2, 64), nn.ReLU(), nn.Conv2d(64, 128, 3, padding=1),
        nn.AvgPool2d(2), nn.Conv2d(128, 128, 3, padding=1), nn.GroupNorm(64, 128), nn.Conv2d(128, 128, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 128),
    )  # fmt: skip
    found = mft.audit(model, torch.randn(16, 3, 8, 8), **QUICK)
    rows = found.rows
    assert all(row.theory.startswith("predicted") for row in rows)
    assert all("correlations are measured" in rows[i].theory for i in (4, 5, 8, 10))
    assert all(abs(math.log(row.second_moment / row.predicted_second_moment)) < 0.15 for row in rows)
    gradients = [abs(math.log(row.gradient / row.predicted_gradient)) for row in rows[:6] + rows[7:10]]
    assert max(gradients) < 0.3  # not of groups of two units, at which theory of gradients stops
    assert list(found.stops) == ["6"]


def test_a_residual_sum_behind_batch_normalisation_is_followed(zoo):
    model, inputs = zoo.resnet()
    found = mft.audit(model, inputs, **QUICK)
    assert "operands are correlated" not in " ".join(found.stops.values())
    sums = [row for row in found.rows if row.kind == "BasicBlock"]
    assert len(sums) == 8
    assert {row.theory.partition(":")[0] for row in found.rows if row.kind == "AdaptiveAvgPool2d"} == {"predicted"}


@pytest.mark.parametrize("layer", ["MaxPool2d", "AvgPool2d"])
def test_pools_without_a_map_stop_theory(torch, layer):
    nn = torch.nn
    pool = nn.MaxPool2d(2) if layer == "MaxPool2d" else nn.AvgPool2d(3, stride=1)
    found = mft.audit(nn.Sequential(nn.Conv2d(3, 8, 3), pool), torch.randn(4, 3, 8, 8), **QUICK)
    assert "has no map" in found.stops["1"]


def test_sums_of_correlated_signals_stop_theory(torch):
    class Correlated(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Linear(32, 32), torch.nn.Linear(32, 32)

        def forward(self, x):
            y = torch.relu(self.a(x))
            return self.b(y + y.flip(-1))

    found = mft.audit(Correlated(), torch.randn(4, 32), redraws=0, rng=0)
    assert "flip has no map" in " ".join(found.stops.values())
    a, b = found.rows[:2]
    assert a.theory == b.theory == "predicted"  # from the measured value of the sum on


def test_weights_that_are_used_twice_are_not_independent(torch):
    class Twice(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = torch.nn.Linear(32, 32)

        def forward(self, x):
            y = self.a(x)
            return y + self.a(y)

    found = mft.audit(Twice(), torch.randn(4, 32), redraws=0, rng=0)
    assert "correlated" in " ".join(found.stops.values())


def test_the_network_of_gpt(zoo):
    model, inputs = zoo.gpt()
    network = mft.from_torch(model.eval(), inputs)
    assert [type(layer).__name__ for layer in network.layers] == ["Residual"] * 12 + ["LayerNorm", "Dense"]
    attention = network.layers[0].branch.layers[1]
    assert (attention.scores, attention.causal) == ("softmax", True)
    assert math.isclose(attention.sigma_qk, 0.02**2 * 96, rel_tol=0.03)


def test_convolutions_become_layers(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.AdaptiveAvgPool2d(1))
    network = mft.from_torch(model, torch.randn(2, 3, 8, 8))
    assert [type(layer).__name__ for layer in network.layers] == ["Conv", "Elementwise", "Conv", "GlobalAveragePool"]
    assert network.layers[2].stride == (2, 2)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_the_network_of_an_encoder_has_its_second_moments(torch, norm_first, causal):
    layer = torch.nn.TransformerEncoderLayer(256, 16, 512, batch_first=True, norm_first=norm_first)
    encoder = torch.nn.TransformerEncoder(layer, 1, enable_nested_tensor=False).eval()

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = encoder

        def forward(self, x):
            mask = torch.nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if causal else None
            return self.encoder(x, mask)

    inputs = torch.randn(64, 3, 256)
    network = mft.from_torch(Model(), inputs)
    expected = ["Residual"] * 2 if norm_first else ["Residual", "LayerNorm"] * 2
    assert [type(one).__name__ for one in network.layers] == expected
    run = mf.propagate(network, 1, tokens=3, token_c=0.0, q=1.0)
    q = Model()(inputs).square().mean().item()
    assert math.isclose(run.q[-1], q, rel_tol=0.05)
    attention = network.layers[0].branch.layers[-1]
    assert (type(attention).__name__, attention.causal) == ("Attention", causal)


def test_the_network_of_a_vision_transformer_starts_behind_its_positions(zoo):
    model, inputs = zoo.vit()
    network = mft.from_torch(model, inputs)
    assert [type(layer).__name__ for layer in network.layers] == ["Residual"] * 12 + ["LayerNorm", "Dense"]


def test_scaled_scores_and_dropout_of_attention(torch):
    class Model(torch.nn.Module):
        def __init__(self, **options):
            super().__init__()
            self.options = options
            self.q, self.k, self.v, self.o = (torch.nn.Linear(64, 64, bias=False) for _ in range(4))

        def forward(self, x):
            q, k, v = (f(x).unflatten(-1, (4, 16)).transpose(1, 2) for f in (self.q, self.k, self.v))
            y = torch.nn.functional.scaled_dot_product_attention(q, k, v, **self.options)
            return self.o(y.transpose(1, 2).flatten(-2))

    model = Model(scale=0.5)
    (layer,) = mft.from_torch(model, torch.randn(4, 6, 64)).layers
    expected = (
        0.5 * 4 * 64 * math.prod(w.detach().square().mean().sqrt().item() for w in (model.q.weight, model.k.weight))
    )
    assert math.isclose(layer.sigma_qk, expected, rel_tol=1e-6)
    for options, why in (({"dropout_p": 0.1}, "dropout"), ({"attn_mask": torch.eye(6).bool()}, "without a mask")):
        with pytest.raises(mf.InvalidInput, match=why):
            mft.from_torch(Model(**options), torch.randn(4, 6, 64))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ResNet", "batch normalisation over pixels has no layer"),
        ("Llama", "layers.5.self_attn and 5 more: queries and keys that are not matrices alone have no layer"),
        ("LSTM", "a recurrent cell has no map"),
        ("encoder, pre-LN", "dropout of attention weights has no layer"),
    ],
)
def test_what_has_no_map_is_named(zoo, name, why):
    model, inputs = zoo.WELL_INITIALISED[name]()
    with pytest.raises(mf.InvalidInput, match=why):
        mft.from_torch(model, inputs)
