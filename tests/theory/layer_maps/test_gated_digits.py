"""Gated linear units to the digits that mpmath gives: moments, gradient factors, pairs, and the page's table."""

import re

import mpmath
import numpy as np
import pytest
from paths import DOCS

import meanfield as mf
from meanfield.networks.layers.gated import Gated
from meanfield.theory.layer_maps import one_point, pair_slope, two_points
from meanfield.theory.states import Pair, Point

mp = mpmath.mp
GATES = {  # name: φ, φ′
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), lambda x: mp.sech(x / 2) ** 2 / 4),
    "gelu": (lambda x: x * mp.ncdf(x), lambda x: mp.ncdf(x) + x * mp.npdf(x)),
    "silu": (lambda x: x / (1 + mp.exp(-x)), lambda x: (1 + mp.exp(-x) * (1 + x)) / (1 + mp.exp(-x)) ** 2),
    "linear": (lambda x: x, lambda x: mp.mpf(1)),
    "relu": (lambda x: max(x, 0), lambda x: mp.mpf(x > 0)),
    "tanh": (mp.tanh, lambda x: mp.sech(x) ** 2),
}
gates = pytest.mark.parametrize("name", ["sigmoid", "gelu", "silu", "linear"])
PAGE = (DOCS / "theory" / "gated.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| \S+ \| `(\w+)` \| ([\d. |]+) \|$", PAGE, flags=re.MULTILINE)


def gaussian(f, q):
    """E f(√q Z) to more than 20 digits."""
    root = mp.sqrt(q)
    return mp.quad(lambda z: f(root * z) * mp.npdf(z), mp.linspace(-12, 12, 9), method="gauss-legendre")


def gaussian_pair(f, q1, q2, k):
    """E f(U) f(V); the trapezoidal rule converges exponentially for what is analytic."""
    nodes = [mp.mpf(i) / 4 for i in range(-43, 44)]
    weights = [mp.npdf(z) / 4 for z in nodes]
    along, across = k / mp.sqrt(q1), mp.sqrt(q2 - k**2 / q1)
    inner = (mp.fdot(weights, [f(along * y + across * z) for z in nodes]) for y in nodes)
    return mp.fsum(w * f(mp.sqrt(q1) * y) * of_y for w, y, of_y in zip(weights, nodes, inner, strict=True))


@pytest.mark.sweep(3)
@gates
@pytest.mark.parametrize(("q", "sigma_w", "sigma_b"), [(0.7, 1.3, 0.2), (12.0, 0.9, 0.0)])
def test_moments_and_the_gradient_factor_to_twenty_digits(name, q, sigma_w, sigma_b):
    phi, derivative = GATES[name]
    with mpmath.workdps(30):
        w = mp.mpf(sigma_w) ** 2
        p = w * mp.mpf(q) + mp.mpf(sigma_b) ** 2
        v, d = gaussian(lambda x: phi(x) ** 2, p), gaussian(lambda x: derivative(x) ** 2, p)
        dv = gaussian(lambda x: x * phi(x) * derivative(x), p) / p
        expected = {"q": p * v, "slope": w * (v + p * dv), "chi": w * (v + p * d)}
        found = one_point(Gated(name, sigma_w, sigma_b), Point.at(q))
        for field in ("q", "slope", "chi"):
            number = getattr(found, field)
            off, bound = abs(mp.mpf(float(number.value)) - expected[field]), number.error
            assert off <= 1e-12 * abs(expected[field]), field
            assert off <= bound + 4e-16 * abs(expected[field]), field
            assert bound <= 1e-11 * abs(expected[field]), field


@pytest.mark.sweep(3)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "q1", "q2", "c"),
    [
        ("silu", 0.7, 0.7, 0.3),
        ("silu", 0.7, 0.7, 1 - 2.0**-30),
        ("silu", 2.0, 0.5, -0.6),
        ("sigmoid", 0.7, 0.7, 1 - 2.0**-30),
        ("sigmoid", 2.0, 0.5, -0.6),
        ("gelu", 1.0, 1.1, 0.9),
    ],
)
def test_pairs_to_twenty_digits(name, q1, q2, c):
    phi, derivative = GATES[name]
    layer, d = Gated(name, 1.25, 0.5), 0.5 * (q1 + q2) - c * np.sqrt(q1 * q2)
    with mpmath.workdps(30):
        w, b = mp.mpf("1.5625"), mp.mpf("0.25")
        p1, p2 = w * mp.mpf(q1) + b, w * mp.mpf(q2) + b
        k = w * ((mp.mpf(q1) + mp.mpf(q2)) / 2 - mp.mpf(d)) + b
        v1, v2 = (gaussian(lambda x: phi(x) ** 2, p) for p in (p1, p2))
        dual = gaussian_pair(phi, p1, p2, k)
        expected = (p1 * v1 + p2 * v2) / 2 - k * dual
        slope = w * (dual + k * gaussian_pair(derivative, p1, p2, k))
        signal = Pair.at(q1, d) if q1 == q2 else Pair.of(q1, q2, d)
        found = two_points(layer, signal)
        off = abs(mp.mpf(float(found.d.value)) - expected)
        assert off <= 1e-12 * expected
        assert off <= found.d.error
        assert found.d.error <= 1e-10 * expected
        assert abs(mp.mpf(float(pair_slope(layer, signal).value)) - slope) <= 1e-12 * abs(slope)
        assert abs(found.q1 - p1 * v1) + abs(found.q2 - p2 * v2) <= 1e-12 * p1 * v1


