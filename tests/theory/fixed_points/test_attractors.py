"""Orbits of made-up variance maps: where they end, whether tables are whole or have gaps."""

from dataclasses import dataclass

import numpy as np
import pytest

from meanfield.theory.fixed_points.attractors import attractor
from meanfield.theory.fixed_points.variance_tables import tabulated


@dataclass
class Maps:
    """Maps with fixed points at 0 and at q·steps, as q·(1 + rise·sin(2π ln(q)/ln(ratio)))."""

    ratio: np.ndarray
    rise: float
    rise_apart: bool
    unknown: tuple = (np.inf, np.inf)
    evaluations: int = 0

    @property
    def curve(self):
        return np.arange(self.ratio.size)

    @property
    def level(self):
        return np.zeros(self.ratio.size)

    def part(self, chosen):
        return self

    def without_bias(self, curve, q):
        q = np.asarray(q, dtype=float) * np.ones(curve.shape)
        self.evaluations += q.size
        turn = 2 * np.pi / np.log(self.ratio[curve])
        angle = turn * np.log(np.maximum(q, 1e-300))
        value = q * (1 + self.rise * np.sin(angle))
        slope = 1 + self.rise * np.sin(angle) + self.rise * turn * np.cos(angle)
        unknown = (self.unknown[0] <= q) & (q <= self.unknown[1])
        return value, np.where(unknown, np.inf, 1e-15 * q), slope

    image = without_bias

    def reach(self, low, high):
        return high


RATIO = np.geomspace(3.0, 300.0, 20)


@pytest.mark.parametrize("q0", [1.3, 0.2, 40.0])
@pytest.mark.parametrize("rise_apart", [False, True])
def test_an_orbit_ends_at_the_next_fixed_point(q0, rise_apart):
    found = attractor(Maps(RATIO, 0.1, rise_apart), q0)
    stable = RATIO[:, None] ** np.arange(-6.5, 7)
    expected = stable[np.arange(RATIO.size), np.argmin(np.abs(np.log(stable / q0)), axis=1)]
    assert found.q == pytest.approx(expected, rel=1e-12)
    assert found.multiple.all()


def test_gaps_in_tables_save_most_evaluations_and_change_no_fixed_point():
    whole, gaps = Maps(RATIO, 0.6, False), Maps(RATIO, 0.6, True)
    assert attractor(gaps, 1.3).q == pytest.approx(attractor(whole, 1.3).q, rel=1e-12)
    assert gaps.evaluations < whole.evaluations
    bent = Settling(np.full(5, 2.0), 0.0, True)
    tabulated(bent, np.arange(5), 1e-4, 1e3, 1.0)
    assert bent.evaluations < 45 * 5  # of 187 points


class Settling(Maps):
    """The map q/(1 + q) + 0.3, or ½q + 0.3 if it is not bent; both have one fixed point."""

    bent = True

    def without_bias(self, curve, q):
        q, error, _ = super().without_bias(curve, q)
        if not self.bent:
            return 0.5 * q + 0.3, error, np.full(q.shape, 0.5)
        return q / (1 + q) + 0.3, error, 1 / (1 + q) ** 2

    image = without_bias


@pytest.mark.parametrize("rise_apart", [False, True])
def test_a_map_that_falls_somewhere_is_tabulated_whole(rise_apart):
    maps = Maps(np.full(4, 1.5), 0.3, rise_apart)  # steep: the slope is negative somewhere in each octave
    table, _ = tabulated(maps, np.arange(4), 1e-4, 1e3, 1.0)
    assert np.unique(table.q[0]).size > 187
    assert (table.steepest < 0).all()


def test_an_orbit_passes_numbers_that_nothing_is_known_of():
    """A growing signal comes to q = 1e12 from below and does not stop there, where the error has no bound."""
    maps = Maps(np.full(2, 1e90), 0.2, True, unknown=(1e11, 1e13))
    assert np.isinf(attractor(maps, 1.5).q).all()


def test_of_a_straight_line_the_ends_are_enough():
    line = Settling(np.full(3, 2.0), 0.0, True)
    line.bent = False
    table, _ = tabulated(line, np.arange(3), 1e-4, 1e3, 1.0)
    assert table.q.shape[1] < 20
    assert attractor(line, 1.0).q == pytest.approx([0.6] * 3, rel=1e-14)
