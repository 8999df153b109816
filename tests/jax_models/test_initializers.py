"""Initialisation schemes as functions (key, shape, dtype) -> array: scales, laws, dtypes, jit and vmap."""

import math

import numpy as np
import pytest

import meanfield as mf
import meanfield.jax as mfj

NEEDED = {
    "normal": {"std": 0.3}, "uniform": {"bound": 0.3}, "truncated_normal": {"std": 0.3},
    "torch_lstm": {"hidden_size": 9},
    "torch_sparse": {"sparsity": 0.3}, "wang_init": {"layers": 3}, "deepnet": {"layers": 3}, "fixup": {"layers": 3},
    "deepnet_encoder": {"encoder_layers": 3, "decoder_layers": 2}, "critical": {"activation": "gelu"},
    "deepnet_decoder": {"decoder_layers": 2},
}  # fmt: skip
RANDOM = sorted(set(mf.schemes()) - {"lsuv"})


def made(name, **options):
    return mfj.initializer(name, **NEEDED.get(name, {}), **options)


def numpy_std(name, shape):
    """The scheme's own standard deviation: taps count in the fans of schemes of variance gain²/fan."""
    taps = math.prod(shape[:-2])
    whole = name in ("orthogonal", "sparse", "torch_sparse")
    return mf.initializer(name, **NEEDED.get(name, {})).std(shape[-1] * (1 if whole else taps), shape[-2] * taps)


@pytest.mark.parametrize("name", RANDOM)
def test_every_scheme_has_its_standard_deviation(jax, name):
    shape = (60, 80)
    if name == "delta_orthogonal":
        w = np.asarray(made(name, gain=1.5)(jax.random.key(0), (3, 5, 20, 30)), dtype=float)
        np.testing.assert_allclose(w[1, 2] @ w[1, 2].T, 2.25 * np.eye(20), atol=1e-5)
        assert np.count_nonzero(w) == 600
        return
    for shape in ((60, 80), (3, 3, 20, 30)):
        if name == "diagonal_plus_noise" and len(shape) > 2:
            continue
        w = np.asarray(made(name)(jax.random.key(1), shape), dtype=float)
        expected = made(name).std(shape)
        assert expected == pytest.approx(numpy_std(name, shape), rel=1e-14)
        # kurtosis 10 of sparse rows: five standard errors are 5 sqrt(9/4800)/2
        assert math.sqrt(np.mean(w**2)) == pytest.approx(expected, rel=0.11 if "sparse" in name else 0.06)


@pytest.mark.parametrize("law", ["normal", "uniform", "truncated_normal", "orthogonal", "sparse", "student_t"])
def test_laws_have_the_moments_that_numpy_draws_have(jax, law):
    w = np.asarray(mfj.initializer("he_normal", law=law)(jax.random.key(3), (200, 300)), dtype=float)
    twin = mf.initializer("he_normal", law=law)(np.random.default_rng(0), 300, 200)
    assert np.mean(w**2) == pytest.approx(np.mean(twin**2), rel=0.06)
    tails = [np.mean(one**4) / np.mean(one**2) ** 2 for one in (w, twin)]
    assert tails[0] == pytest.approx(tails[1], rel=0.25 if law == "student_t" else 0.06)
    if law == "orthogonal":
        np.testing.assert_allclose(w @ w.T, 300 * 2 / 200 * np.eye(200), atol=1e-4)


@pytest.mark.parametrize("options", [{"convention": c} for c in ("corrected", "uncorrected", "clamped")])
def test_truncated_laws_in_every_convention(jax, options):
    init = mfj.initializer("truncated_normal", std=0.02, bound=1.0, **options)
    w = np.asarray(init(jax.random.key(0), (300, 300)), dtype=float)
    assert w.std() == pytest.approx(init.std((300, 300)), rel=0.01)
    wide = mfj.initializer("trunc_normal", std=0.02, bound=2.0)  # a hundred standard deviations: no cut
    w = np.asarray(wide(jax.random.key(0), (300, 300)), dtype=float)
    assert w.std() == pytest.approx(0.02, rel=0.01)
    assert np.abs(w).max() < 0.12


