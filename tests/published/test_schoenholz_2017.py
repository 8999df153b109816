"""Schoenholz, Gilmer, Ganguli, Sohl-Dickstein 2017 (arXiv:1611.01232): tanh networks at sigma_b² = 0.05."""

import numpy as np
import pytest

import meanfield as mf

# sigma_w²: q*, χ₁, ξ_q, c*, ξ_c, −1/ln χ₁
ROWS = {
    1.0: (0.19359252024529664, 0.7590316471853936, 1.747626242902003, 1, 3.6269756180529701, 3.6269756180529701),
    1.3: (0.31531647748529134, 0.88016350988321672, 1.7852366315425198, 1, 7.8340692684590717, 7.8340692684590717),
    1.5: (0.41803720053347785, 0.93863626819885116, 1.6828283887064367, 1, 15.790994034122881, 15.790994034122881),
    1.7: (0.53307562794663975, 0.98674080902587559, 1.5582540144915409, 1, 74.918270503006642, 74.918270503006642),
    2.0: (
        0.72176187265207142,
        1.0476659995757353,
        1.3879757482573774,
        0.7440824195012,
        25.2134147892,
        -21.475434320260216,
    ),
    2.5: (
        1.0639583774168116,
        1.1335156987042717,
        1.1798729164795164,
        0.44680423234427,
        11.7955975159,
        -7.9793150218224041,
    ),
    3.0: (
        1.4280084621964718,
        1.2089344240611168,
        1.0414606953913476,
        0.29931764181537,
        9.05145572593,
        -5.270388580924511,
    ),
    4.0: (
        2.1954939280344878,
        1.3424024144451917,
        0.873293371960289,
        0.16506496202231,
        6.98027353298,
        -3.3960371366528603,
    ),
}


@pytest.mark.parametrize("sigma_w2", ROWS)
def test_depth_scales(sigma_w2):
    q, chi_1, xi_q, c, xi_c, xi_gradient = ROWS[sigma_w2]
    a = mf.analyze(mf.mlp("tanh", sigma_w2**0.5, 0.05**0.5))
    assert a.q_star == pytest.approx(q, rel=1e-13)
    assert a.chi_1 == pytest.approx(chi_1, rel=1e-13)
    assert a.xi_q == pytest.approx(xi_q, rel=1e-12)
    assert a.c_star == pytest.approx(c, rel=2e-13 if c == 1 else 1e-12)
    assert a.xi_c == pytest.approx(xi_c, rel=1e-11)
    assert a.xi_gradient == pytest.approx(xi_gradient, rel=1e-11)


def test_the_rounded_edge_of_chaos_is_slightly_ordered():
    a = mf.analyze(mf.mlp("tanh", 1.76**0.5, 0.05**0.5))
    assert a.chi_1 == pytest.approx(0.99979642420373522, rel=1e-13)
    assert a.xi_c == pytest.approx(4911.675, abs=5e-4)
    assert a.phase == "ordered"


def test_the_exact_edge_of_chaos():
    line = mf.critical_line("tanh", 0.05**0.5)
    assert line.sigma_w**2 == pytest.approx([1.7609546396067391], rel=1e-13)
    assert line.q == pytest.approx([0.57004788164076415], rel=1e-12)
    at = mf.analyze(mf.mlp("tanh", line.sigma_w[0], 0.05**0.5))
    assert at.phase == "critical"
    assert at.xi_c == at.xi_gradient == np.inf


def test_gradients_grow_by_chi_1_a_layer_in_the_chaotic_phase():
    q, chi_1, *_ = ROWS[2.5]
    gradient = mf.propagate(mf.mlp("tanh", 2.5**0.5, 0.05**0.5), 40, q=q).gradient
    assert gradient[0] == pytest.approx(chi_1**40, rel=1e-11)
