"""The tangent kernel against closed forms, against networks that are differentiated, and where it is known at depth."""

import dataclasses

import numpy as np
import pytest
from empirical_ntk import Recording, sampled_ntk
from rounding import assert_equal_covariances

import meanfield as mf
from meanfield.montecarlo.draws import Draw
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.block import mlp
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.depth.nngp_kernel import kernel, take_inputs
from meanfield.theory.depth.ntk import ntk
from meanfield.theory.layer_maps.dispatch import pair_slope

INPUTS = np.random.default_rng(0).standard_normal((6, 5)) + 0.3


def arc_cosine(K):
    """E φφ and E φ′φ′ of ReLU: Cho & Saul 2009."""
    size = np.sqrt(np.outer(np.diag(K), np.diag(K)))
    angle = np.arccos(np.clip(K / size, -1, 1))
    return size * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi), (np.pi - angle) / (2 * np.pi)


def arc_sine(K):
    """Those of erf: Williams 1997."""
    size = np.outer(1 + 2 * np.diag(K), 1 + 2 * np.diag(K))
    return 2 / np.pi * np.arcsin(2 * K / np.sqrt(size)), 4 / np.pi / np.sqrt(size - 4 * K**2)


@pytest.mark.parametrize(("name", "duals"), [("relu", arc_cosine), ("erf", arc_sine)])
def test_networks_with_closed_forms(name, duals):
    w, b, depth = 1.7, 0.3, 6
    K = w * INPUTS @ INPUTS.T / 5 + b
    theta = K.copy()
    for _ in range(depth):
        value, slope = duals(K)
        K = w * value + b
        theta = w * slope * theta + K
    blocks = [Network(Dense(w**0.5, b**0.5)), *[mlp(name, w**0.5, b**0.5)] * depth]
    assert_equal_covariances(ntk(blocks, INPUTS, depth + 1), theta, rtol=1e-12)


def test_linear_networks_have_the_kernel_of_a_sum():
    K = INPUTS @ INPUTS.T / 5
    np.testing.assert_allclose(ntk(mlp("linear", 1.1), INPUTS, 4), 4 * 1.21**4 * K, atol=1e-13)
    np.testing.assert_allclose(ntk(Network(Dense(1.2, 0.5)), INPUTS, 1), 1.44 * K + 0.25, atol=1e-14)
    by_hand = 1.44 * (1.44 * K + 0.25) + 1.44 * (1.44 * K + 0.25) + 0.25
    np.testing.assert_allclose(ntk(Network(Dense(1.2, 0.5)), INPUTS, 2), by_hand, atol=1e-13)
    skip = Residual(Dense(0.9), branch_scale=0.7, skip_scale=0.8)  # Θ₁ = b²w K, Θ₂ = (s² + b²w) Θ₁ + b²w (s² + b²w) K
    new, growth = 0.49 * 0.81, 0.64 + 0.49 * 0.81
    np.testing.assert_allclose(ntk(skip, INPUTS, 2), 2 * growth * new * K, atol=1e-13)


class Matrices(Draw):
    """Weights and biases in the order in which layers ask for them."""

    def __init__(self, weights):
        super().__init__(np.random.default_rng(0), 5, np.dtype(float))
        self.left = iter(weights)

    def product(self, x, sigma_w):
        matrix = sigma_w / np.sqrt(x.shape[1]) * next(self.left)
        return x @ matrix.T, lambda gradient: gradient @ matrix

    def normal(self, *shape):
        return next(self.left)


class Given(Recording, Matrices):
    pass


def test_the_kernel_of_a_finite_network_is_that_of_its_jacobian():
    rng = np.random.default_rng(1)
    branch = Residual(LayerNorm(), Dense(1.2, 0.3), "tanh", Dense(0.8, 0.2))
    network = Network(branch, Concatenate("gelu", Dense(1.1, 0.4)), Dense(0.9, 0.1))
    weights = [rng.standard_normal(shape) for shape in ((5, 5), 5, (5, 5), 5, (5, 5), 5, (5, 10), 5)]
    draw = Given(weights)
    _, pullback = forward(network, INPUTS, draw)
    pullback(np.eye(5)[np.zeros(len(INPUTS), dtype=int)])
    jacobian = []
    for number, weight in enumerate(weights):
        for place in np.ndindex(weight.shape):
            sides = []
            for step in (1e-5, -1e-5):
                moved = weight.copy()
                moved[place] += step
                sides.append(forward(network, INPUTS, Matrices([*weights[:number], moved, *weights[number + 1 :]]))[0])
            jacobian.append((sides[0] - sides[1])[:, 0] / 2e-5)
    np.testing.assert_allclose(draw.kernel(), np.transpose(jacobian) @ jacobian, rtol=1e-7, atol=1e-9)


