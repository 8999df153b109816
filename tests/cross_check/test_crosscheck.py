import json
import sys

import numpy as np
import pytest
from scipy.stats import ortho_group

import meanfield as mf
from meanfield.cross_check.comparisons import SIGNALS
from meanfield.cross_check.crosscheck import crosscheck
from meanfield.errors import InvalidInput
from meanfield.networks.block import mlp
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.network import Network
from meanfield.numerics.statistics.multiple_testing import largest_z

CRITICAL = [
    ("relu", 2**0.5, 0.0),
    ("tanh", 1.304, 0.2),
    ("gelu", 1.408, 0.416),
    ("silu", 1.41, 0.745),
    ("elu", 1.229, 0.2),
]


def scaled(factor, sigma_w):
    return lambda rng, m, n: factor * sigma_w * rng.standard_normal((m, n)) / np.sqrt(n)


@pytest.mark.parametrize(("name", "sigma_w", "sigma_b"), CRITICAL)
def test_correct_networks_pass_and_an_error_of_two_percent_fails(name, sigma_w, sigma_b):
    right = {"depth": 12, "width": 1024, "networks": 16, "c": 0.3, "method": "exact_law", "rng": 1}
    assert crosscheck(mlp(name, sigma_w, sigma_b), **right)
    for factor in (0.98, 1.02):
        wrong = mlp(name, factor * sigma_w, sigma_b)
        check = simulated_against(wrong, mlp(name, sigma_w, sigma_b), right)
        assert not check
        assert abs(check.sigma_w.mean - factor) < 6 * check.sigma_w.standard_error + 0.006


def simulated_against(drawn, described, arguments):
    """Networks of one description against the theory of another."""
    with pytest.MonkeyPatch.context() as patch:
        module = sys.modules["meanfield.cross_check.crosscheck"]
        simulate = module.simulate
        patch.setattr(module, "simulate", lambda block, *rest, **named: simulate(drawn, *rest, **named))
        return crosscheck(described, **arguments)


@pytest.mark.parametrize("weights", ["uniform", "truncated_normal", "orthogonal", "sparse"])
def test_every_named_law_agrees_with_the_theory(weights):
    assert crosscheck(mlp("tanh", 1.3, 0.2), 6, 128, networks=12, c=0.3, rng=0, weights=weights)


def test_a_sampler_is_judged_by_its_own_scale():
    block = mlp("tanh", 1.3, 0.2)
    arguments = {"depth": 6, "width": 256, "networks": 12, "c": 0.3, "rng": 0}
    assert crosscheck(block, weights=scaled(1.0, 1.3), **arguments)
    check = crosscheck(block, weights=scaled(1.1, 1.3), **arguments)
    assert not check
    assert check.sigma_w.mean == pytest.approx(1.1, abs=0.02)


def correlated(rng, m, n):
    """Equicorrelated rows: every entry has the right variance."""
    return 2**0.5 * (0.95**0.5 * rng.standard_normal((m, n)) + 0.05**0.5 * rng.standard_normal((1, n))) / n**0.5


def with_mean(rng, m, n):
    """Entries of the right second moment, with a mean of a twentieth of it."""
    return 2**0.5 * ((1 - 0.05**2) ** 0.5 * rng.standard_normal((m, n)) + 0.05) / n**0.5


