"""Copies of a weight are found whatever was done to them, and independent weights are not called copies."""

import numpy as np
import pytest

from meanfield.weights.copies import copies
from meanfield.weights.loading import read
from meanfield.weights.measure import measure

W = np.random.default_rng(0).standard_normal((40, 40))
RNG = np.random.default_rng(1)


def bfloat16(x):
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def phrases(*weights):
    return list(copies(read({f"{i}.weight": w for i, w in enumerate(weights)}, None).tensors).values())


@pytest.mark.parametrize(
    ("copy", "phrase"),
    [
        (W.copy(), "it is equal to 0.weight"),
        (W.T, "it is equal to the transpose of 0.weight"),
        (-W, "it is -1 times 0.weight"),
        (2**0.5 * W.T, "it is 1.414 times the transpose of 0.weight"),
        (W[RNG.permutation(40)], "its entries are the entries of 0.weight in another order"),
        (W[:, RNG.permutation(40)].reshape(20, 80), "its entries are the entries of 0.weight in another order"),
        (W * RNG.choice([-1, 1], W.shape), "it is 0.weight with other signs"),
        (W.astype(np.float16), "it is equal to 0.weight"),
        (bfloat16(3 * bfloat16(W)), "it is 3 times 0.weight"),
        (W + 0.5 * RNG.standard_normal(W.shape), "its entries are correlated with the entries of 0.weight (0.89)"),
        (
            0.01 * W.T + RNG.standard_normal(W.shape) * 0.005,
            "its entries are correlated with the entries of the transpose",
        ),
    ],
)
def test_what_was_done_to_a_copy_is_said(copy, phrase):
    assert [found[: len(phrase)] for found in phrases(W, copy)] == [phrase]


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.standard_normal((8, 8)),
        lambda rng: rng.standard_t(1.2, (30, 30)),
        lambda rng: rng.uniform(size=(30, 20)),
        lambda rng: rng.choice([-1.0, 1.0], (6, 6)),
        lambda rng: rng.integers(-8, 8, (16, 16)) / 8,
        lambda rng: bfloat16(rng.uniform(-1, 1, (300, 300))),
        lambda rng: np.linalg.qr(rng.standard_normal((20, 20)))[0],
        lambda rng: np.eye(12),
        lambda rng: np.zeros((4, 4)),
    ],
    ids=["normal", "heavy", "of one sign", "signs", "quantised", "bfloat16", "orthogonal", "identity", "zeros"],
)
def test_independent_weights_and_constants_are_no_copies(draw):
    rng = np.random.default_rng(2)
    assert phrases(*(draw(rng) for _ in range(40))) == []


def test_a_clone_is_a_finding_of_its_own():
    found = measure({f"layers.{i}.weight": W for i in range(3)})
    assert found[0].findings == ()
    assert [one.findings for one in found[1:]] == [("it is equal to layers.0.weight",)] * 2
    assert "in 2: layers.1.weight, layers.2.weight" in found.summary
    assert measure(W).copied is None
