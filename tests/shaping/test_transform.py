"""Shaped activations against parameters from an independent solver, and against quadratures of their own."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy import special

import meanfield as mf

REFERENCE = json.loads((Path(__file__).parent.parent / "reference" / "shaping.json").read_text(encoding="utf-8"))
Z, WEIGHTS = hermegauss(120)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def branches_of_reference() -> dict[tuple[str, str, int], list[list[float]]]:
    found = defaultdict(list)
    for key, numbers in REFERENCE["branches"].items():
        name, method, _, _, depth = key.split("|")
        found[name, method, int(depth.removeprefix("L="))].append(numbers)
    return found


def numbers(shape) -> np.ndarray:
    return np.array([shape.input_scale, shape.input_shift, shape.output_shift, shape.output_scale])


@pytest.mark.parametrize(("name", "method", "depth"), list(branches_of_reference()))
def test_every_branch_is_found_to_ten_digits(name, method, depth):
    """Rounding of the conditions, divided by the slopes of branches far out, leaves 4e-11 of d on some processors."""
    expected = branches_of_reference()[name, method, depth]
    found = np.array([numbers(one) for one in mf.transform(name, method=method, depth=depth).branches])
    for one in expected:
        assert np.abs(found / np.array(one) - 1).max(axis=1).min() < 1e-10


PUBLISHED = {  # a, b, c, d at depth 50, from an independent solver to 12 digits
    ("tanh", "dks"): (0.128440478513, 0.570779547533, -0.509807241772, 10.6044476435),
    ("tanh", "tat"): (0.081655235874, 0.525848944802, -0.48318895503, 15.9416335033),
    ("gelu", "dks"): (0.121360613079, 0.25774262365, -0.160541384847, 11.7514277989),
    ("gelu", "tat"): (0.0817401205107, 0.326832801202, -0.204302957457, 16.2604772367),
    ("silu", "tat"): (0.12335886499, 0.447484479509, -0.271572394838, 11.3041555523),
    ("sigmoid", "dks"): (0.256880957027, 1.14155909507, -0.754903620886, 21.2088952869),
    ("sin", "tat"): (0.065168140266, 0.872105496102, -0.766357530534, 23.8355571546),
    ("softplus", "tat"): (0.212101218873, 0.540025075141, -0.997045584892, 7.45573618658),
}


@pytest.mark.parametrize(("name", "method"), list(PUBLISHED))
def test_the_branch_of_the_literature_comes_first(name, method):
    shaped = mf.transform(name, method=method, depth=50)
    np.testing.assert_allclose(numbers(shaped), PUBLISHED[name, method], rtol=1e-10)
    np.testing.assert_allclose(numbers(shaped), numbers(shaped.branches[0]), rtol=1e-9)


@pytest.mark.parametrize("key", list(REFERENCE["elu"]))
def test_beside_the_breakpoint_of_elu(key):
    name, method, depth = key.split("|")
    found = mf.transform(name, method=method, depth=int(depth.removeprefix("L="))).branches
    expected = REFERENCE["elu"][key]
    expected = [one[-4:] for one in expected]
    for one in expected:
        assert (
            min(np.abs(numbers(shape) / np.array(one) - 1).max() for shape in found) < 2e-9
        )  # digits of the reference
    np.testing.assert_allclose(numbers(found[0]), expected[0], rtol=2e-9)


def conditions(shaped, derivative) -> dict[str, float]:
    """The local maps of a smooth activation by a Gauss–Hermite rule; `derivative` is φ′ of the original."""
    a, b = shaped.input_scale, shaped.input_shift
    f, d = shaped(Z), shaped.output_scale * a * derivative(a * Z + b)
    second = WEIGHTS @ (d * Z)  # E f″
    return {
        "Q(1)": WEIGHTS @ f**2,
        "Q'(1)": WEIGHTS @ (Z * f * d),
        "C(0)": WEIGHTS @ f,
        "C'(1)": WEIGHTS @ d**2,
        "f''": second,
    }


def mish_slope(x):
    t = np.tanh(np.logaddexp(0, x))
    return t + x * (1 - t**2) * special.expit(x)


SMOOTH = {
    "mish": ("mish", mish_slope),
    "erf": ("erf", lambda x: 2 / np.sqrt(np.pi) * np.exp(-(x**2))),
    "a sum": (lambda x: np.tanh(x) + 0.1 * x, lambda x: 1.1 - np.tanh(x) ** 2),
    "serf": (
        "x*erf(log(1 + exp(x)))",
        lambda x: (
            special.erf(np.logaddexp(0, x))
            + x * 2 / np.sqrt(np.pi) * np.exp(-(np.logaddexp(0, x) ** 2)) * special.expit(x)
        ),
    ),
    "a wide one": (lambda x: np.tanh(x / 50), lambda x: (1 - np.tanh(x / 50) ** 2) / 50),
    "a narrow one": ("tanh(50*x)", lambda x: 50 * (1 - np.tanh(50 * x) ** 2)),
}


@pytest.mark.parametrize("name", list(SMOOTH))
@pytest.mark.parametrize("method", ["dks", "tat"])
def test_activations_of_any_kind_meet_the_conditions(name, method):
    spec, derivative = SMOOTH[name]
    shaped = mf.transform(spec, method=method, depth=100)
    own = conditions(shaped, derivative)
    for condition in own.keys() & shaped.targets.keys():
        assert own[condition] == pytest.approx(shaped.targets[condition], abs=1e-11)
    assert shaped.residual < 1e-9
    assert shaped.local_slope == pytest.approx(1.5**0.01 if method == "dks" else 1.0, rel=1e-14)
    if method == "tat":
        assert shaped.local_curvature == 0.003
        h = 1e-3  # E φ″² by differences of the function's own derivative
        a, b, d = shaped.input_scale, shaped.input_shift, shaped.output_scale
        steps = np.array([-1, 9, -45, 45, -9, 1]) / 60  # of sixth order, at −3h … 3h
        points = a * (Z[:, None] + h / a * np.array([-3, -2, -1, 1, 2, 3]) * 1e-2 * a) + b
        bent = d * a * a * (derivative(points) @ steps) / (h * 1e-2 * a)
        assert WEIGHTS @ bent**2 == pytest.approx(0.003, rel=1e-6)


@pytest.mark.parametrize("method", ["dks", "tat"])
def test_deep_networks_have_the_promised_correlation_map(method):
    shaped = mf.transform("gelu", method=method, depth=100)
    block = mf.mlp(shaped)
    c, h = np.array([0.0, 1 - 1e-4]), 1e-4
    gaps = mf.propagate(block, 100, q=1.0, c=c).one_minus_c[-1]
    slope = gaps[1] / h
    assert np.asarray(mf.variance_map(block, 1.0)) == pytest.approx(1.0, abs=1e-13)
    if method == "dks":
        assert 1 - gaps[0] == pytest.approx(0.0, abs=1e-10)
        assert slope == pytest.approx(1.5, rel=1e-3)
        assert float(mf.analyze(block).chi_1) ** 100 == pytest.approx(1.5, rel=1e-10)
    else:
        assert slope == pytest.approx(1 - 0.3 * h / 2, abs=1e-8)  # the gap of a curvature 0.3


@pytest.mark.sweep(12)
@pytest.mark.parametrize(("name", "method"), [(row, m) for row in mf.catalogue() for m in ("dks", "tat")])
def test_the_whole_catalogue_is_shaped_or_refused_with_a_reason(name, method):
    try:
        shaped = mf.transform(name, method=method, depth=50)
    except mf.InvalidInput as error:
        reason = str(error)
    else:
        reason = "" if shaped.residual < 1e-11 else f"residual {shaped.residual}"
    assert not reason or any(word in reason for word in ("kink", "jumps", "other conditions", "linear"))


def test_kinked_activations_are_shaped_by_dks():
    shaped = mf.transform("selu", depth=100)
    assert shaped.breakpoints == (-shaped.input_shift / shaped.input_scale,)
    assert shaped.residual < 1e-12
    own = mf.transform(lambda x: np.where(x > 0, np.sqrt(1 + 2 * np.abs(x)) - 1, -0.3 * np.abs(x)), depth=50)
    assert own.residual < 1e-9


@pytest.mark.parametrize("depth", [20, 50, 100, 200])
def test_leaky_relus_by_tat(depth):
    shaped = mf.transform("relu", method="tat", depth=depth)
    alpha, c = shaped.negative_slope, 0.0
    for _ in range(depth):  # the map of Zhang et al. 2022, as they write it
        c += (1 - alpha) ** 2 / (np.pi * (1 + alpha**2)) * (np.sqrt(1 - c**2) - c * np.arccos(c))
    assert c == pytest.approx(0.9, abs=1e-13)
    reference = {20: 0.18138027749038434, 50: 0.43052294850240269, 100: 0.5704395310587202, 200: 0.67959964387132363}
    assert alpha == pytest.approx(reference[depth], rel=1e-14)  # mpmath, 40 digits
    block = mf.mlp(shaped)
    assert float(mf.propagate(block, depth, c=0.0).c[-1]) == pytest.approx(0.9, abs=1e-12)


def test_leaky_relus_by_dks():
    shaped = mf.transform("leaky_relu", depth=50)
    assert shaped.negative_slope == pytest.approx(0.796370705868974, rel=1e-9)  # of the package dks, to its tolerance
    assert shaped.output_scale == pytest.approx(1.110765724607026, rel=1e-9)
    assert shaped.residual < 1e-12
    with pytest.raises(mf.InvalidInput, match=r"slopes below 2\.75"):
        mf.transform("relu", depth=1, zeta=3.0)


def test_the_result_is_an_activation():
    shaped = mf.transform("tanh", depth=20, branch=1)
    assert shaped.input_shift < 0 < mf.transform("tanh", depth=20).input_shift
    x = np.linspace(-2, 2, 9)
    a, b, c, d = numbers(shaped)
    np.testing.assert_allclose(shaped(x), d * (np.tanh(a * x + b) + c), rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(shaped.derivative(x), d * a * (1 - np.tanh(a * x + b) ** 2), rtol=1e-13)
    assert mf.activation(shaped) is shaped
    assert mf.gain(shaped) == pytest.approx(1.0, abs=1e-13)
    assert mf.expectation(shaped.formula, 1.0).value == pytest.approx(0.0, abs=1e-13)


@pytest.mark.parametrize(
    ("spec", "arguments", "reason"),
    [
        ("selu", {"method": "tat"}, "kink at x = 0"),
        ("hardtanh", {"method": "tat"}, 'method="dks"'),
        ("sign", {}, "jumps at x = 0"),
        ("x**3", {}, "other conditions of DKS"),
        ("x**2", {"method": "tat"}, "other conditions of TAT"),
        ("2*x + 1", {}, "linear or constant"),
        ("linear", {"method": "tat"}, "linear or constant"),
        ("relu", {"method": "tat", "depth": 10}, "deeper network"),
        ("tanh", {"zeta": 1.0}, "zeta must be more than 1"),
        ("tanh", {"tau": 0.0}, "tau must be more than 0"),
        ("tanh", {"eta": 1.0}, "eta must be between 0 and 1"),
        ("tanh", {"branch": 2}, "branch must be less than 2"),
        ("tanh", {"depth": None}, "needs depth="),
    ],
)
def test_what_cannot_be_shaped_is_refused_with_the_reason(spec, arguments, reason):
    with pytest.raises(mf.InvalidInput, match=reason):
        mf.transform(spec, **{"depth": 50, **arguments})


@pytest.mark.parametrize("name", ["tanh", "gelu", "elu", "selu", "softplus", "silu", "mish", "erf", "sigmoid", "relu"])
def test_the_code_for_numpy_defines_the_same_function(name):
    shaped = mf.transform(name, method="tat" if name == "relu" else "dks", depth=30)
    assert list(shaped.snippets) == ["torch", "jax", "keras", "numpy"]
    space: dict = {}
    exec(shaped.snippets["numpy"], space)
    x = np.linspace(-4, 4, 41)
    np.testing.assert_allclose(space["shaped"](x), shaped(x), rtol=1e-13, atol=1e-13)
    for library, code in shaped.snippets.items():
        compile(code, library, "exec")
        assert repr(shaped.output_scale) in code


NAMES = ["tanh", "gelu", "elu", "selu", "softplus", "silu", "mish", "erf", "sigmoid", "sin", "relu"]
X = np.linspace(-3, 3, 13)


def same_function(library, call):
    """Whether the code of the library gives the values of the shaped activation, in single precision at least."""
    for name in NAMES:
        shaped, space = mf.transform(name, method="tat" if name == "relu" else "dks", depth=30), {}
        exec(shaped.snippets[library], space)
        np.testing.assert_allclose(call(space), shaped(X), rtol=3e-4, atol=3e-5, err_msg=name)


def test_the_code_for_torch_defines_the_same_function(torch):
    same_function("torch", lambda space: space["Shaped"]()(torch.tensor(X)).numpy())


def test_the_code_for_jax_defines_the_same_function(jax):
    same_function("jax", lambda space: np.asarray(space["shaped"](jax.numpy.asarray(X))))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras, when it converts
def test_the_code_for_keras_defines_the_same_function(keras):
    same_function("keras", lambda space: keras.ops.convert_to_numpy(space["Shaped"]()(X.astype(np.float32))))
