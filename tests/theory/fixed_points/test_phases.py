"""Phases with and without noise: one vocabulary in data, figures and commands; and why numbers are not finite."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

import meanfield as mf
from meanfield.json_types import json_types
from meanfield.theory.fixed_points.analysis import MEANING
from meanfield.theory.fixed_points.phases import PHASES

NOISE = {"dropout": mf.Dropout(0.1), "multiplicative": mf.MultiplicativeNoise(0.3), "additive": mf.AdditiveNoise(0.3)}


@pytest.mark.parametrize("noise", NOISE)
def test_under_noise_phases_are_about_gradients_and_c_is_below_one(noise):
    block = mf.Network("tanh", NOISE[noise], mf.Dense())
    a = mf.analyze(block.at(sigma_w=[0.5, 1.0, 2.0, 3.0], sigma_b=0.1))
    assert set(a.phase.tolist()) == {"vanishing", "exploding"}
    np.testing.assert_array_equal(a.phase == "vanishing", a.chi_1 < 1)
    assert (a.c_star < 1).all()
    alone = mf.analyze(mf.mlp("tanh", [0.5, 3.0], 0.1))
    assert alone.phase.tolist() == ["ordered", "chaotic"]


def test_no_noise_is_no_noise():
    still = mf.Network("tanh", mf.Dropout(0.0), mf.AdditiveNoise(0.0), mf.Dense(0.8, 0.1))
    assert mf.analyze(still).phase == "ordered"
    assert mf.analyze("layernorm, tanh, dense(0.8, 0.1)").phase in ("ordered", "critical", "chaotic")


def test_balanced_is_critical_of_gradients_alone():
    line = mf.critical_line(mf.Network("tanh", mf.Dropout(0.1), mf.Dense()), 0.2)
    a = mf.analyze(mf.Network("tanh", mf.Dropout(0.1), mf.Dense(line.sigma_w[0], 0.2)))
    assert a.phase == "balanced"
    assert a.c_star < 0.9


def test_a_figure_under_noise_has_no_critical_line():
    grid = np.linspace(0.5, 3, 9), np.linspace(0, 1, 5)
    noisy = mf.phase_diagram("tanh, dropout(0.1), dense", *grid)
    for diagram, words in ((noisy, "gradients keep their size"), (mf.phase_diagram("tanh", *grid), "critical line")):
        ax = diagram.plot()
        labels = [label for label in ax.get_legend_handles_labels()[1] if "chi_1" in label]
        assert len(labels) == 1
        assert words in labels[0]
        assert {text.get_text() for text in ax.texts} & set(PHASES) == set(diagram.phase.ravel().tolist())
        plt.close(ax.figure)


CASES = {
    "a jump": (mf.mlp("sign", 1.0, 0.3), {"chi_1"}),
    "criticality": (mf.mlp("relu", 2**0.5), {"xi_q", "xi_c", "xi_gradient"}),
    "unbounded": (mf.mlp("relu", 2.0), {"q_star", "xi_c"}),
    "beyond floats": (mf.mlp("exp", 2.0), {"q_star", "chi_parallel", "chi_1", "c_star", "chi_c"}),
    "finite": (mf.mlp("tanh", 1.3, 0.3), set()),
}


@pytest.mark.parametrize("case", CASES)
def test_every_number_that_is_not_finite_has_a_reason(case):
    block, expected = CASES[case]
    a = mf.analyze(block)
    assert set(a.not_finite) == expected
    for name in MEANING:
        value = getattr(a, name)
        why = a.not_finite.get(name, np.full(value.shape, ""))
        np.testing.assert_array_equal(why != "", ~np.isfinite(value))
    written = json.loads(json.dumps(json_types(a), allow_nan=False))
    assert set(written.get("not_finite", {})) == expected
    assert all(written[name] is None for name in expected)


def test_trajectories_and_points_say_why_too():
    run = mf.propagate("sign", 3, c=0.5)
    assert set(run.not_finite) == {"chi", "gradient"}
    assert "jumps" in run.not_finite["chi"][0].item()
    assert (run.not_finite["gradient"] != "").tolist() == (~np.isfinite(run.gradient)).tolist()
    nowhere = mf.critical_point("sigmoid")
    assert nowhere.universality == "none"
    assert set(nowhere.not_finite) == {"sigma_w", "sigma_b", "q"}
    assert not mf.critical_point("gelu").not_finite


@pytest.mark.parametrize(("activation", "field"), [("sign", "chi_1"), ("relu", "xi_c")])
def test_arrays_say_why_for_each_entry(activation, field):
    diagram = mf.phase_diagram(activation, [1.0, 2**0.5], [0.0, 0.5])
    why, value = diagram.not_finite[field], getattr(diagram, field)
    assert why.shape == value.shape
    np.testing.assert_array_equal(why != "", ~np.isfinite(value))
