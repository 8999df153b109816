"""Callables whose value at x depends on more than x are refused with what it depends on; others are not."""

import re

import numpy as np
import pytest
from scipy import special

from meanfield.activations.resolve import activation
from meanfield.errors import BadActivation


def relu(x):
    return np.maximum(x, 0)


def layer_norm(x):
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5)


class Drifting:
    calls = 0

    def __call__(self, x):
        self.calls += 1
        return np.tanh(x) * (1 + 1e-12 * self.calls)


def in_single_precision(function):
    return lambda x: function(x.astype(np.float32))


OTHERS, PLACE, SHAPE, CHANCE = (
    "depends on the other entries",
    "depends on the place of an entry or on its neighbours",
    "depends on the shape of the array",
    "depends on chance or on earlier calls",
)


@pytest.mark.parametrize(
    ("function", "cause"),
    [
        (lambda x: x / np.abs(x).max(), OTHERS),
        (lambda x: layer_norm(relu(x)), OTHERS),
        (lambda x: x / np.sqrt(np.mean(x * x)), OTHERS),
        (lambda x: np.tanh(x - x.mean()), OTHERS),
        (lambda x: x - np.median(x), OTHERS),
        (lambda x: np.clip(x, -3 * x.std(), 3 * x.std()), OTHERS),
        (lambda x: x * min(1.0, 5 / np.linalg.norm(x)), OTHERS),
        (lambda x: relu(x) + 1e-6 * x.mean(), OTHERS),
        (lambda x: x / x.size, OTHERS),
        (in_single_precision(lambda x: x / np.abs(x).max()), OTHERS),
        (in_single_precision(lambda x: np.tanh(x - x.mean())), OTHERS),
        (lambda x: x * np.arange(x.size).reshape(x.shape), PLACE),
        (lambda x: x + 1e-3 * np.random.default_rng(0).normal(size=x.shape), PLACE),
        (lambda x: x + 0.1 * np.roll(x, 1), PLACE),
        (np.sort, PLACE),
        (lambda x: x * x.ndim, SHAPE),
        (lambda x: x + 1e-9 * np.random.default_rng().normal(size=x.shape), CHANCE),
        (lambda x: x * (np.random.default_rng().random(x.shape) > 0.1), CHANCE),
        (Drifting(), CHANCE),
    ],
)
def test_what_a_value_depends_on_beside_x_is_said_in_one_sentence(function, cause):
    with pytest.raises(BadActivation) as caught:
        activation(function, name="f")
    message = str(caught.value)
    assert message.startswith("f is ")
    assert cause in message
    assert message.endswith("an activation must depend on x alone")
    one, other = re.match(r"f is (\S+) .*?(?:then|and) (-?[\d.]\S*) at", message).groups()
    assert one != other


@pytest.mark.parametrize(
    "function",
    [
        np.exp,
        special.expit,
        lambda x: np.cosh(x) ** 2 - np.sinh(x) ** 2,  # 1 with noise of 1e-8 at ±10
        lambda x: (np.exp(x) - 1) / np.where(x == 0, 1, x),
        lambda x: (1e8 + np.sin(x)) - 1e8,
        lambda x: np.round(np.tanh(x), 3),
        in_single_precision(lambda x: np.exp(x) / (1 + np.exp(x))),
        lambda x: np.tanh(x.astype(np.float16)),
        lambda x: np.polyval([1e-3, -0.2, 0.3, 1.0, 0.5], x),
        lambda x: np.interp(x, np.linspace(-10, 10, 2001), np.tanh(np.linspace(-10, 10, 2001)).astype(np.float32)),
    ],
)
def test_rounding_that_differs_from_array_to_array_is_no_dependence(function):
    activation(function)


def test_few_calls_and_points_tell():
    calls = []

    def counted(x):
        calls.append(np.size(x))
        return np.tanh(x)

    activation(counted)
    assert len(calls) <= 10
    assert sum(calls) <= 300


def test_a_mask_drawn_from_a_fixed_seed_is_refused():
    for seed in range(30):
        with pytest.raises(BadActivation):
            activation(lambda x, seed=seed: x * np.random.default_rng(seed).integers(0, 2, size=np.shape(x)))
