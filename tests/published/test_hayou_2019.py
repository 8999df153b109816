"""Hayou, Doucet, Rousseau 2019 (arXiv:1902.06853): the edge of chaos and how slowly correlations converge on it."""

import json

import numpy as np
import pytest
import sympy
from paths import REFERENCE_FILES

import meanfield as mf

TABLE = json.loads((REFERENCE_FILES / "targets.json").read_text())["eoc"]
NAMES = {"atan": "arctan"}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['act']}-{row['sb2']}")
def test_edge_of_chaos(row):
    line = mf.critical_line(NAMES.get(row["act"], row["act"]), row["sb2"] ** 0.5)
    q, sigma_w, chi_parallel = (float(row[key]) for key in ("q", "sw", "chi_par"))
    mine = int(np.argmin(np.abs(line.q - q)))
    # Next to a half-stable point q is known to the square root of what σ_b² is known to.
    assert line.q[mine] == pytest.approx(q, rel=1e-10 if abs(chi_parallel - 1) > 1e-3 else 1e-6)
    assert line.sigma_w[mine] == pytest.approx(sigma_w, rel=1e-12)
    assert abs(line.sigma_w[mine] - sigma_w) <= line.error[mine] + 2e-16
    assert line.chi_parallel[mine] == pytest.approx(chi_parallel, rel=1e-10)
    assert line.stable[mine] == (chi_parallel < 1)
    assert len(line) == 1


@pytest.mark.parametrize("sigma_b", [0.01, 0.2, 0.5, 1.0, 2.0])
def test_closed_forms_of_the_line(sigma_b):
    erf, sine = (mf.critical_line(name, sigma_b) for name in ("erf", "sin"))
    for q, sigma_w in zip(erf.q, erf.sigma_w, strict=True):
        root = np.sqrt(1 + 4 * q)
        assert sigma_w**2 == pytest.approx(np.pi / 4 * root, rel=1e-12)
        assert q - 0.5 * root * np.arcsin(2 * q / (1 + 2 * q)) == pytest.approx(sigma_b**2, rel=1e-9)
    for q, sigma_w in zip(sine.q, sine.sigma_w, strict=True):
        assert sigma_w**2 == pytest.approx(2 / (1 + np.exp(-2 * q)), rel=1e-12)
        assert q - np.tanh(q) == pytest.approx(sigma_b**2, rel=1e-9)
    assert len(erf) == len(sine) == 1


@pytest.mark.parametrize(
    ("name", "sigma_b", "published"), [("elu", 0.2, 1.227), ("tanh", 0.2, 1.302), ("relu", 0, 2**0.5)]
)
def test_published_points_carry_their_sampling_error(name, sigma_b, published):
    line = mf.critical_line(name, sigma_b)
    assert len(line) == 1
    assert line.sigma_w[0] == pytest.approx(published, abs=3e-3)


def test_the_swish_point_in_circulation_belongs_to_other_biases():
    there = mf.critical_line("silu", 0.2)
    assert np.all(np.abs(there.sigma_w - 1.718) > 0.03)
    assert there.stable.tolist() == [False]
    line = mf.critical_line("silu", 0.0288160474265**0.5)
    assert line.sigma_w == pytest.approx([1.718], abs=2e-10)
    assert line.q == pytest.approx([0.535962753138], rel=1e-9)


def test_biases_that_make_the_critical_point_stable():
    for name, threshold in (("silu", 0.5551), ("gelu", 0.1729), ("mish", 0.0945)):
        below, above = (mf.critical_line(name, (threshold + d) ** 0.5) for d in (-1e-3, 1e-3))
        assert not below.stable.any(), name
        assert above.stable.any(), name


def test_the_correlation_orbit_of_relu():
    c = mf.propagate(mf.mlp("relu", 2**0.5), 10, c=0.0).c
    expected = {
        1: 0.3183098861837907,
        2: 0.4937310902003716,
        3: 0.6048257201129446,
        5: 0.7359463506276366,
        10: 0.8715355160215175,
    }
    assert [c[l] for l in expected] == pytest.approx([*expected.values()], rel=1e-14)


def test_relu_approaches_the_inverse_square_law_slowly():
    gap = mf.propagate(mf.mlp("relu", 2**0.5), 10_000, c=0.0).one_minus_c
    assert gap[100] * 100**2 == pytest.approx(35.77, abs=5e-3)
    assert gap[1000] * 1000**2 == pytest.approx(43.13, abs=5e-3)
    assert gap[10_000] * 10_000**2 == pytest.approx(44.252, abs=5e-4)
    assert gap[10_000] * 10_000**2 < 44.413219804902114  # the limit 9π²/2


@pytest.mark.parametrize(
    ("slope", "kappa"), [(0.01, 46.244313353951254), (0.1, 69.053384427649209), (0.2, 117.27865854731964)]
)
def test_inverse_square_law_of_leaky_relu(slope, kappa):
    block = mf.mlp(mf.activation("leaky_relu", negative_slope=slope), (2 / (1 + slope**2)) ** 0.5)
    c = 1 - 1e-8  # c′ = c + s(1−c)^{3/2} + …, and 1−c ~ (4/s²)/l²
    gap = 1 - c
    step = gap - mf.propagate(block, 1, c=c).one_minus_c[1]
    assert 4 / (step / gap**1.5) ** 2 == pytest.approx(kappa, rel=2e-4)
    late = mf.propagate(block, 4000, c=0.0).one_minus_c[[2000, 4000]] ** -0.5
    assert (2000 / (late[1] - late[0])) ** 2 == pytest.approx(kappa, rel=3e-3)


@pytest.mark.parametrize(
    "row",
    [r for r in TABLE if r["beta_q"] and r["act"] in ("tanh", "erf", "silu", "gelu", "atan")],
    ids=lambda row: f"{row['act']}-{row['sb2']}",
)
def test_beta_q(row):
    phi, q = mf.activation(NAMES.get(row["act"], row["act"])), float(row["q"])
    (x,) = phi.expression.free_symbols
    curvature = mf.expectation(sympy.diff(phi.expression, x, 2) ** 2, q).value
    slope = mf.gain(phi, kind="backward", q=q).value ** -2
    assert 2 * slope / (q * curvature) == pytest.approx(float(row["beta_q"]), rel=1e-10)


def test_smooth_activations_approach_the_inverse_law():
    sigma_b, beta = 0.2, 7.0837378249059793
    line = mf.critical_line("tanh", sigma_b)
    gap = mf.propagate(mf.mlp("tanh", line.sigma_w[0], sigma_b), 4000, q=line.q[0], c=0.5).one_minus_c
    assert 2000 / (1 / gap[4000] - 1 / gap[2000]) == pytest.approx(beta, rel=5e-3)