BLOCKS = {
    "tanh": mlp("tanh", 1.5, 0.3),
    "relu": mlp("relu", 1.4, 0.2),
    "residual": Residual("tanh", Dense(1.2, 0.3), branch_scale=0.8, skip_scale=0.9),
    "skip in a branch": Residual(Residual("relu", Dropout(0.2), Dense(1.1, 0.2), skip_scale=-0.5), branch_scale=0.7),
    "noise beside a skip": Network("relu", Residual(Dropout(0.3), branch_scale=0.5), Dense(0.9, 0.2)),
    "odd branch": Network(Residual(Dense(1.2, 0.3), "tanh", branch_scale=0.8), Dense(1.1, 0.1)),
    "pre-norm": Residual(LayerNorm(), Dense(1.2, 0.3), "relu", Dense(0.8, 0.1)),
    "layernorm behind relu": Network("relu", LayerNorm(), Dense(1.2, 0.3)),
    "layernorm before gelu": Network(LayerNorm(), "gelu", Dense(1.2, 0.3)),
    "rmsnorm": Network("relu", RMSNorm(), Dense(1.2, 0.3)),
    "dropout": Network("relu", Dropout(0.3), Dense(1.2, 0.3)),
    "dropout in a branch": Residual("relu", Dropout(0.2), Dense(1.2, 0.3)),
    "concatenation": Network(Concatenate("relu", Dense(1.2, 0.3), growth=0.5), Dense(1.1, 0.2)),
    "gated": Network(Gated("sigmoid", 1.3, 0.3), Dense(1.1, 0.2)),
    "gates in a branch": Residual(RMSNorm(), Gated("gelu", 1.2), Dropout(0.1), Dense(0.8, 0.1), branch_scale=0.7),
    "noise": Network("tanh", MultiplicativeNoise(0.5), AdditiveNoise(0.3), Dense(1.2, 0.3)),
    "blocks that differ": [Network(Dense(1.3, 0.2)), mlp("gelu", 1.4, 0.1), Residual("elu", Dense(0.7))],
}


@pytest.mark.sweep(2)
@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_wide_networks_have_it(block):
    theory = ntk(block, INPUTS[:3], 3)
    mean, error = sampled_ntk(block, INPUTS[:3], 3, 8192, 24)
    assert np.all(np.abs(mean - theory) < 4.5 * error)
    assert np.all(error < 0.02 * np.max(np.diag(theory)))


def test_it_is_the_same_in_any_order_symmetric_and_positive():
    order = np.random.default_rng(2).permutation(len(INPUTS))
    for block in BLOCKS.values():
        theta = ntk(block, INPUTS, 3)
        np.testing.assert_array_equal(theta, theta.T)
        assert np.linalg.eigvalsh(theta)[0] > -1e-12 * theta.max()
        assert_equal_covariances(ntk(block, INPUTS[order], 3), theta[np.ix_(order, order)], rtol=1e-11)
        np.testing.assert_allclose(ntk(block, INPUTS[2:3], 3), theta[2:3, 2:3], rtol=1e-12)


@pytest.mark.sweep(2)
@pytest.mark.slow
@pytest.mark.parametrize("spec", ["tanh", "elu", "hard_swish", lambda x: x * np.exp(-x * x) + np.cos(3 * x)])
def test_many_inputs_have_the_kernel_that_each_pair_has(spec):
    x = np.random.default_rng(3).standard_normal((13, 4))
    x[1], x[3], x[5], x[7] = x[0], x[2] + 1e-7, -x[4], 1.5 * x[6]
    unit = 2 * x / np.linalg.norm(x, axis=1, keepdims=True)
    for inputs in (x, unit):
        theta = ntk(mlp(spec, 1.3, 0.2), inputs, 2)
        for i, j in ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 12)):
            alone = ntk(mlp(spec, 1.3, 0.2), inputs[[i, j]], 2)
            np.testing.assert_allclose(theta[np.ix_([i, j], [i, j])], alone, rtol=1e-11, atol=1e-12)


def test_slopes_of_many_pairs_are_those_of_each():
    (tile,) = take_inputs(np.random.default_rng(4).standard_normal((14, 6))).tiles
    pairs = tile.pair
    for name in ("tanh", "silu", "selu", "softplus", "gelu"):
        slope, layer = mf.activation(name).moments.distance_slope, mf.Network(name)
        one_by_one = [slope(*pair)[0] for pair in zip(pairs.q1, pairs.q2, pairs.d.value, strict=True)]
        np.testing.assert_allclose(pair_slope(layer, pairs).value, one_by_one, rtol=1e-11, atol=1e-12)


def test_it_grows_with_depth_where_relu_is_critical():
    inputs = np.array([[1.0, 1.0], [1.0, -1.0], [3.0, 0.0]])
    for depth in (1, 2, 7, 100):
        theta = ntk(mlp("relu", 2**0.5), inputs, depth)
        np.testing.assert_allclose(
            np.diag(theta), depth * np.diag(kernel(mlp("relu", 2**0.5), inputs, depth)), rtol=1e-12
        )


