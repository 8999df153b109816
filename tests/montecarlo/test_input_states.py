import numpy as np
import pytest

from meanfield.errors import InvalidInput
from meanfield.montecarlo.input_states import draw_state, input_root

FLOAT = np.dtype("float64")


@pytest.mark.parametrize("c", [-1.0, -0.3, 0.0, 0.7, 1.0])
def test_second_moments_of_the_state_are_exact(c):
    h = draw_state(input_root(2.5, c, None), 64, np.random.default_rng(0), FLOAT)
    np.testing.assert_allclose(h @ h.T / 64, [[2.5, 2.5 * c], [2.5 * c, 2.5]], rtol=0, atol=1e-14)


def test_nearly_equal_inputs_keep_their_distance():
    gap = 1e-12
    h = draw_state(input_root(1.0, 1.0 - gap, None), 512, np.random.default_rng(0), FLOAT)
    assert np.mean((h[0] - h[1]) ** 2) / 2 == pytest.approx(1.0 - (1.0 - gap), rel=1e-6)


@pytest.mark.parametrize("shape", [(3, 50), (20, 4), (5, 5), (1, 7)])
def test_given_inputs_keep_their_second_moments_at_another_width(shape):
    x = np.random.default_rng(1).standard_normal(shape) + 0.5
    h = draw_state(input_root(1.0, None, x), 24, np.random.default_rng(0), FLOAT)
    np.testing.assert_allclose(h @ h.T / 24, x @ x.T / shape[1], atol=1e-12)


def test_directions_are_uniform_in_every_unit():
    h = np.array([draw_state(input_root(1.0, 0.2, None), 4, np.random.default_rng(s), FLOAT) for s in range(3000)])
    assert np.all(np.abs(h.mean(axis=0)) < 5 / np.sqrt(3000))
    np.testing.assert_allclose((h**2).mean(axis=0), 1.0, atol=5 * np.sqrt(2 / 3000))


@pytest.mark.parametrize(
    ("q", "c", "inputs"),
    [
        (0.0, None, None),
        (float("nan"), None, None),
        (float("inf"), 0.5, None),
        (1.0, 1.01, None),
        (1.0, float("nan"), None),
        ([1.0, 2.0], None, None),
        (2.0, None, np.ones((2, 3))),
        (1.0, 0.5, np.ones((2, 3))),
        (1.0, None, np.ones(3)),
        (1.0, None, np.zeros((2, 3))),
        (1.0, None, np.full((2, 3), np.inf)),
        (1.0, None, [["a", "b"]]),
        (1.0, None, np.ones((0, 3))),
    ],
)
def test_bad_inputs_are_refused(q, c, inputs):
    with pytest.raises(InvalidInput):
        input_root(q, c, inputs)