@pytest.mark.parametrize(
    ("weights", "quantity"),
    [
        (with_mean, "mean"),
        (correlated, "correlation"),
        (lambda rng, m, n: np.repeat(scaled(1.0, 2**0.5)(rng, m, n // 8), 8, axis=1) / 8**0.5, "correlation"),
        (lambda rng, m, n: correlated(rng, n, m).T, "correlation"),
        (scaled(1.02, 2**0.5), "sigma_w"),
        (lambda rng, m, n: np.zeros((m, n)), "sigma_w"),
    ],
)
def test_wrong_samplers_fail_and_the_report_says_what_is_wrong(weights, quantity):
    check = crosscheck(mlp("relu", 2**0.5), 8, 256, networks=16, c=0.0, rng=0, weights=weights)
    assert not check
    assert check.cause.quantity == quantity
    assert check.cause.everywhere
    assert check.cause.text in check.summary


@pytest.mark.parametrize(
    ("wrong", "quantity"), [(scaled(1.02, 2**0.5), "sigma_w"), (with_mean, "mean"), (correlated, "correlation")]
)
def test_one_wrong_layer_is_named(wrong, quantity):
    right = scaled(1.0, 2**0.5)
    weights = [right] * 3 + [wrong] + [right] * 2
    check = crosscheck(mlp("relu", 2**0.5), 6, 512, networks=16, c=0.0, rng=0, weights=weights)
    assert not check
    assert (check.cause.quantity, check.cause.layers, check.cause.everywhere) == (quantity, (4,), False)
    assert "layer 4 " in check.summary


def test_a_wrong_layer_that_no_sampler_drew_is_named_too():
    block = mlp("tanh", 1.5, 0.1)
    arguments = {"depth": 8, "width": 512, "networks": 16, "c": 0.3, "method": "exact_law", "rng": 0}
    check = simulated_against([*[block] * 4, mlp("tanh", 1.65, 0.1), *[block] * 3], block, arguments)
    assert not check
    assert (check.cause.quantity, check.cause.layers) == ("q", (5,))
    check = simulated_against(mlp("tanh", 1.5, 0.3), block, arguments)
    assert not check
    assert check.cause.everywhere


def test_right_samplers_pass_whatever_their_law_and_normalisation():
    for weights in (
        lambda rng, m, n: 1.5 * rng.standard_normal((m, n)) / (n - 1) ** 0.5,
        lambda rng, m, n: 1.5 * rng.choice([-1.0, 1.0], (m, n)) / n**0.5,
        lambda rng, m, n: 1.5 * ortho_group.rvs(m, random_state=rng),
        lambda rng, m, n: 1.5 * rng.standard_t(4, (m, n)) / (2 * n) ** 0.5,
    ):
        assert crosscheck(mlp("tanh", 1.5, 0.1), 6, 128, networks=12, c=0.3, rng=1, weights=weights)


@pytest.mark.parametrize("method", ["exact_law", "materialized"])
def test_widths_and_blocks_may_differ_by_layer(method):
    blocks = [mlp("tanh", 1.4, 0.1), mlp("relu", 1.3), mlp("gelu", 1.5, 0.2), mlp("tanh", 2.0)]
    arguments = {"networks": 16, "c": 0.3, "rng": 0, "method": method}
    widths = [256, 700, 128, 300, 512]
    check = crosscheck(blocks, 4, widths, **arguments)
    assert check
    np.testing.assert_allclose(check.simulation.gradient.mean, [row.theory for row in check.rows[10:]], rtol=0.2)
    assert not simulated_against([*blocks[:3], mlp("tanh", 2.4)], blocks, {"depth": 4, "width": widths, **arguments})


def test_a_samplers_own_biases_are_used():
    def weights(rng, m, n):
        return scaled(1.0, 1.3)(rng, m, n)

    block = mlp("tanh", 1.3, 0.4)
    weights.bias = lambda rng, m, n: 0.4 * 3**0.5 * rng.uniform(-1, 1, m)
    assert crosscheck(block, 6, 256, networks=12, c=0.3, rng=0, weights=weights)
    weights.bias = lambda rng, m, n: np.zeros(m)
    assert not crosscheck(block, 6, 256, networks=12, c=0.3, rng=0, weights=weights)
    weights.bias = lambda rng, m, n: np.zeros(m - 1)
    with pytest.raises(InvalidInput, match="bias"):
        crosscheck(block, 6, 256, networks=12, c=0.3, rng=0, weights=weights)


@pytest.mark.parametrize(
    "sampler",
    [
        lambda rng, m, n: scaled(1.0, 1.3)(np.random.default_rng(0), m, n),
        lambda rng, m, n: scaled(1.0, 1.3)(np.random.default_rng(int(4 * rng.random())), m, n),
    ],
)
def test_a_sampler_that_returns_a_matrix_twice_does_not_pass(sampler):
    check = crosscheck(mlp("tanh", 1.3, 0.2), 3, 64, networks=12, rng=0, weights=sampler)
    assert not check
    assert (check.cause.quantity, check.cause.everywhere) == ("draws", True)
    assert "rng" in check.summary
    mixed = [scaled(1.0, 1.3), sampler, scaled(1.0, 1.3)]
    assert crosscheck(mlp("tanh", 1.3, 0.2), 3, 64, networks=12, rng=0, weights=mixed).cause.layers == (2,)


def test_a_sampler_that_is_declared_deterministic_may_repeat_itself():
    def identity(rng, m, n):
        return 1.3 * np.eye(m, n)

    identity.deterministic = True
    for sampler in (identity, mf.initializer("identity")):
        cause = crosscheck(mlp("tanh", 1.3, 0.2), 3, 64, networks=12, rng=0, weights=sampler).cause
        assert cause is None or cause.quantity != "draws"
    assert not mf.initializer("he_normal").deterministic


@pytest.mark.parametrize(("freedom", "passes"), [(3, False), (5, True)])
def test_weights_without_a_fourth_moment_fail(freedom, passes):
    def student(rng, m, n):
        return 1.3 * rng.standard_t(freedom, (m, n)) * ((freedom - 2) / freedom / n) ** 0.5

    check = crosscheck(mlp("tanh", 1.3, 0.2), 6, 256, networks=12, rng=0, weights=student)
    assert check.passed == passes
    if not passes:
        assert "fourth moment" in check.summary


@pytest.mark.parametrize(
    ("bias", "quantity"),
    [
        (lambda rng, m, n: np.zeros(m), "sigma_b"),
        (lambda rng, m, n: 1.2 * 0.2 * rng.standard_normal(m), "sigma_b"),
        (lambda rng, m, n: np.full(m, 0.2), "mean of biases"),
        (lambda rng, m, n: 0.2 * rng.standard_normal(m), None),
    ],
)
def test_biases_are_tested_themselves(bias, quantity):
    def weights(rng, m, n):
        return scaled(1.0, 1.41)(rng, m, n)

    weights.bias = bias
    check = crosscheck(mlp("relu", 1.41, 0.2), 5, 256, networks=12, rng=0, weights=weights)
    assert (check.cause and check.cause.quantity) == quantity


def test_nested_networks_of_several_layers_pass():
    block = Network(Network("relu", Dense(1.4, 0.1)), "tanh", Dense(1.3, 0.2))
    assert crosscheck(block, 5, 256, networks=12, c=0.3, rng=0, method="exact_law")


@pytest.mark.parametrize(
    "start", [{}, {"c": 1.0}, {"c": -1.0}, {"c": 1 - 1e-12}, {"q": 1e-6, "c": 0.5}, {"c": 0.3, "dtype": "float32"}]
)
def test_every_kind_of_start_passes(start):
    for block in (mlp("relu", 2**0.5), mlp("tanh", 1.0), mlp("tanh", 1.0, 0.3)):
        assert crosscheck(block, 8, 256, networks=12, rng=3, method="exact_law", **start)


def test_inputs_start_theory_and_simulation_alike():
    x = np.random.default_rng(0).random((4, 30))
    x[1] *= 3
    check = crosscheck(mlp("gelu", 1.4, 0.4), 5, 256, networks=12, inputs=x, rng=0, method="exact_law")
    assert check
    assert [row.theory for row in check.rows if row.layer == 0 and row.quantity == "q"] == [
        pytest.approx(np.mean(x**2))
    ]


def test_the_gradient_of_a_jump_is_left_out():
    check = crosscheck("sign", 4, 512, networks=12, c=0.3, rng=0, method="exact_law")
    assert set(check.z) == {"q", "one_minus_c"}
    assert check


def test_rows_z_and_dictionary_tell_the_same():
    check = crosscheck(mlp("tanh", 1.5, 0.1), 5, 128, networks=8, c=0.5, rng=0)
    assert set(check.z) == {"q", "one_minus_c", "gradient"}
    assert all(values.shape == (6,) for values in check.z.values())
    assert len(check.rows) == 18
    told = json.loads(json.dumps(check.to_dict(), allow_nan=False))
    assert told["passed"] is check.passed is bool(check) is True
    assert told["rows"][7]["z"] == check.rows[7].z
    assert check.summary in repr(check)
    assert "\n" not in repr(check)
    assert check.p_value >= check.alpha


def test_the_threshold_grows_with_the_tests_and_shrinks_with_the_networks():
    rng = np.random.default_rng(0)
    thresholds = [largest_z(rng.standard_normal(shape), 3.0, 0.01, 1e-9)[0] for shape in ((8, 20), (32, 20), (32, 2))]
    assert thresholds[0] > thresholds[1] > thresholds[2] > 2.7


@pytest.mark.parametrize(("copies", "fewest"), [(1, 3), (20, 0)])
def test_the_stated_rate_is_met_by_independent_columns_and_not_exceeded_by_equal_ones(copies, fewest):
    rng = np.random.default_rng(1)
    rejected = 0
    for _ in range(100):
        sample = rng.standard_normal((6, 20 // copies)).repeat(copies, axis=1)
        largest = float(np.max(np.abs(sample.mean(axis=0) / sample.std(axis=0, ddof=1))) * 6**0.5)
        threshold, p_value = largest_z(sample, largest, 0.1, 1e-9)
        rejected += largest > threshold
        assert (largest > threshold) == (p_value < 0.1) or abs(p_value - 0.1) < 0.01
    assert fewest <= rejected <= 20  # 10 expected of independent columns, standard deviation 3


@pytest.mark.parametrize("alpha", [0.0, 1.0, float("nan"), -0.1])
def test_alpha_outside_its_range_is_refused(alpha):
    with pytest.raises(InvalidInput, match="alpha"):
        crosscheck("tanh", 2, 8, networks=2, alpha=alpha)


def test_the_figure_shows_every_quantity_and_rings_what_fails():
    check = crosscheck(mlp("relu", 2**0.5), 4, 128, networks=8, c=0.0, rng=0, weights=scaled(1.3, 2**0.5))
    ax = check.plot()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["$q$", "$1 - c$", "squared gradient"]
    assert "failed" in ax.get_title(loc="right")
    assert len(ax.figure.axes) == 2
    rings = [line for line in ax.lines if line.get_markerfacecolor() == "none" and len(line.get_xdata())]
    assert (
        sum(len(line.get_xdata()) for line in rings)
        == sum(abs(row.z) > check.threshold for row in check.rows if row.quantity in SIGNALS)
        > 0
    )
    assert check.plot(ax) is ax


def test_a_check_that_could_not_fail_does_not_pass():
    check = mf.crosscheck(mf.mlp("relu", 2**0.5), 3, 100_000, c=0.5, networks=2, method="exact_law", rng=0)
    assert (check.verdict, check.passed, bool(check), check.cause) == ("inconclusive", False, False, None)
    assert "would not show an error of 100 % in sigma_w" in check.summary
    assert check.to_dict()["verdict"] == "inconclusive"
    more = mf.crosscheck(mf.mlp("relu", 2**0.5), 3, 1000, networks=16, method="exact_law", rng=0)
    assert (more.verdict, more.passed) == ("passed", True)


def test_signals_that_do_not_depend_on_sigma_w_can_pass():
    """Behind a normalisation nothing shows sigma_w; q and c are tested all the same."""
    check = mf.crosscheck("dense, layernorm", 3, 128, c=0.5, networks=8, method="exact_law", rng=0)
    assert check.verdict == "passed"
    assert check.decides
