import json
import math

import numpy as np
import pytest

from meanfield.errors import InvalidInput
from meanfield.initializers.resolve import initializer
from meanfield.montecarlo.weight_laws import LAWS
from meanfield.weights import singular_values as spectra
from meanfield.weights.measure import measure
from meanfield.weights.scheme_recognition import SCHEMES

N = 256
HE = math.sqrt(2 / N)


def bfloat16(x):
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def gaussian(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape or (N, N))


def found(measurement, *words):
    return any(all(word in finding for word in words) for finding in measurement.findings)


@pytest.mark.parametrize("law", LAWS)
def test_the_scale_of_every_law_is_found_within_its_error(law):
    W = HE * LAWS[law](np.random.default_rng(1), (N, N), np.dtype("float64"))
    m = measure(W)
    assert abs(m.sigma_w.value - math.sqrt(2)) < 3 * m.sigma_w.standard_error < 0.05
    assert m.sigma_w.value == pytest.approx(math.sqrt(N * np.mean(W**2)), rel=1e-12)


@pytest.mark.parametrize(
    ("law", "name"),
    [
        ("gaussian", "he_normal"),
        ("uniform", "he_uniform"),
        ("truncated_normal", "he_normal:law=truncated_normal"),
        ("orthogonal", "orthogonal:gain=1.4142135623730951"),
        ("sparse", "he_normal:law=sparse"),
    ],
)
def test_he_is_recognised_with_its_law(law, name):
    m = measure(HE * LAWS[law](np.random.default_rng(2), (N, N), np.dtype("float64")))
    assert name in m.scheme.names
    assert m.scheme.confidence > 0.95
    assert m.findings == ()


def test_students_t_is_no_scheme_and_has_a_heavy_tail():
    m = measure(HE * np.random.default_rng(3).standard_t(5, (N, N)))
    assert m.scheme.names == ()
    assert m.scheme.law == "other"
    assert m.tail_kind == "heavy"
    assert found(m, "tail")


