import json
import sys

import numpy as np
import pytest

from meanfield.errors import InvalidInput
from meanfield.networks.layers import Dense
from meanfield.networks.network import Network, mlp
from meanfield.numerics.largest_z import largest_z
from meanfield.verdict import crosscheck

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
        module = sys.modules["meanfield.verdict"]
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


@pytest.mark.parametrize(
    "weights",
    [
        lambda rng, m, n: scaled(1.0, 2**0.5)(rng, m, n) + 2.0 / n,  # a non-zero mean
        lambda rng, m, n: np.repeat(scaled(1.0, 2**0.5)(rng, m, n // 8), 8, axis=1) / 8**0.5,  # equal columns
        lambda rng, m, n: np.zeros((m, n)),
    ],
)
def test_other_wrong_samplers_fail_too(weights):
    assert not crosscheck(mlp("relu", 2**0.5), 8, 256, networks=16, c=0.0, rng=0, weights=weights)


def test_a_missing_factor_on_one_layer_is_found_at_that_layer():
    layer = iter(range(6 * 16))

    def weights(rng, m, n):
        return scaled(1.2 if next(layer) % 6 == 3 else 1.0, 2**0.5)(rng, m, n)

    check = crosscheck(mlp("relu", 2**0.5), 6, 512, networks=16, c=0.0, rng=0, weights=weights)
    assert not check
    suspects = [row.layer for row in check.rows if row.quantity == "q" and abs(row.z) > check.threshold]
    assert suspects == [4, 5, 6]


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
    assert sum(len(line.get_xdata()) for line in rings) == sum(abs(row.z) > check.threshold for row in check.rows) > 0
    assert check.plot(ax) is ax
