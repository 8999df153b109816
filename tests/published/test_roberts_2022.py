"""Roberts, Yaida & Hanin 2022 (arXiv:2106.10165): critical points and universality classes."""

import json

import numpy as np
import pytest
from paths import REFERENCE_FILES

import meanfield as mf

POINTS = json.loads((REFERENCE_FILES / "targets.json").read_text())["half_stable"]


@pytest.mark.parametrize("name", POINTS)
def test_half_stable_points(name):
    q, c_w, c_b = (float(POINTS[name][key]) for key in ("K", "CW", "Cb"))
    point = mf.critical_point(name)
    assert point.universality == "half_stable"
    assert point.q == pytest.approx(q, rel=1e-10)
    assert point.sigma_w**2 == pytest.approx(c_w, rel=1e-13)
    assert point.sigma_b**2 == pytest.approx(c_b, rel=1e-12)


def test_the_half_stable_point_of_gelu_has_a_closed_form():
    assert mf.critical_point("gelu").q == pytest.approx((3 + 17**0.5) / 2, rel=1e-12)


def test_tanh_gelu_is_another_function():
    point = mf.critical_point("gelu_tanh")
    assert point.q == pytest.approx(3.556772844715111, rel=1e-10)
    assert point.sigma_w**2 == pytest.approx(1.9828882398210922, rel=1e-12)
    assert point.sigma_b**2 == pytest.approx(0.17289519826381583, rel=1e-11)


def test_the_swish_value_in_circulation_has_a_zero_too_many():
    wrong = mf.analyze(mf.mlp("silu", 1.98800468**0.5, 0.055514317**0.5))
    assert abs(wrong.chi_1 - 1) > 1e-2
    assert wrong.phase == "ordered"
    point = mf.critical_point("silu")
    assert point.sigma_b**2 == pytest.approx(0.55514317, abs=5e-9)
    assert point.sigma_w**2 == pytest.approx(1.98800468, abs=5e-9)
    assert point.q == pytest.approx(14.32017362, abs=5e-9)


@pytest.mark.parametrize(
    ("name", "parameters", "sigma_w2"),
    [
        ("relu", {}, 2.0),
        ("leaky_relu", {"negative_slope": 0.2}, 2 / 1.04),
        ("linear", {}, 1.0),
        ("abs", {}, 1.0),
    ],
)
def test_scale_invariant_class(name, parameters, sigma_w2):
    point = mf.critical_point(mf.activation(name, **parameters))
    assert point.universality == "scale_invariant"
    assert point.sigma_w**2 == pytest.approx(sigma_w2, rel=1e-14)
    assert point.sigma_b == 0


@pytest.mark.parametrize(("name", "sigma_w2"), [("tanh", 1.0), ("sin", 1.0), ("erf", np.pi / 4), ("arctan", 1.0)])
def test_k_star_zero_class(name, sigma_w2):
    point = mf.critical_point(name)
    assert point.universality == "k_star_zero"
    assert point.sigma_w**2 == pytest.approx(sigma_w2, rel=1e-14)
    assert (point.sigma_b, point.q) == (0, 0)


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "cos", "gaussian", "x**2", "1 + tanh(x)"])
def test_activations_without_a_critical_point(name):
    point = mf.critical_point(name)
    assert point.universality == "none"
    assert np.isnan([point.sigma_w, point.sigma_b, point.q]).all()


@pytest.mark.parametrize(
    ("name", "decay"),
    [
        (
            "tanh",
            {
                2: 0.394294490397841,
                3: 0.236450410499296,
                5: 0.127904735299415,
                10: 0.0580118478402229,
                100: 0.0051207156659929,
            },
        ),
        ("sin", {2: 0.432332358381694, 10: 0.0921811387302355, 100: 0.00984266323898317}),
    ],
)
def test_decay_at_the_critical_point(name, decay):
    q = mf.propagate(name, 99, q=1.0).q  # layer l of the book is l − 1 maps after the first
    assert [q[l - 1] for l in decay] == pytest.approx([*decay.values()], rel=1e-13)


@pytest.mark.parametrize(("name", "law"), [("tanh", 0.5), ("sin", 1.0)])
def test_q_decays_like_the_inverse_of_depth(name, law):
    q = mf.propagate(name, 1000, q=1.0).q
    assert 500 / (1 / q[1000] - 1 / q[500]) == pytest.approx(law, rel=2e-3)


def test_gelu_drifts_to_the_half_stable_point_from_above_only():
    point = mf.critical_point("gelu")
    block = mf.mlp("gelu", point.sigma_w, point.sigma_b)
    above, below = (mf.variance_map(block, point.q * s).value - point.q * s for s in (1.1, 0.95))
    assert above < 0
    assert below < 0


@pytest.mark.parametrize(
    ("slope", "growth"), [(None, 5.0), (0.01, 4.9988002399640048), (0.1, 4.8823644740711695), (0.2, 4.5562130177514793)]
)
def test_growth_of_the_four_point_vertex_for_scale_invariant_activations(slope, growth):
    phi = mf.activation("relu") if slope is None else mf.activation("leaky_relu", negative_slope=slope)
    fourth, second = (mf.expectation(lambda x, k=k: phi(x) ** k).value for k in (4, 2))
    assert fourth / second**2 - 1 == pytest.approx(growth, rel=1e-13)


def test_growth_of_the_four_point_vertex_of_gelu():
    point, phi = mf.critical_point("gelu"), mf.activation("gelu")
    fourth, second = (mf.expectation(lambda x, k=k: phi(x) ** k, point.q).value for k in (4, 2))
    assert point.sigma_w**4 * (fourth - second**2) / point.q**2 == pytest.approx(4.90422620645042, rel=1e-11)
