"""The spectrum of the Jacobian against published and independent numbers, and against properties that it must have."""

import json
import math
from itertools import pairwise
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy import stats

import meanfield as mf
from meanfield.numerics.statistics.marchenko_pastur import MarchenkoPastur
from meanfield.theory.spectrum.free_products.assembly import assembled
from meanfield.theory.spectrum.free_products.distribution import Distribution
from meanfield.theory.spectrum.free_products.jacobian import Branch, Matrix, Slope
from meanfield.theory.spectrum.free_products.log_mean import log_mean
from meanfield.theory.spectrum.free_products.moments import moments

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "spectra.json").read_text(encoding="utf-8"))
PLAIN = [key for key, row in REFERENCE["spectra"].items() if row["skip"] is None]
RESIDUAL = [key for key, row in REFERENCE["spectra"].items() if row["skip"] is not None]
DIGITS = 1e-10


def vee(x):
    return np.where(x > 0, x, -0.5 * x)


def phi_of(row):
    names = {"erf": "erf(x)", "leaky": "leaky_relu(0.2)", "vee": vee}
    return mf.activation(names.get(row["act"], row["act"]))


def block_at(phi, q, sigma_w2):
    """The block that keeps q, by its biases."""
    bias = q - sigma_w2 * float(mf.variance_map(mf.mlp(phi), q))
    return mf.mlp(phi, math.sqrt(sigma_w2), math.sqrt(max(bias, 0.0)))


@pytest.mark.parametrize("key", PLAIN)
def test_plain_layers_of_the_reference(key):
    row = REFERENCE["spectra"][key]
    found = mf.spectrum(block_at(phi_of(row), row["q"], row["sigma_w2"]), row["L"], q=row["q"], weights=row["weights"])
    for value, name in zip(found.moments, ("m1", "m2", "m3", "m4"), strict=True):
        assert float(value) == pytest.approx(row[name], rel=DIGITS)
    assert float(found.edges[1]) == pytest.approx(row["lambda_max"], rel=DIGITS)
    assert float(found.edges[0]) == pytest.approx(row["lambda_min"], rel=DIGITS, abs=0.0)
    densities = np.array(list(row["density"].values()))
    assert found.density([float(x) for x in row["density"]]).value == pytest.approx(densities, rel=DIGITS)
    if row["E_log_lambda"] is not None:
        assert float(found.log_mean) == pytest.approx(row["E_log_lambda"], rel=DIGITS)


@pytest.mark.parametrize("key", RESIDUAL)
def test_residual_layers_of_the_reference(key):
    row = REFERENCE["spectra"][key]
    matrices = (Matrix(1.0), Matrix(row["sigma_w2"])) if row["weights"].endswith("2") else (Matrix(row["sigma_w2"]),)
    slope = Slope(phi_of(row), row["q"]) if len(matrices) == 2 else None
    part = Branch(row["skip"], row["branch_scale"], matrices, slope)
    assembly = assembled([([part], row["L"])], row["weights"].rstrip("2"), (2, 2))
    law = Distribution(assembly, row["m1"])
    for value, name in zip(moments(assembly.curve), ("m1", "m2", "m3", "m4"), strict=True):
        assert value.value == pytest.approx(row[name], rel=DIGITS)
    assert law.edges[1][0] == pytest.approx(row["lambda_max"], rel=DIGITS)
    assert law.edges[0][0] == pytest.approx(row["lambda_min"], rel=DIGITS)
    x = np.array([float(one) for one in row["density"]])
    density, _ = law.at(np.log(x))
    assert density.value / x == pytest.approx(np.array(list(row["density"].values())), rel=DIGITS)
    assert log_mean(assembly.curve) == pytest.approx(row["L"] * 2 * math.log(row["skip"]), abs=1e-12)  # weak branches


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_layers_whose_q_differs(weights):
    row = REFERENCE["heterogeneous_tanh_sw2=1.5_sb2=.1_q0=2_L=6"][weights]
    found = mf.spectrum(mf.mlp("tanh", 1.5**0.5, 0.1**0.5), 6, q=2.0, weights=weights)
    assert [float(m) for m in found.moments] == pytest.approx(row["moments"], rel=1e-10)
    assert float(found.edges[1]) == pytest.approx(row["lambda_max"], rel=1e-11)


