"""Softmax attention in theory along the graph: its map against exact maps of tokens, and against wide models."""

import math

import numpy as np
import pytest

import meanfield as mf
import meanfield.torch as mft
from meanfield.numerics.softmax.any_covariance import softmax_tokens
from meanfield.theory.layer_maps.covariance import all_points
from meanfield.theory.layer_maps.tokens import Tokens
from meanfield.torch.attention.mean_field import Side, averaged
from meanfield.torch.attention.reads import reads_of

QUICK = {"redraws": 0, "rng": 0}


def tokens_of(torch, sigma, units=64):
    """Tokens whose products over units are exactly the covariances `sigma`, as one head of one sequence."""
    root = np.linalg.cholesky(sigma) * math.sqrt(units)
    x = torch.zeros((1, 1, len(sigma), units), dtype=torch.float64)
    x[0, 0, :, : len(sigma)] = torch.tensor(root)
    return x


@pytest.mark.parametrize("count", [3, 12])
def test_the_map_of_exchangeable_tokens_is_the_map_of_the_layer(torch, count):
    q, c, s = 1.3, 0.4, 1.5
    x = tokens_of(torch, q * (c + (1 - c) * np.eye(count)))
    reads = reads_of("scaled_dot_product_attention", (x, x, x), {}, x)
    rho = 0.3  # of gradients of two tokens
    reads.gradients = np.full(count, 1 / count), (count - 1) * rho / count
    found, factors = averaged(reads, Side(s * q), Side(s * q), Side(q))
    after, back = all_points(mf.Attention(1.0, scores="softmax", sigma_qk=s), Tokens.at(count, q, c))
    assert math.isclose(found, float(after.q), rel_tol=1e-9)
    assert math.isclose(s * factors[0] + s * factors[1] + factors[2], back(np.array([1.0, rho]))[0], rel_tol=1e-8)
    assert math.isclose(reads.token_c, c, rel_tol=1e-6)


def test_a_causal_row_reads_the_tokens_before_it(torch):
    sigma, s = 0.3 + 0.7 * np.eye(3), 1.5
    x = tokens_of(torch, sigma)
    exact = np.diagonal(softmax_tokens(sigma, s**2, tokens=3, causal=True).covariance).mean()
    for options in ({"is_causal": True}, {"attn_mask": torch.ones(3, 3).tril().bool()}):
        reads = reads_of("scaled_dot_product_attention", (x, x, x), options, x)
        assert reads.mask == "causal"
        assert math.isclose(averaged(reads, Side(s), Side(s), Side(1.0))[0], exact, rel_tol=1e-9)


def test_uniform_rows_are_exact_for_any_tokens(torch):
    count = 7
    root = np.random.default_rng(0).standard_normal((count, count))
    sigma = root @ root.T
    x = tokens_of(torch, sigma)
    reads = reads_of("scaled_dot_product_attention", (x, x, x), {"is_causal": True}, x)
    weights = np.tril(np.ones((count, count))) / np.arange(1, count + 1)[:, None]
    expected = np.trace(weights @ sigma @ weights.T) / count
    q = np.trace(sigma) / count
    assert math.isclose(averaged(reads, Side(0.0), Side(q), Side(q))[0], expected, rel_tol=1e-6)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_wide_models_agree_with_theory(zoo, torch, causal, packed):
    nn, width, count = torch.nn, 512, 12

    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(width, 32, batch_first=True)

        def forward(self, x):
            hidden = torch.ones(count, count).triu(1).bool() if causal else None
            return self.attention(x, x, x, attn_mask=hidden, need_weights=False)[0]

    attention = Packed() if packed else zoo.Attention(width, 32, causal)
    model = nn.Sequential(nn.Linear(width, width), attention)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            nn.init.normal_(parameter, std=(1.0 if name.startswith("0") else 1.3) / math.sqrt(width))
        else:
            nn.init.normal_(parameter, std=0.2) if "in_proj" in name or "qkv" in name else nn.init.zeros_(parameter)
    inputs = torch.randn(4, count, width) + 0.7 * torch.randn(4, 1, width)
    first, *_, row = [row for row in mft.audit(model, inputs, **QUICK).rows if row.shape]
    assert row.theory.startswith("predicted: " + ("causal softmax attention" if causal else "softmax attention"))
    assert abs(math.log(row.second_moment / row.predicted_second_moment)) < 0.06
    assert abs(math.log(first.gradient / first.predicted_gradient)) < 0.06


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"attn_mask": "bias"}, "a bias of its scores"),
        ({"attn_mask": "heads"}, "differs between inputs or heads"),
        ({"shared": True}, "matrices of their own"),
    ],
)
def test_attention_without_a_map_stops_theory(torch, arguments, why):
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Linear(16, 16), torch.nn.Linear(16, 16)

        def forward(self, x):
            mask = {"bias": torch.randn(5, 5), "heads": torch.eye(5).bool() | (torch.rand(3, 5, 5) < 0.5)}
            q = self.a(x)
            k = q if arguments.get("shared") else self.b(x)
            given = mask.get(arguments.get("attn_mask"))
            return torch.nn.functional.scaled_dot_product_attention(q, k, self.b(x), given)

    found = mft.audit(Model(), torch.randn(3, 5, 16), **QUICK)
    assert why in " ".join(found.stops.values())
