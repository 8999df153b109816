"""Many bias variances at once: every branch, through folds, each solution what it claims to be."""

import numpy as np
import pytest
from scipy.optimize import brentq
from work import calls

import meanfield as mf

SIGMA_B = np.linspace(0.0, 1.0, 1000)


def kinked(x):
    return np.where(x > -0.3, x + 0.3, np.expm1(np.minimum(x + 0.3, 0.0)))


@pytest.mark.parametrize("spec", ["tanh", "gelu", "hardtanh", "silu", "cos", "x**2", kinked])
def test_each_row_is_a_critical_fixed_point(spec):
    phi = mf.activation(spec)
    line = mf.critical_line(phi, SIGMA_B[::20])
    chosen = line.q > 0
    block = mf.mlp(phi, line.sigma_w[chosen], line.sigma_b[chosen])
    q = line.q[chosen]
    assert q.size > 20
    assert mf.variance_map(block, q).value == pytest.approx(q, rel=1e-10)
    chi = line.sigma_w[chosen] ** 2 * mf.activation(spec).moments.derivative_moment(q)[0]
    assert chi == pytest.approx(1, abs=1e-12)
    assert np.array_equal(np.lexsort((line.q, line.sigma_b)), np.arange(len(line)))


@pytest.mark.sweep(2)
@pytest.mark.parametrize("spec", ["gelu", "cos", "sin(2*x) + x/4"])
def test_every_branch_of_a_dense_scan_is_there(spec):
    phi = mf.activation(spec)

    def bias_variance(q):
        return q - phi.moments.second_moment(q)[0] / phi.moments.derivative_moment(q)[0]

    grid = np.geomspace(1e-8, 1e4, 20_000)
    values = bias_variance(grid)
    line = mf.critical_line(phi, SIGMA_B[1::50])
    for sigma_b in SIGMA_B[1::50]:
        cells = np.flatnonzero((values[:-1] < sigma_b**2) != (values[1:] < sigma_b**2))
        roots = [brentq(lambda q, b=sigma_b: float(bias_variance(q)) - b**2, *grid[[i, i + 1]]) for i in cells]
        found = line.q[(line.sigma_b == sigma_b) & (line.q > 1e-8) & (line.q < 1e4)]
        assert found == pytest.approx(roots, rel=1e-8)


def test_solutions_come_and_go_in_pairs_at_folds():
    phi = mf.activation("cos")  # E φ′² vanishes as q does: small sigma_b have no small solution
    many = mf.critical_line(phi, np.linspace(0.01, 3.0, 300))
    counts = np.array([(many.sigma_b == b).sum() for b in np.linspace(0.01, 3.0, 300)])
    steps = np.diff(counts)
    assert set(np.abs(steps[steps != 0])) <= {1, 2}
    for stable, slope in zip(many.stable, many.chi_parallel, strict=True):
        assert stable == (abs(slope) < 1)


def test_a_thousand_take_the_steps_of_one():
    phi = mf.activation("tanh")
    mf.critical_line(phi, SIGMA_B)
    one, thousand = (calls(lambda b=sigma_b: mf.critical_line(phi, b)) for sigma_b in (SIGMA_B[7:8], SIGMA_B))
    assert thousand < 3 * one


def test_one_at_a_time_gives_the_same():
    together = mf.critical_line("silu", SIGMA_B[::100])
    alone = [mf.critical_line("silu", b) for b in SIGMA_B[::100]]
    for name in ("sigma_b", "sigma_w", "q", "chi_parallel", "stable"):
        each = np.concatenate([getattr(line, name) for line in alone])
        assert getattr(together, name) == pytest.approx(each, rel=1e-11, abs=1e-13)


def test_no_value_gives_no_row():
    assert len(mf.critical_line("softplus", SIGMA_B)) == 0
    assert len(mf.critical_line("relu", SIGMA_B[1:])) == 0
    assert len(mf.critical_line("relu", SIGMA_B)) == 1