@pytest.mark.parametrize(
    "name", ["critical", "orthogonal", "truncated_normal", "sparse", "torch_sparse", "xavier_uniform"]
)
def test_one_key_gives_one_draw_under_jit_and_vmap_and_in_every_dtype(jax, name):
    jnp = jax.numpy
    init, shape, keys = made(name), (3, 5, 7), jax.random.split(jax.random.key(5), 3)
    each = np.stack([init(key, shape) for key in keys])
    assert each.dtype == np.float32
    np.testing.assert_allclose(
        jax.jit(init, static_argnums=(1, 2))(keys[1], shape, jnp.float32), each[1], rtol=1e-5, atol=1e-7
    )
    np.testing.assert_allclose(jax.vmap(lambda key: init(key, shape))(keys), each, rtol=1e-5, atol=1e-6)
    assert len({one.tobytes() for one in each}) == 3
    for dtype in (jnp.float16, jnp.bfloat16, jnp.float8_e4m3fn):
        drawn = init(keys[0], shape, dtype)
        assert drawn.dtype == dtype
        np.testing.assert_array_equal(drawn, jnp.asarray(each[0]).astype(dtype))
    with jax.enable_x64(True):
        double = init(keys[0], shape, jnp.float64)
        assert double.dtype == jnp.float64
        np.testing.assert_allclose(double, each[0], rtol=1e-4, atol=1e-6)
        if name == "orthogonal":
            matrix = np.asarray(double).reshape(15, 7)
            np.testing.assert_allclose(matrix.T @ matrix, np.eye(7), atol=1e-14)


def test_critical_kernels_and_biases(jax):
    init, wanted = mfj.critical("gelu"), mf.recommend("gelu")
    w = np.asarray(init(jax.random.key(0), (3, 3, 40, 50)), dtype=float)
    assert w.std() * math.sqrt(360) == pytest.approx(wanted.sigma_w, rel=0.02)
    b = np.asarray(init.bias()(jax.random.key(1), (5000,)))
    assert b.std() == pytest.approx(wanted.sigma_b, rel=0.05)
    assert not np.any(mfj.critical("relu").bias()(jax.random.key(1), (7,)))
    assert np.asarray(mfj.critical("tanh", law="orthogonal")(jax.random.key(0), (8, 8))).shape == (8, 8)
    torch = mfj.initializer("torch_linear").bias(400)
    assert np.abs(torch(jax.random.key(0), (4000,))).max() == pytest.approx(0.05, rel=1e-2)


def test_layers_of_flax_take_them(jax, flax):
    nnx, linen, init = flax.nnx, pytest.importorskip("flax.linen"), mfj.critical("gelu")
    options = {"kernel_init": init, "bias_init": init.bias()}
    dense = nnx.Linear(300, 200, rngs=nnx.Rngs(0), **options)
    conv = nnx.Conv(30, 40, (3, 3), rngs=nnx.Rngs(0), **options)
    heads = nnx.MultiHeadAttention(4, 64, rngs=nnx.Rngs(0), decode=False, kernel_init=init)
    for kernel, fan_in in ((dense.kernel, 300), (conv.kernel, 270), (heads.query.kernel, 64)):
        assert float(kernel[...].std()) * math.sqrt(fan_in) == pytest.approx(1.40821, rel=0.05)
    assert float(dense.bias[...].std()) == pytest.approx(0.4158, rel=0.2)
    parameters = jax.jit(linen.Dense(200, **options).init)(jax.random.key(0), np.ones((1, 300)))["params"]
    assert float(parameters["kernel"].std()) * math.sqrt(300) == pytest.approx(1.40821, rel=0.02)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda j: mfj.critical("gelu")(j.random.key(0), (5,)), r"a kernel has a shape \(…, in, out\)"),
        (lambda j: mfj.critical("gelu")(j.random.key(0), 5), "shape must be a tuple"),
        (lambda j: mfj.critical("gelu")(j.random.key(0), (5, 5), int), "dtype must be a floating dtype, not int32"),
        (lambda j: mfj.critical("gelu")(j.random.key(0), (5, 5), "no"), "dtype must be a floating dtype"),
        (lambda j: mfj.initializer("lsuv", activation="relu"), "rescales weights with data"),
        (lambda j: mfj.initializer("delta_orthogonal")(j.random.key(0), (4, 4)), "odd sides"),
        (lambda j: mfj.initializer("delta_orthogonal")(j.random.key(0), (3, 4, 2)), "fan_out ≥ fan_in"),
        (lambda j: mfj.initializer("identity")(j.random.key(0), (3, 4, 4)), "draws matrices"),
        (lambda j: mfj.initializer("torch_linear").bias()(j.random.key(0), (4,)), r"say bias\(fan_in\)"),
    ],
)
def test_refusals(jax, call, why):
    with pytest.raises(mf.InvalidInput, match=why):
        call(jax)
