"""The examples that redraw published figures find what their names say."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def main(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture(scope="module")
def poole():
    return main("chaos_parts_inputs")(width=200, networks=16)


def test_chaos_parts_inputs_has_the_fixed_points_of_independent_quadrature(poole):
    settled = poole["settled"]
    np.testing.assert_allclose(settled.q_star, [0.60704679190932323, 4.079123875282246, 12.604149497844294], rtol=1e-9)
    np.testing.assert_allclose(settled.chi_1, [0.93980742868215382, 1.585224765006033, 2.3672610355458825], rtol=1e-9)
    np.testing.assert_allclose(settled.c_star, [1.0, 0.122103747305585, 0.0296959215803378], rtol=1e-9)


def test_c_star_leaves_1_and_chi_1_passes_1_at_the_edge_of_chaos(poole):
    chaotic = poole["sweep"] > poole["edge"][0]
    np.testing.assert_array_equal(poole["along"].chi_1 > 1, chaotic)
    np.testing.assert_array_equal(poole["along"].c_star < 1, chaotic)
    assert np.all(np.diff(poole["along"].c_star[chaotic]) < 0)


def test_q_settles_within_ten_layers_and_networks_follow_the_theory(poole):
    for (label, run), q_star in zip(poole["runs"].items(), poole["settled"].q_star, strict=True):
        assert run.q[10] == pytest.approx(q_star, rel=1e-2)
        drawn = poole["simulations"][label]
        assert np.abs(drawn.q.mean / run.q - 1).max() < 0.1
        assert np.abs(drawn.c.mean - run.c).max() < 0.1


@pytest.fixture(scope="module")
def schoenholz():
    return main("depth_scales_diverge")(points=13, depth=120)


def test_depth_scales_are_those_of_independent_quadrature_and_only_xi_c_diverges(schoenholz):
    scales, squared = schoenholz["scales"], schoenholz["sigma_w"] ** 2
    assert schoenholz["edge"][0] ** 2 == pytest.approx(1.7609546396067391, abs=1e-10)
    known = {
        1.0: (1.747626242902003, 3.6269756180529701),
        1.5: (1.6828283887064367, 15.790994034122881),
        2.0: (1.3879757482573774, 25.2134147892),
        2.5: (1.1798729164795164, 11.7955975159),
        4.0: (0.873293371960289, 6.98027353298),
    }
    for value, (xi_q, xi_c) in known.items():
        at = int(np.argmin(np.abs(squared - value)))
        assert squared[at] == pytest.approx(value)
        assert scales.xi_q[at] == pytest.approx(xi_q, rel=1e-9)
        assert scales.xi_c[at] == pytest.approx(xi_c, rel=1e-8)
    assert scales.xi_q.max() < 2 < 70 < scales.xi_c.max()


def test_the_difference_of_two_inputs_dies_out_at_the_depth_scale(schoenholz):
    for at in (0, 2, 4, 6, 12):
        xi_c, left = schoenholz["scales"].xi_c[at], schoenholz["left"][:, at]
        late = slice(int(2 * xi_c), int(4 * xi_c) + 1)
        rate = -np.polyfit(schoenholz["depth"][late], np.log(left[late]), 1)[0]
        assert rate * xi_c == pytest.approx(1, rel=0.05)


@pytest.fixture(scope="module")
def hayou():
    return main("smooth_edges_are_lines")(depth=1000, rows=25)


def test_smooth_edges_are_lines_and_relus_is_a_point(hayou):
    lines = hayou["lines"]
    assert lines["ReLU"].sigma_w == pytest.approx([2**0.5])
    assert lines["ReLU"].sigma_b == pytest.approx([0.0])
    for label, sigma_w in {"tanh": 1.3041458400565114, "ELU": 1.2292511241372064, "SiLU": 1.6795316006916458}.items():
        line = lines[label]
        row = np.flatnonzero(np.isclose(line.sigma_b, 0.2))
        assert line.sigma_w[row] == pytest.approx([sigma_w], rel=1e-9)
    assert all(lines[label].stable[lines[label].sigma_b > 0].all() for label in ("tanh", "erf", "ELU"))
    for label, least in {"GELU": 0.17292, "SiLU": 0.5551, "Mish": 0.09452}.items():
        np.testing.assert_array_equal(lines[label].stable, lines[label].sigma_b ** 2 > least)


def test_smooth_activations_forget_like_1_over_l_and_relu_like_its_square(hayou):
    layer, runs = hayou["layer"][-1], hayou["runs"]
    assert hayou["beta"]["tanh"] == pytest.approx(7.0837378249059793, rel=1e-8)
    assert runs["ReLU"].one_minus_c[-1] * layer**2 == pytest.approx(43.12973254, abs=1e-6)
    for label, beta in hayou["beta"].items():
        assert runs[label].one_minus_c[-1] * layer == pytest.approx(beta, rel=0.03)


def test_past_the_edge_tanh_is_chaotic_and_relu_and_gelu_are_unbounded():
    found = main("past_the_edge")()
    phases = {name: set(np.unique(diagram.phase)) for name, diagram in found["diagrams"].items()}
    assert phases == {
        name: {"ordered", "chaotic" if name == "tanh" else "unbounded"} for name in ("tanh", "relu", "gelu")
    }
    relu = found["diagrams"]["relu"]
    np.testing.assert_array_equal(relu.phase == "unbounded", np.tile(relu.sigma_w[:, None] > 2**0.5, relu.sigma_b.size))
    gelu, line = found["diagrams"]["gelu"], found["lines"]["gelu"]
    step = gelu.sigma_w[1] - gelu.sigma_w[0]
    for sigma_b, phase, chi_1 in zip(gelu.sigma_b, gelu.phase.T, gelu.chi_1.T, strict=True):
        last = gelu.sigma_w[phase == "ordered"].max()
        np.testing.assert_array_equal(phase == "ordered", gelu.sigma_w <= last)
        if sigma_b <= 0.25:
            assert chi_1[phase == "ordered"].max() < 0.7
        if sigma_b >= 0.5:
            critical = np.interp(sigma_b, line.sigma_b[line.stable], line.sigma_w[line.stable])
            assert last <= critical < last + step