@pytest.mark.parametrize("seed", range(5))
class TestPlantedDefects:
    def test_a_mean_with_the_right_variance(self, seed):
        W = HE * (math.sqrt(1 - 0.04**2) * gaussian(seed) + 0.04)
        assert found(measure(W), "mean")

    def test_rows_that_share_a_part(self, seed):
        W = HE * (math.sqrt(0.98) * gaussian(seed) + math.sqrt(0.02) * gaussian(seed + 100, 1, N))
        m = measure(W)
        assert found(m, "correlated")
        assert not found(m, "mean")

    def test_columns_that_remember_the_last_one(self, seed):
        W = gaussian(seed)
        for j in range(1, N):
            W[:, j] = 0.2 * W[:, j - 1] + math.sqrt(1 - 0.2**2) * W[:, j]
        assert found(measure(HE * W), "correlated")

    def test_a_repeated_row_or_column(self, seed):
        W = HE * gaussian(seed)
        W[200] = W[seed]
        assert found(measure(W), f"rows {seed} and 200")
        assert found(measure(-W.T), f"columns {seed} and 200")

    def test_a_part_of_low_rank(self, seed):
        u, v = (x / np.linalg.norm(x) for x in (gaussian(seed + 200, N), gaussian(seed + 300, N)))
        m = measure(HE * (gaussian(seed) + 2 * math.sqrt(N) * np.outer(u, v)))
        assert m.spectrum.outliers == 1
        assert found(m, "correlated")

    def test_a_scale_that_is_wrong_by_two_per_cent(self, seed):
        for factor in (0.98, 1.02):
            m = measure(factor * HE * gaussian(seed))
            assert m.scheme.names == ()
            assert m.scheme.confidence > 0.9
            assert "he_normal" in m.scheme.nearest
            assert m.scheme.ratio == pytest.approx(factor, abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_the_excess_second_spectral_moment_is_what_correlation_adds(seed):
    rho = 0.1  # between any two rows: R is n m(m − 1)(n − 1) ρ² in the mean, tr((W Wᵀ)²) without it mn(m + n + 1)
    m, n = 200, 300
    W = math.sqrt(1 - rho) * gaussian(seed, m, n) + math.sqrt(rho) * gaussian(seed + 10, 1, n)
    assert measure(W).correlation.value == pytest.approx(n * (m - 1) * rho**2 / (m + n + 1), rel=0.35)


@pytest.mark.parametrize("gain", [1.0, math.sqrt(2), 0.7])
@pytest.mark.parametrize("shape", [(60, 60), (60, 200), (200, 60)])
def test_orthogonal_matrices_are_recognised_with_their_gain(gain, shape):
    basis = np.linalg.qr(gaussian(0, max(shape), min(shape)))[0]
    m = measure(gain * (basis if shape[0] >= shape[1] else basis.T))
    assert m.spectrum.orthogonal
    assert m.spectrum.spread < 1e-12
    assert m.scheme.ratio == pytest.approx(gain)
    assert m.scheme.names == (
        {1.0: "orthogonal", math.sqrt(2): "orthogonal:gain=1.4142135623730951", 0.7: "orthogonal:gain=0.7"}[gain],
    )
    assert m.findings == ()


def test_two_long_rows_are_orthogonal_only_if_they_are():
    assert not measure(gaussian(0, 2, 20_000)).spectrum.orthogonal
    assert measure(np.linalg.qr(gaussian(0, 20_000, 2))[0].T).spectrum.orthogonal


def test_a_convolution_has_fans_with_the_kernel_in_them():
    W = gaussian(0, 128, 32, 3, 3) * math.sqrt(2 / 288)
    m = measure(W)
    assert (m.fan_in, m.fan_out, m.shape) == (288, 1152, (128, 32, 3, 3))
    assert "he_normal" in m.scheme.names
    assert len(m.singular_values) == 128


def test_delta_orthogonal_kernels_are_recognised():
    W = np.zeros((32, 16, 3, 3))
    W[:, :, 1, 1] = np.linalg.qr(gaussian(0, 32, 16))[0]
    assert measure(W).scheme.names == ("delta_orthogonal",)
    assert measure(np.moveaxis(W, (0, 1), (-1, -2)), layout="keras").scheme.names == ("delta_orthogonal",)
    assert measure(W).findings == ()


def test_the_layouts_are_the_same_weights_with_their_axes_exchanged():
    W = gaussian(0, 16, 8, 3, 3)
    ours, theirs = measure(W), measure(np.moveaxis(W, (0, 1), (-1, -2)), layout="keras")
    assert theirs.shape == (3, 3, 8, 16)
    assert (theirs.fan_in, theirs.fan_out, theirs.scheme) == (ours.fan_in, ours.fan_out, ours.scheme)
    assert theirs.sigma_w.value == pytest.approx(ours.sigma_w.value, rel=1e-13)
    np.testing.assert_allclose(theirs.singular_values, ours.singular_values)
    dense = measure(gaussian(0, 20, 30), layout="keras")
    assert (dense.fan_in, dense.fan_out) == (20, 30)


def test_singular_values_compare_with_sigma_w():
    W = gaussian(0, 64, 256) * 1.5 / 16
    m = measure(W)
    np.testing.assert_allclose(m.singular_values, np.linalg.svd(W, compute_uv=False))
    assert m.spectrum.edges == pytest.approx((m.sigma_w.value / 2, m.sigma_w.value * 1.5))


@pytest.mark.parametrize("scale", [1e-140, 1e-30, 1e30, 1e140])
def test_the_units_of_the_weights_do_not_matter(scale):
    W = gaussian(0, 40, 50)
    plain, scaled = measure(W), measure(scale * W)
    assert scaled.sigma_w.value == pytest.approx(scale * plain.sigma_w.value, rel=1e-12)
    for part in ("mean", "tail", "correlation"):
        assert getattr(scaled, part).z == pytest.approx(getattr(plain, part).z, rel=1e-6, abs=1e-9)
    assert scaled.findings == plain.findings


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_half_precision_changes_no_finding(dtype):
    for law in ("gaussian", "uniform", "truncated_normal", "orthogonal"):
        W = HE * LAWS[law](np.random.default_rng(5), (N, N), np.dtype("float64"))
        m = measure(W.astype(dtype))
        assert m.scheme.names == measure(W).scheme.names != ()
        assert m.findings == ()


@pytest.mark.parametrize(
    "W",
    [
        *(np.zeros((3, 4)), np.ones((3, 4)), np.eye(4), np.ones((1, 1)), np.zeros((1, 1)), np.diag([1.0, 1e-300])),
        *(gaussian(0, 1, 9), gaussian(0, 9, 1), gaussian(0, 2, 2), np.eye(4, dtype=int), np.eye(2, dtype=bool)),
        np.where(np.arange(100).reshape(10, 10) == 37, 1.0, 0.0),
        np.where(np.eye(30) > 0, 1e8, gaussian(1, 30, 30)),
    ],
)
def test_degenerate_weights_give_numbers_and_standard_json(W):
    m = measure(W)
    text = json.dumps(m.to_dict(), allow_nan=False)
    assert "NaN" not in text
    assert json.loads(text)["summary"] == m.summary
    assert "nan" not in m.summary + repr(m)
    assert math.isfinite(m.sigma_w.value)
    assert 0 <= m.scheme.confidence <= 1


@pytest.mark.parametrize("seed", range(3))
def test_an_infinite_variance_has_an_infinite_error(seed):
    m = measure(np.random.default_rng(seed).standard_cauchy((100, 100)))
    assert m.sigma_w.standard_error == math.inf
    assert found(m, "one entry") or found(m, "tail")
    json.dumps(m.to_dict(), allow_nan=False)


def test_what_is_printed_is_a_table_with_findings():
    W = gaussian(0, 20, 30)
    W[3] = W[4]
    lines = repr(measure([W, gaussian(1, 20, 30)])).splitlines()
    assert lines[0].split()[:3] == ["name", "shape", "sigma_w"]
    assert [line.split()[0] for line in lines[1:3]] == ["0", "1"]
    assert any(line.startswith("- 0: rows 3 and 4") for line in lines)


@pytest.mark.parametrize("turned", [False, True])
def test_a_large_matrix_is_sampled_and_says_so(monkeypatch, turned):
    monkeypatch.setattr(spectra, "LIMIT", 128)
    monkeypatch.setattr(spectra, "PAIRED", 64)
    u, v = (x / np.linalg.norm(x) for x in (gaussian(1, 300), gaussian(2, 400)))
    W = (gaussian(0, 300, 400) + 3 * math.sqrt(400) * np.outer(u, v)).astype(np.float32)
    m = measure(W.T if turned else W)
    assert m.spectrum.sampled == len(m.singular_values) == 128
    assert "spectrum of 128" in m.summary
    assert m.spectrum.outliers == 1
    assert m.spectrum.spectral_norm == pytest.approx(np.linalg.norm(W.astype(float), 2), rel=1e-3)
    basis = np.linalg.qr(gaussian(3, 400, 300))[0]
    assert measure(basis if turned else basis.T).scheme.names == ("orthogonal",)


@pytest.mark.parametrize("alpha", [0.0, 0.2, -1.0, "much", None, math.nan])
def test_alpha_out_of_range_is_refused(alpha):
    with pytest.raises(InvalidInput, match="alpha"):
        measure(np.eye(3), alpha=alpha)


@pytest.mark.parametrize("name", [name for names in SCHEMES.values() for name in names])
def test_every_scheme_that_is_known_is_recognised(name):
    W = initializer(name)(np.random.default_rng(0), 300, 200)
    m = measure(W)
    assert name in m.scheme.names
    assert m.scheme.confidence > 0.9
    assert m.scheme.law == next(law for law, names in SCHEMES.items() if name in names)
    assert m.findings == ()


@pytest.mark.parametrize("name", ["orthogonal", "orthogonal:gain=0.7", "sparse", "torch_sparse:sparsity=0.8,std=0.01"])
def test_schemes_with_a_law_of_their_own_are_recognised(name):
    W = initializer(name)(np.random.default_rng(0), 300, 200)
    said = measure(W).scheme.names[0]
    assert said.startswith(name.partition(":")[0])
    assert initializer(said).std(300, 200) == pytest.approx(initializer(name).std(300, 200), rel=0.03)


@pytest.mark.parametrize("stored", [np.float16, bfloat16], ids=["float16", "bfloat16"])
@pytest.mark.parametrize(
    "name", ["he_normal", "he_uniform", "torch_linear", "truncated_normal:std=0.02,convention=corrected"]
)
def test_a_scheme_is_recognised_after_rounding(name, stored):
    """The largest entry is rounded too: the end of a bounded law is anywhere within its rounding error."""
    for seed, shape in enumerate([(300, 200), (256, 1024)]):  # the bound of torch_linear is a power of two there
        m = measure(stored(initializer(name)(np.random.default_rng(seed), *shape)))
        assert name in m.scheme.names
        assert m.scheme.confidence > 0.9


def test_a_scale_that_rounding_does_not_explain_is_no_scheme():
    W = initializer("he_uniform")(np.random.default_rng(0), 300, 200)
    for factor in (0.97, 1.03):
        assert measure(bfloat16(factor * W)).scheme.names == ()


@pytest.mark.parametrize("bound", [0.05, 0.1])
def test_uniform_numbers_of_eight_bits_have_their_bound(bound):
    """Drawn as JAX draws in bfloat16: the largest magnitude is the bound on one side and 127/128 of it on the other."""
    W = bound * (np.random.default_rng(0).integers(0, 256, (300, 200)) / 128 - 1.0)
    assert f"uniform:bound={bound}" in measure(W).scheme.names
    assert f"uniform:bound={bound}" in measure(np.abs(W) * np.sign(W + 1e-9) * (np.abs(W) < bound)).scheme.names
