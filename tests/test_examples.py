"""Each example finds what its name and its first line say."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_he_initialisation_keeps_q_and_loses_the_angle_like_one_over_depth_squared():
    found = load("he_initialisation").main(depth=1000)
    np.testing.assert_allclose(found["q"], 1.0, rtol=1e-12)
    scaled = found["one_minus_c"] * found["layer"] ** 2
    # 35.77 and 43.13: the finite-depth values, iterated in 1 - c with the arc-cosine kernel.
    assert scaled[100] == pytest.approx(35.76853316, abs=1e-6)
    assert scaled[1000] == pytest.approx(43.12973254, abs=1e-6)
    assert np.all(np.diff(scaled) > 0)
    assert scaled[1000] < 4.5 * np.pi**2


def test_relus_gain_lets_a_gelu_network_die_out_and_its_own_point_does_not():
    found = load("gelu_gain").main()
    assert found["borrowed"][-1] == pytest.approx(2.97e-14, rel=1e-2)
    assert found["borrowed_gradient"][0] < 1e-12
    np.testing.assert_allclose(found["critical"], (3 + 17**0.5) / 2, rtol=1e-9)
    np.testing.assert_allclose(found["critical_gradient"], 1.0, rtol=1e-9)
    assert found["simulated"][-1] == pytest.approx(found["borrowed"][-1], rel=0.5)


def test_a_custom_activation_with_a_kink_gets_its_gain_to_the_error_it_states():
    found = load("custom_activation").main()
    assert found["breakpoints"] == pytest.approx((1 / 3,), abs=1e-10)
    assert abs(found["gain"].value - found["exact"]) <= found["gain"].error < 1e-12
    assert found["gain"].converged
    assert found["hermite_error"][found["nodes"] > 100].max() > 1e-4


def test_the_depth_scale_of_tanh_is_largest_at_the_edge_of_chaos():
    found = load("edge_of_chaos").main(resolution=4)
    assert found["schoenholz"].sigma_w[0] ** 2 == pytest.approx(1.7609546396067391, abs=1e-10)
    diagram, line = found["diagram"], found["line"]
    for column, sigma_b in enumerate(diagram.sigma_b):
        if sigma_b > 0:
            critical = line.sigma_w[line.sigma_b == sigma_b][0]
            deepest = diagram.sigma_w[np.argmax(diagram.xi_c[:, column])]
            assert abs(deepest - critical) <= np.diff(diagram.sigma_w)[0]
            chaotic = diagram.phase[:, column] == "chaotic"
            np.testing.assert_array_equal(chaotic, diagram.sigma_w > critical)


@pytest.mark.long
@pytest.mark.slow
def test_tanh_networks_learn_down_to_a_few_depth_scales_and_deepest_at_the_edge_of_chaos():
    pytest.importorskip("sklearn")
    depths = np.array([10, 60])
    found = load("trainability").main(np.array([1.0, 1.76, 6.0]), depths, networks=1, steps=200)
    scales = depths[:, None] / found["xi_c"]
    learns, fails = scales < 4, scales > 10
    np.testing.assert_array_equal(learns, [[True, True, True], [False, True, False]])
    np.testing.assert_array_equal(fails, ~learns)
    assert found["accuracy"][learns].min() > 0.4
    assert found["accuracy"][fails].max() < 0.25


@pytest.mark.slow
def test_the_ratio_of_weight_to_gradient_that_lars_uses_is_what_theory_predicts():
    found = load("lars_ratios").main(depth=10, width=200, networks=20)
    for setting, (predicted, measured, error) in ((key, row.values()) for key, row in found.items()):
        assert np.all(error < 0.08 * predicted), setting
        assert np.all(np.abs(measured - predicted) < 4 * error), setting
    np.testing.assert_allclose(found["ReLU, He", 1]["predicted"], 2.0, rtol=1e-12)
    assert np.ptp(found["tanh, edge of chaos", 1]["predicted"]) < 0.15
    assert np.all(np.diff(found["tanh, ordered", 1]["predicted"][1:]) < 0)
    assert np.all(np.diff(found["tanh, chaotic", 1]["predicted"]) > 0)


@pytest.mark.long
@pytest.mark.slow
def test_each_customary_scheme_suits_one_activation_and_the_critical_one_suits_all():
    example = load("scheme_comparison")
    found = example.main(width=128)
    assert [key for key, check in found.items() if not check.passed] == []
    theory = {
        key: np.array([example.by_layer(check, quantity)[0] for quantity in ("q", "gradient")])
        for key, check in found.items()
    }
    assert theory["gelu", "He"][0, -1] == pytest.approx(2.97e-14, rel=1e-2)
    assert theory["relu", "Glorot"][0, -1] == pytest.approx(2.0**-50, rel=1e-12)
    assert theory["relu", "torch's default"][1, 0] == pytest.approx(6.0**-50, rel=1e-12)
    suited = {key for key, (q, gradient) in theory.items() if min(*q, *gradient) > 0.01 and max(*q, *gradient) < 100}
    critical = {(activation, "critical") for activation in ("tanh", "relu", "gelu")}
    assert suited == critical | {("tanh", "Glorot"), ("relu", "He")}


def test_softplus_networks_of_thirty_layers_learn_once_softplus_is_shaped():
    pytest.importorskip("sklearn")
    found = load("shaped_activations_train").main(("softplus",), depth=30, width=24, steps=36)
    late = {kind: accuracy[-12:].mean() for kind, accuracy in found["softplus"].items()}
    assert late["original"] < 0.2 < 0.35 < min(late["DKS"], late["TAT"])
    assert found["c"]["original"].min() > 0.999  # the inputs are forgotten
    assert found["c"]["DKS"][10] == pytest.approx(0.0, abs=1e-10)  # C(0) = 0
    last = [(1 - found["c"][kind][-2]) / (1 - found["c"]["before"][-2]) for kind in ("DKS", "TAT")]
    assert 1.3 < last[0] < 1.5  # slope 1.5 at c = 1
    assert 0.98 < last[1] < 1.0  # slope 1, curvature 0.3


def test_gradients_scatter_by_depth_over_width():
    found = load("depth_needs_width").main(depth=8, networks=2, depths=(2, 8))
    assert found["bands"][64].gradient_band is None  # beyond first order
    few, many = (np.ptp(np.log(found["bands"][width].gradient_band[:, 0])) for width in (256, 1024))
    assert few == pytest.approx(2 * many, rel=1e-12)
    np.testing.assert_array_equal(found["needed"]["relu"], [1000, 4000])
    assert min(found["needed"], key=lambda name: found["needed"][name][-1]) in ("tanh", "erf", "elu")


def test_importing_an_example_computes_and_draws_nothing(monkeypatch):
    import meanfield as mf

    for name in (
        "propagate",
        "simulate",
        "recommend",
        "gain",
        "activation",
        "phase_diagram",
        "critical_line",
        "analyze",
        "crosscheck",
        "initializer",
        "fluctuations",
        "transform",
    ):
        monkeypatch.setattr(mf, name, lambda *_, **__: pytest.fail("computed at import"))
    for path in sorted(EXAMPLES.glob("*.py")):
        assert callable(load(path.stem).main)


def test_batch_norm_explodes_gradients_and_a_residual_branch_cures_it():
    found = load("architectures").main(depth=20, width=256, networks=8)
    theory, simulated = found["theory"], found["simulated"]
    explodes, cured = "batch norm, 16 inputs", "batch norm in a residual branch"
    assert theory[explodes].chi[-1] == pytest.approx(1.5899504167651655, rel=1e-9)  # Yang et al. 2019, theorem 8
    assert theory[explodes].gradient[0] > 1e3 > 200 > theory[cured].gradient[0]
    for label in ("plain", "dropout 0.2"):
        np.testing.assert_allclose(theory[label].gradient, 1.0, rtol=1e-12)
    assert theory["residual, branch / √depth"].gradient[0] == pytest.approx((1 + 1 / 20) ** 20, rel=1e-12)
    assert theory["dropout 0.2"].c[-1] == pytest.approx(0.47279934721349607, abs=1e-4)  # Pretorius et al. 2018
    for label, run in simulated.items():
        np.testing.assert_allclose(run.gradient.mean, theory[label].gradient, rtol=0.25)
        np.testing.assert_allclose(run.one_minus_c.mean, theory[label].one_minus_c, rtol=0.3)


def test_streams_of_published_transformers():
    found = load("transformers").main(depth=2, width=128, networks=6)
    for name, run in found["simulated"].items():
        theory = found["theory"][name]
        np.testing.assert_allclose(run.q.mean, theory.q, rtol=0.1)
        np.testing.assert_allclose(run.token_c.mean, theory.token_c, atol=0.08)
        np.testing.assert_allclose(run.gradient.mean, theory.gradient, rtol=0.3)
    q = {name: run.q[-1] for name, run in found["theory"].items()}
    assert q["GPT-2"] < 1.1 < q["ViT"] < 3 < 10 < q["Llama"]


def test_orthogonal_weights_keep_all_singular_values_of_tanh_near_one():
    found = load("orthogonal_weights_are_isometric").main(depth=8, width=100, networks=1)
    spreads = {name: float(one["law"].spread) for name, one in found.items()}
    assert spreads["tanh, orthogonal"] == pytest.approx(0.25, rel=1e-6)
    assert spreads["tanh, Gaussian"] == pytest.approx(8.25, rel=1e-6)
    assert spreads["ReLU, orthogonal"] == pytest.approx(8.0, rel=1e-9)
    for one in found.values():
        u = 0.75
        assert np.mean(one["drawn"] <= float(one["law"].quantile(u))) == pytest.approx(u, abs=0.06)