@pytest.mark.sweep(2)
@pytest.mark.parametrize(("name", "share"), [("relu", 1 / 4), ("erf", 1 / 3)])
def test_at_criticality_two_inputs_have_a_fixed_share_of_that_of_one(name, share):
    """1 − c falls as 1/l², or as 1/l, so that slopes are 1 − 3/l, or 1 − 2/l: Hayou et al. 2019 (arXiv:1905.13654)."""
    sigma_b = 0.0 if name == "relu" else 0.3
    block = mlp(name, float(mf.critical_line(name, sigma_b).sigma_w[0]), sigma_b)
    shares = []
    for depth in (250, 1000):
        theta = ntk(block, [[1.0, 1.0], [1.0, -1.0]], depth)
        shares.append(theta[0, 1] / theta[0, 0])
    assert abs(shares[1] - share) < 0.5 * abs(shares[0] - share) < 0.02


def test_in_the_ordered_phase_all_inputs_come_to_share_one_value():
    """q*/(1 − χ): Xiao, Pennington & Schoenholz 2020 (arXiv:1912.13053)."""
    block = mlp("erf", 0.7, 0.3)
    found = mf.analyze(block)
    limit = float(found.q_star / (1 - found.chi_1))
    np.testing.assert_allclose(ntk(block, INPUTS, 400), np.full((6, 6), limit), rtol=1e-10)


def test_in_the_chaotic_phase_that_of_one_input_explodes_and_that_of_two_settles():
    block = mlp("erf", 2.0, 0.3)
    found = mf.analyze(block)
    before, after = (ntk(block, INPUTS, depth) for depth in (300, 301))
    np.testing.assert_allclose(np.diag(after) / np.diag(before), float(found.chi_1), rtol=1e-9)
    settled = float(found.q_star * found.c_star / (1 - found.chi_c))
    assert after[0, 1] == pytest.approx(settled, rel=1e-8)


def test_one_pair_of_equal_inputs_is_one_input_unless_layers_are_random():
    twice = [[1.0, 2.0], [1.0, 2.0]]
    assert np.ptp(ntk(BLOCKS["pre-norm"], twice, 5)) < 1e-12
    theta = ntk(BLOCKS["dropout"], twice, 2)
    assert theta[0, 0] > 1.3 * theta[0, 1]


def test_layers_that_pass_nothing_on_hide_what_is_infinite():
    inputs = [[1.0, 2.0], [1.0, -1.0], [1.0, 2.0]]
    np.testing.assert_allclose(ntk(mlp("sign", 1.2, 0.3), inputs, 1), kernel(mlp("sign", 1.2, 0.3), inputs, 1))
    blocks = [mlp("tanh"), Residual("sign", Dense(), branch_scale=0.0)]
    np.testing.assert_allclose(ntk(blocks, inputs, 2), ntk(mlp("tanh"), inputs, 1))
    np.testing.assert_allclose(ntk(mlp("tanh", 0.0, 0.5), inputs, 3), np.full((3, 3), 0.25))


class Container(Layer):
    inner = (Dense(1.0),)


@dataclasses.dataclass(frozen=True, eq=False)
class Weighted(Layer):
    fresh = True


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (Network(BatchNorm(8), "tanh", Dense(1.0)), "BatchNorm"),
        (Network("relu", Conv(1.0)), "pixels"),
        (Residual("relu", Conv(1.0)), "pixels"),
        (Container(), "Container"),
        (Residual(Container(), Dense(1.0)), "Container"),
        (Weighted(), "Weighted"),
        (Attention(1.0), "Attention"),
        (mlp("tanh", [1.0, 2.0]), "arrays"),
        (Residual("relu"), "Dense"),
    ],
)
def test_what_has_no_tangent_kernel_is_refused_by_name(block, says):
    with pytest.raises(mf.InvalidInput, match=says):
        ntk(block, INPUTS, 2)


@pytest.mark.parametrize("change", [{"inputs": np.ones(3)}, {"inputs": [[0.0, 0.0]]}, {"depth": 0}, {"depth": 1.5}])
def test_bad_arguments_are_refused(change):
    with pytest.raises(mf.InvalidInput):
        ntk(**({"block": "tanh", "inputs": INPUTS, "depth": 2} | change))


def test_it_is_infinite_behind_weights_where_an_activation_jumps():
    for block in ("sign", Network("step", Dense(1.0, 0.1)), Residual(LayerNorm(), "sign", Dense(1.0))):
        with pytest.raises(mf.InfiniteDerivative, match=r"si?gn?|step"):
            ntk(block, INPUTS, 2)


def test_it_is_refused_where_it_exceeds_a_float():
    with pytest.raises(mf.DivergentExpectation, match="range of a float"):
        ntk(mlp("tanh", 30.0), INPUTS[:2], 400)