def test_an_atom_above_the_continuous_part():
    q, row = 0.3, REFERENCE["hardtanh_atom_top|q=0.3|L=8|orthogonal"]
    block = block_at("hardtanh", q, 1 / math.erf(1 / math.sqrt(2 * q)))
    found = mf.spectrum(block, 8, q=q, weights="orthogonal")
    place = max(found.atoms)
    assert place == pytest.approx(row["atom"], rel=1e-11)
    assert found.atoms[place] == pytest.approx(row["mass"], rel=1e-11)
    assert found.bands[-1][1] == pytest.approx(row["continuous_edge"], rel=1e-11)
    below = math.sqrt(found.bands[-1][1] * place)
    assert float(found.cdf(below)) == pytest.approx(1 - row["mass"], abs=1e-11)
    assert float(found.quantile(0.9)) == place


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
@pytest.mark.parametrize("phi", ["silu", "mish", "sin", lambda x: vee(x) - 0.3 * np.tanh(2 * x)])
def test_mass_and_moments_of_the_density(phi, weights):
    """The integral of the density against the masses and the moments, which come from elsewhere."""
    found = mf.spectrum(block_at(phi, 1.0, 0.8), 4, q=1.0, weights=weights)
    high = math.log(float(found.edges[1]))
    low = float(found.quantile(1e-3, log=True))
    nodes, weight = np.polynomial.legendre.leggauss(160)
    angle = 0.25 * math.pi * (nodes + 1)  # λ = high − (high − low) sin²: square roots at the edges become smooth
    log = high - (high - low) * np.sin(angle) ** 2
    step = 0.25 * math.pi * weight * (high - low) * np.sin(2 * angle)
    density = found.density(np.exp(log), log=True).value
    assert float((density * step).sum()) == pytest.approx(1 - 1e-3, abs=1e-6)
    for k in (1, 2):
        assert float((density * step * np.exp(k * log)).sum()) == pytest.approx(
            float(found.moments[k - 1]), rel=1e-6, abs=1e-3 * math.exp(k * low)
        )


def test_depth_one():
    """σ²φ′² itself for orthogonal weights; times Marchenko and Pastur's law for Gaussian ones."""
    found = mf.spectrum(mf.mlp("tanh", 1.2, 0.2), 1, q=0.5, weights="orthogonal")
    x = np.array([0.2, 0.7, 1.3])
    slope = np.sqrt(x) / 1.2  # φ′ = 1 − tanh²
    outside = 2 * stats.norm.sf(np.arctanh(np.sqrt(1 - slope)) / math.sqrt(0.5))
    assert found.cdf(x).value == pytest.approx(outside, abs=1e-12)
    assert found.density(x).value == pytest.approx(
        (found.cdf(x + 1e-5).value - found.cdf(x - 1e-5).value) / 2e-5, rel=1e-6
    )
    linear, law = mf.spectrum(mf.mlp("linear", 1.5), 1), MarchenkoPastur(1.0, 2.25)
    assert float(linear.edges[1]) == pytest.approx(law.edges[1], rel=1e-13)
    x = np.array([0.1, 1.0, 5.0])
    assert linear.cdf(x).value == pytest.approx(law.cdf(x), abs=1e-12)
    assert linear.quantile([0.2, 0.7]).value == pytest.approx(law.quantile([0.2, 0.7]), rel=1e-10)


def test_linear_networks():
    found = mf.spectrum("linear", 5, weights="orthogonal")
    assert (dict(found.atoms), found.bands, float(found.spread)) == ({1.0: 1.0}, (), 0.0)
    gaussian = mf.spectrum("linear", 5)  # Fuss and Catalan
    assert [float(m) for m in gaussian.moments] == pytest.approx(
        [math.comb(6 * k, k) / (5 * k + 1) for k in (1, 2, 3, 4)], rel=1e-13
    )
    assert float(gaussian.edges[1]) == pytest.approx(6**6 / 5**5, rel=1e-13)


def test_scaling_and_the_mean():
    """Weights scale λ by σ² a layer; E λ is χ₁ to the power of the depth."""
    one, two = (mf.spectrum(mf.mlp("relu", sigma), 3, q=1.0) for sigma in (1.0, 1.3))
    assert float(two.edges[1]) == pytest.approx(1.3**6 * float(one.edges[1]), rel=1e-12)
    assert two.quantile([0.6, 0.9]).value == pytest.approx(1.3**6 * one.quantile([0.6, 0.9]).value, rel=1e-10)
    block = mf.mlp("silu", 1.5, 0.3)
    assert float(mf.spectrum(block, 7).moments[0]) == pytest.approx(float(mf.analyze(block).chi_1) ** 7, rel=1e-11)


