"""Depth scales of every factor that maps can have, and slopes that rounding makes negative."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.theory.assumptions.block import checked
from meanfield.theory.fixed_points import correlation
from meanfield.theory.fixed_points.depth_scales import depth_scale


@pytest.mark.parametrize(
    ("factor", "scale"),
    [(0.0, 0.0), (-5e-25, -1 / np.log(5e-25)), (np.exp(-0.5), 2.0), (-np.exp(-0.5), 2.0), (1.0, np.inf), (-1.0, np.inf),
     (np.exp(0.5), -2.0), (np.inf, 0.0)],
)  # fmt: skip
def test_every_factor_has_a_depth_scale(factor, scale):
    found = depth_scale(np.array([factor]))
    assert found == pytest.approx(scale, rel=1e-15)
    assert not (found == 0 and np.signbit(found))


def test_rounding_makes_no_slope_of_the_correlation_map_negative(monkeypatch):
    made = correlation.pair_maps

    def rounded(networks, q):
        maps = made(networks, q)
        return maps._replace(slope=lambda which, gap: maps.slope(which, gap) * 0 - 5e-25)

    block = checked(mf.mlp("tanh", 3.0, 0.3))
    a = mf.analyze(block)
    monkeypatch.setattr(correlation, "pair_maps", rounded)
    settled = correlation.stable_c(block, a.q_star.ravel(), a.chi_1.ravel())
    assert settled.c == pytest.approx(a.c_star.ravel(), rel=1e-12)
    assert settled.chi_c == 0


def test_sines_of_high_frequency_have_a_complete_diagram():
    diagram = mf.phase_diagram("siren", np.linspace(0.5, 3, 31), np.linspace(0, 1, 21))
    for name in ("q_star", "chi_parallel", "chi_1", "c_star", "chi_c", "xi_q", "xi_c", "xi_gradient"):
        assert np.isfinite(getattr(diagram, name)).all(), name
    assert (diagram.chi_c >= 0).all()
    assert (diagram.xi_c >= 0).all()