@pytest.mark.parametrize("apart", [0.0, 1e-9, 1e-5, 1e-2, 0.09, 0.2, 3.0])
@pytest.mark.parametrize("gap", [1e-18, 1e-6, 0.5, 2.0])
def test_digits_are_kept_near_one_and_at_unequal_second_moments(apart, gap):
    """Erf has a closed form: E erf(U) erf(V) = (2/π) asin(2k/√((1 + 2q₁)(1 + 2q₂)))."""
    q1, q2 = 1.3, 1.3 * (1 + apart)
    with mpmath.workdps(60):
        q1_, q2_ = mp.mpf(q1), mp.mpf(q2)
        d = float((mp.sqrt(q1_) - mp.sqrt(q2_)) ** 2 / 2 + gap * mp.sqrt(q1_ * q2_))
        k = (q1_ + q2_) / 2 - mp.mpf(d)

        def dual(k, a, b):
            return 2 / mp.pi * mp.asin(2 * k / mp.sqrt((1 + 2 * a) * (1 + 2 * b)))

        expected = (q1_ * dual(q1_, q1_, q1_) + q2_ * dual(q2_, q2_, q2_)) / 2 - k * dual(k, q1_, q2_)
        found = two_points(Gated("erf"), Pair.at(q1, d) if apart == 0 else Pair.of(q1, q2, d))
        off = abs(mp.mpf(float(found.d.value)) - expected)
        assert off <= found.d.error
        assert off <= (1e-13 if gap < 1.9 else 1e-12) * max(expected, 1e-2 if gap > 1.9 else 0)


@pytest.mark.sweep(3)
@pytest.mark.parametrize(("name", "numbers"), ROWS, ids=[name for name, _ in ROWS])
def test_the_scales_of_the_page_to_its_twelve_digits(name, numbers):
    phi, derivative = GATES[name]
    gain, scale, chi, slope, critical, q = (mp.mpf(number) for number in numbers.split(" | "))
    with mpmath.workdps(30):

        def second(sigma):
            return sigma**2 * gaussian(lambda x: phi(x) ** 2, sigma**2)

        def gradient(sigma):
            return second(sigma) + sigma**4 * gaussian(lambda x: derivative(x) ** 2, sigma**2)

        half, rounded = mp.mpf("0.6e-12"), mp.mpf("5e-12")  # of a number, and of one that depends on another
        assert abs(gaussian(lambda x: phi(x) ** 2, mp.mpf(1)) - gain) < half
        assert second(scale - half) < 1 < second(scale + half)
        assert abs(gradient(scale) - chi) < rounded
        assert abs(1 + scale**2 * gaussian(lambda x: x * phi(x) * derivative(x), scale**2) - slope) < rounded
        assert gradient(critical - half) < 1 < gradient(critical + half)
        assert abs(second(critical) - q) < rounded
    found = one_point(Gated(name, [float(scale), float(critical)]), Point.at(1.0))
    assert found.q.value == pytest.approx([1.0, float(q)], abs=1e-11)
    assert found.chi.value == pytest.approx([float(chi), 1.0], abs=1e-11)
    assert found.slope.value[0] == pytest.approx(float(slope), abs=1e-11)
    assert mf.gain(name).value == pytest.approx(float(gain) ** -0.5, rel=1e-11)


def test_the_page_has_the_gates_of_the_literature():
    assert [name for name, _ in ROWS] == ["linear", "sigmoid", "relu", "gelu", "silu", "tanh"]


def test_the_swiglu_fixed_point_to_twenty_digits():
    phi, derivative = GATES["silu"]
    with mpmath.workdps(30):
        s = mp.mpf(1.2) ** 2
        p = mp.findroot(lambda p: s * p * gaussian(lambda x: phi(x) ** 2, p) - p, (1.77, 1.78))
        chi = s * (gaussian(lambda x: phi(x) ** 2, p) + p * gaussian(lambda x: derivative(x) ** 2, p))
    point = mf.fixed_points(mf.Network(Gated("silu", 1.2), mf.Dense(1.0)))[-1]
    assert point.q == pytest.approx(float(p / s), rel=1e-12)
    assert not point.stable
    assert mf.propagate(mf.Network(Gated("silu", 1.2), mf.Dense(1.0)), 1, q=point.q).chi[0] == pytest.approx(
        float(chi), rel=1e-12
    )