def test_two_bands():
    """One layer of leaky ReLU with a small slope has a gap: half of the eigenvalues are near 0."""
    found = mf.spectrum(mf.mlp("leaky_relu(0.01)"), 1)
    assert len(found.bands) == 2
    inside = math.sqrt(found.bands[0][1] * found.bands[1][0])
    assert float(found.cdf(inside)) == pytest.approx(0.5, abs=1e-12)
    assert float(found.density(inside)) == 0
    rng = np.random.default_rng(0)
    w = rng.normal(size=(300, 300)) / 300**0.5
    w[:, :150] *= 0.01
    simulated = np.linalg.svd(w, compute_uv=False) ** 2
    assert simulated[149] > 0.9 * found.bands[1][0]
    assert simulated[150] < 1.1 * found.bands[0][1]


def test_widths_that_differ():
    """Gaussian and orthogonal matrices of other shapes against simulated ones, one at a time."""
    rng = np.random.default_rng(1)
    widths = (120, 240, 180)
    for weights in ("gaussian", "orthogonal"):
        found = mf.spectrum(mf.mlp("relu", 2**0.5), 2, q=1.0, weights=weights, widths=widths)
        j = np.eye(widths[0])
        for before, after in pairwise(widths):
            w = rng.normal(size=(after, before)) / before**0.5
            if weights == "orthogonal":
                u, _, v = np.linalg.svd(w, full_matrices=False)
                w = u @ v * max(after / before, 1.0) ** 0.5
            j = 2**0.5 * w @ (rng.permutation(np.arange(before) % 2)[:, None] * j)
        simulated = np.linalg.svd(j, compute_uv=False) ** 2
        assert found.atoms[0.0] == pytest.approx(0.5)
        assert [np.mean(simulated**k) for k in (1, 2)] == pytest.approx([float(m) for m in found.moments[:2]], rel=0.08)
        shares = np.array([0.6, 0.75, 0.9])
        assert np.quantile(simulated, shares) == pytest.approx(found.quantile(shares).value, rel=0.12)


def test_unbounded_slopes():
    found = mf.spectrum("x**2", 2, q=0.1)
    assert math.isinf(float(found.edges[1]))
    u = np.array([0.2, 0.9, 0.9999])
    assert found.cdf(found.quantile(u).value).value == pytest.approx(u, abs=1e-11)


@pytest.mark.parametrize(
    ("block", "kwargs", "words"),
    [
        (mf.Residual("relu", mf.Dense(1.0)), {"q": 1.0, "weights": "orthogonal"}, "read one stream"),
        (mf.Network("tanh", mf.Conv(1.3)), {"q": 1.0}, "not for Conv"),
        (mf.mlp("tanh", [1.0, 1.3]), {}, "not arrays"),
        ("tanh", {}, "dies out"),
        (["tanh", "relu"], {}, "need q"),
        ("sign", {"q": 1.0}, "jumps"),
    ],
)
def test_refusals(block, kwargs, words):
    with pytest.raises(mf.MeanFieldError, match=words):
        mf.spectrum(block, 2, **kwargs)


@pytest.mark.parametrize("key", list(REFERENCE["stream_second_moments"]))
def test_first_moments_of_streams_whose_slopes_are_correlated(key):
    row = REFERENCE["stream_second_moments"][key]
    name, q, depth, skip, scale = (one.split("=")[-1] for one in key.split("|"))
    block = mf.Residual(
        name, mf.Dense(row["sigma_w2"] ** 0.5), branch_scale=float(scale), skip_scale=float(skip) ** 0.5
    )
    found = mf.spectrum(block, int(depth), q=float(q))
    assert [float(m) for m in found.moments] == pytest.approx([row["m1"], row["m2"]], rel=1e-10)
    assert "read one stream" in found.reason
    with pytest.raises(mf.InvalidInput, match="read one stream"):
        found.density(1.0)


@pytest.mark.parametrize("q", [0.1, 6.0])
def test_the_mean_logarithm_is_within_its_error_of_25_digits(q):
    """GELU, whose slope has a zero at x = −0.75, where ln φ′² is infinite."""
    with mpmath.workdps(25):
        root = mpmath.sqrt(q)
        zero = mpmath.findroot(lambda x: mpmath.ncdf(x) + x * mpmath.npdf(x), -0.75)

        def integrand(z):
            x = root * z
            return mpmath.log((mpmath.ncdf(x) + x * mpmath.npdf(x)) ** 2) * mpmath.npdf(z)

        truth = mpmath.quad(integrand, sorted([-12, -4, -1, zero / root, 1, 4, 12]))
        found = mf.spectrum(mf.mlp("gelu", 1.0), 1, q=q, weights="orthogonal").log_mean
        assert abs(found.value - truth) <= found.error < 1e-12
