import numpy as np
import pytest

import meanfield.montecarlo.materialized as materialized
from meanfield.activations.resolve import activation
from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Draw
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.simulate import simulate
from meanfield.networks.block import mlp
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.network import Network

FLOAT = np.dtype("float64")


def within(sample, target, sigmas=4.5):
    return np.all(np.abs(sample.mean - target) <= sigmas * sample.standard_error + 1e-12)


def test_relu_at_hes_scale_keeps_q_and_gradient_and_follows_the_arc_cosine_kernel():
    run = simulate(mlp("relu", 2**0.5), 4, 512, networks=48, c=0.0, rng=0)
    assert within(run.q, 1.0)
    assert within(run.gradient, 1.0)
    # Hayou et al. 2019 (arXiv:1902.06853): c' = (√(1 − c²) + c(π − arccos c))/π from c = 0
    orbit = np.array([0.0, 0.3183098861837907, 0.4937310902003716, 0.6048257201129446])
    assert np.all(np.abs(run.c.mean[:4] - orbit) < 4.5 * run.c.standard_error[:4] + 4 / 512)


def test_the_input_layer_is_exact_and_the_last_gradient_one():
    run = simulate(mlp("tanh", 1.5, 0.1), 3, 32, networks=4, q=0.7, c=-0.4, rng=0)
    np.testing.assert_allclose(run.raw["q"][:, 0], 0.7, rtol=1e-14)
    np.testing.assert_allclose(run.raw["one_minus_c"][:, 0], 1.4, rtol=1e-14)
    assert np.all(run.raw["gradient"][:, -1] == 1.0)
    assert run.q.mean.shape == run.c.mean.shape == run.gradient.standard_error.shape == (4,)
    assert (run.depth, run.networks, run.q.n) == (3, 4, 4)


def test_biases_are_shared_by_the_inputs():
    run = simulate(mlp("relu", 0.0, 0.5), 2, 1000, networks=4, c=0.0, rng=0)
    np.testing.assert_allclose(run.q.mean[1:], 0.25, rtol=0.1)
    np.testing.assert_allclose(run.one_minus_c.mean[1:], 0.0, atol=1e-14)


def test_a_single_input_has_no_correlation():
    run = simulate("tanh", 2, 16, networks=2, rng=0)
    assert run.c is None
    assert run.one_minus_c is None


@pytest.mark.parametrize("name", ["tanh", "gelu", "silu"])
def test_the_backward_pass_is_the_derivative_of_the_forward_pass(name):
    class Frozen(Draw):
        """Fixed matrices, so that the network is a function of its input alone."""

        def __init__(self, matrices):
            super().__init__(np.random.default_rng(0), 5, FLOAT)
            self.matrices = iter(matrices)

        def product(self, x, sigma_w):
            W = next(self.matrices)
            return x @ W.T, lambda g: g @ W

    rng = np.random.default_rng(3)
    matrices = [rng.standard_normal((5, 5)) for _ in range(2)]
    net = Network(name, Dense(1.0), Network("tanh", Dense(1.0)))
    x, g, step = rng.standard_normal((1, 5)), rng.standard_normal((1, 5)), 1e-6
    _, pullback = forward(net, x, Frozen(matrices))
    direction = rng.standard_normal((1, 5))
    ahead, behind = (forward(net, x + s * step * direction, Frozen(matrices))[0] for s in (1, -1))
    assert np.sum(pullback(g) * direction) == pytest.approx(np.sum(g * (ahead - behind)) / (2 * step), rel=1e-7)


def test_matrices_drawn_again_are_the_same_matrices(monkeypatch):
    kept = simulate(mlp("tanh", 1.5, 0.2), 4, 24, networks=3, c=0.5, rng=5)
    monkeypatch.setattr(materialized, "MEMORY", 2 * 24 * 24 * 8)
    redrawn = simulate(mlp("tanh", 1.5, 0.2), 4, 24, networks=3, c=0.5, rng=5)
    for name in kept.raw:
        np.testing.assert_array_equal(kept.raw[name], redrawn.raw[name])


def test_single_precision_agrees_to_its_rounding():
    block = mlp("tanh", 1.5, 0.1)
    x, g = np.random.default_rng(0).standard_normal((2, 40)), np.ones((2, 40))
    found = {}
    for dtype in ("float32", "float64"):
        draw = materialized.Materialized(
            np.random.default_rng(1),
            40,
            np.dtype(dtype),
            lambda rng, m, n: np.random.default_rng(2).normal(size=(m, n)) / n**0.5,
        )
        h, pullback = forward(Network("tanh", Dense(1.0)), x.astype(dtype), draw)
        assert h.dtype == pullback(g.astype(dtype)).dtype == dtype
        found[dtype] = h
    np.testing.assert_allclose(found["float32"], found["float64"], atol=1e-5)
    run = simulate(block, 3, 64, networks=4, c=0.3, rng=0, dtype="float32")
    assert run.dtype == "float32"
    assert run.q.mean.dtype == np.float64


def test_inputs_start_from_their_own_moments():
    x = np.random.default_rng(0).random((3, 10))
    run = simulate(mlp("tanh", 1.2, 0.3), 2, 50, networks=3, inputs=x, rng=0)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    assert run.q.mean[0] == pytest.approx(np.mean(x**2))
    assert run.c.mean[0] == pytest.approx(np.mean((unit @ unit.T)[np.tril_indices(3, -1)]))


def test_a_dead_signal_is_no_nan():
    run = simulate(mlp(lambda x: 0.0 * x, 1.0), 3, 8, networks=2, c=0.5, rng=0)
    assert np.all(run.q.mean[1:] == 0)
    assert np.all(run.c.mean[1:] == 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_overflow_says_where(dtype):
    with pytest.raises(InvalidInput, match=rf"signal of layer \d+ overflows {dtype}"):
        simulate(mlp("relu", 1e10), 40, 8, networks=2, rng=0, dtype=dtype)


def test_a_layer_without_a_simulation_is_named():
    class Strange(Layer):
        pass

    with pytest.raises(InvalidInput, match="Strange layers cannot be simulated"):
        simulate(Network(Strange()), 2, 8, networks=2)


@pytest.mark.parametrize(
    "change",
    [
        {"depth": 0},
        {"depth": 2.0},
        {"depth": True},
        {"width": 1},
        {"networks": 1},
        {"q": -1.0},
        {"c": 2.0},
        {"weights": "gauss"},
        {"weights": 3},
        {"method": "fast"},
        {"method": "exact_law", "weights": "orthogonal"},
        {"method": "exact_law", "weights": lambda rng, m, n: np.ones((m, n))},
        {"dtype": "float16"},
        {"rng": -1},
        {"rng": "seed"},
        {"workers": 0},
        {"workers": 1.5},
        {"workers": True},
        {"inputs": np.random.default_rng(0).random((20, 30))},
        {"block": mlp("tanh", [1.0, 2.0])},
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(change):
    arguments = {"block": activation("tanh"), "depth": 2, "width": 8, "networks": 2} | change
    with pytest.raises(InvalidInput) as caught:
        simulate(**arguments)
    assert "\n" not in str(caught.value)
