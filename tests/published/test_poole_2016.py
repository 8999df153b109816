"""Poole, Lahiri, Raghu, Sohl-Dickstein, Ganguli 2016 (arXiv:1606.05340): the tanh network at sigma_b = 0.3."""

import numpy as np
import pytest

import meanfield as mf

# sigma_w: q*, χ₁, χ₂, χ_∥, c*, χ(c*), ξ_q, ξ_c
ROWS = {
    1.3: (
        0.60704679190932323,
        0.93980742868215382,
        0.54347201864136288,
        0.47351586986510792,
        1,
        0.93980742868215382,
        1.3376676425393083,
        16.10817274347612,
    ),
    2.5: (
        4.079123875282246,
        1.585224765006033,
        1.1960412914242482,
        0.23392204558259113,
        0.122103747305585,
        0.822229172723565,
        0.68834145723677317,
        5.10891898916677,
    ),
    4.0: (
        12.604149497844294,
        2.3672610355458825,
        1.8571760414109087,
        0.13008210232623496,
        0.0296959215803378,
        0.759743605012185,
        0.4902947450770058,
        3.63935102150876,
    ),
}
CURVATURE = {2.5: 3.8677098243090857, 4.0: 1.7213799491608153}


@pytest.mark.parametrize("sigma_w", ROWS)
def test_fixed_points_and_depth_scales(sigma_w):
    q, chi_1, _, chi_parallel, c, chi_c, xi_q, xi_c = ROWS[sigma_w]
    a = mf.analyze(mf.mlp("tanh", sigma_w, 0.3))
    assert a.q_star == pytest.approx(q, rel=1e-13)
    assert a.chi_1 == pytest.approx(chi_1, rel=1e-13)
    assert a.chi_parallel == pytest.approx(chi_parallel, rel=1e-12)
    assert a.c_star == pytest.approx(c, rel=2e-12)
    assert a.chi_c == pytest.approx(chi_c, rel=1e-12)
    assert a.xi_q == pytest.approx(xi_q, rel=1e-12)
    assert a.xi_c == pytest.approx(xi_c, rel=1e-11)
    assert a.xi_gradient == pytest.approx(-1 / np.log(chi_1), rel=1e-11)
    assert a.phase == ("ordered" if chi_1 < 1 else "chaotic")


@pytest.mark.parametrize("sigma_w", ROWS)
def test_the_grid_gives_the_same_numbers(sigma_w):
    grid = mf.analyze(mf.mlp("tanh", np.array([*ROWS]), 0.3))
    row, i = ROWS[sigma_w], [*ROWS].index(sigma_w)
    assert grid.q_star[i] == pytest.approx(row[0], rel=1e-12)
    assert grid.c_star[i] == pytest.approx(row[4], rel=1e-11)
    assert grid.xi_c[i] == pytest.approx(row[7], rel=1e-10)


@pytest.mark.parametrize("sigma_w", ROWS)
def test_curvature_of_the_propagated_circle(sigma_w):
    q, chi_1, chi_2, *_ = ROWS[sigma_w]
    second = mf.expectation("(2*tanh(x)*(1 - tanh(x)**2))**2", q).value
    assert sigma_w**2 * second == pytest.approx(chi_2, rel=1e-12)
    if chi_1 > 1:
        assert 3 * sigma_w**2 * second / chi_1**2 / (1 - 1 / chi_1) == pytest.approx(CURVATURE[sigma_w], rel=1e-12)


def test_an_orbit_ends_at_the_fixed_point_of_the_table():
    end = mf.propagate(mf.mlp("tanh", 2.5, 0.3), 120, q=0.1, c=0.9)
    assert end.q[-1] == pytest.approx(ROWS[2.5][0], rel=1e-12)
    assert end.c[-1] == pytest.approx(ROWS[2.5][4], rel=1e-8)
