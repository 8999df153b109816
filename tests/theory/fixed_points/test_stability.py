"""From which side a fixed point attracts, held against orbits of closed forms and of SciPy's integrals."""

from math import erfc, exp, pi, sqrt

import numpy as np
import pytest
from scipy.integrate import quad

import meanfield as mf
from meanfield.theory.fixed_points.stability import FixedPoint, stability, told


def shrunk(q, b):
    """E max(√q Z − b, 0)² and E of its squared derivative, in closed form."""
    tail = 0.5 * erfc(b / sqrt(2 * q))
    return (q + b * b) * tail - b * sqrt(q / (2 * pi)) * exp(-b * b / (2 * q)), tail


def orbit(image, q, layers):
    for _ in range(layers):
        q = image(q)
    return q


@pytest.mark.parametrize("b", [0.3, 0.5, 2.0])
def test_every_q_of_an_activation_that_is_zero_and_then_linear_is_half_stable(b):
    spec = mf.activation("softshrink", lambd=b)
    point = mf.critical_point(spec)
    second, slope = (2 * value for value in shrunk(1.0, b))
    weight, bias = 1 / slope, 1 - second / slope
    assert (point.universality, point.q, point.whole_line) == ("half_stable", 1.0, True)
    assert (point.sigma_w**2, point.sigma_b**2) == pytest.approx((weight, bias), rel=1e-11)
    assert point.remark.endswith("q = 1 attracts from below and repels from above")
    (found,) = mf.fixed_points(mf.mlp(spec, weight**0.5, bias**0.5))
    assert (found.attracts, found.stable) == ("below", False)
    assert found.q == pytest.approx(1, abs=1e-6)

    def image(q):
        return weight * 2 * shrunk(q, b)[0] + bias

    assert 0.98 < orbit(image, 0.98, 400) < 1
    assert orbit(image, 1.02, 200) > 1.02


def test_softshrink_has_the_published_numbers():
    point = mf.critical_point("softshrink")
    assert (point.sigma_w**2, point.sigma_b**2) == pytest.approx((1.62054835228, 0.32053888518), rel=1e-10)
    step = 0.01
    drift = mf.variance_map(mf.mlp("softshrink", point.sigma_w, point.sigma_b), 1 + step).value - (1 + step)
    assert drift / step**2 == pytest.approx(0.143, abs=2e-3)


@pytest.mark.parametrize("name", ["gelu", "mish", "snake", "star_relu"])
def test_sides_are_those_of_orbits(name):
    point, phi = mf.critical_point(name), mf.activation(name)

    def image(q):
        integrand = lambda z: phi(sqrt(q) * z) ** 2 * exp(-z * z / 2) / sqrt(2 * pi)  # noqa: E731
        return point.sigma_w**2 * quad(integrand, -12, 12, points=[0.0], epsabs=1e-13)[0] + point.sigma_b**2

    points = mf.fixed_points(mf.mlp(name, point.sigma_w, point.sigma_b))
    (half,) = (p for p in points if p.attracts in ("below", "above"))
    assert half.q == pytest.approx(point.q, rel=1e-7)
    below, above = (image(q) - q for q in (0.97 * point.q, 1.03 * point.q))
    assert half.attracts == ("below" if below > 0 else "above")
    assert below * above > 0


def test_sentences():
    points = [FixedPoint(0.0, 2.0, False, "neither"), FixedPoint(0.5, 0.8, True, "both")]
    assert stability(points) == stability([]) == stability([FixedPoint(1.0, 1.0, False, "neutral")]) == ""
    points += [FixedPoint(2.0, 1.00002, False, "neither")]
    assert stability(points).endswith("q = 2 repels: a deviation from it grows by 1.00002 a layer")
    assert told(FixedPoint(0.0, 1.0, True, "both")) == "q = 0 attracts, but not exponentially"
    assert told(FixedPoint(1.0, 1.0, False, "neither")) == "q = 1 repels, but not exponentially"
    assert told(FixedPoint(0.0, np.inf, False, "neither")) == "q = 0 repels"


def test_all_answers_about_gelu_say_the_same(capsys):
    from meanfield.cli.main import run

    advice, point = mf.recommend("gelu"), mf.critical_point("gelu")
    said = stability(mf.fixed_points(mf.mlp("gelu", advice.sigma_w, advice.sigma_b)))
    assert said == "q = 3.03498 is stable, and q = 3.56155 attracts from above and repels from below"
    assert said in advice.reason
    assert point.remark == said
    assert said in mf.scheme_table(["gelu"], ["critical"])[0].reason
    assert run(["fixed-points", "gelu"]) == 0
    assert said in capsys.readouterr().out
    assert run(["critical", "gelu", "--sigma-b", "0.5"]) == 0
    assert said in capsys.readouterr().out


def test_the_deepest_weights_are_not_those_of_a_fixed_point_that_repels():
    """At sigma_w² = sigma_b² · 2 = 1/2 an orbit of max(x, 0)² from q = 1 stays there, where the map has slope 3/2."""
    deepest = mf.critical_line("squared_relu", 0.5, stable_only=True).deepest
    a = mf.analyze(mf.mlp("squared_relu", deepest.sigma_w[0], 0.5))
    assert a.chi_parallel < 1
    assert deepest.q[0] == pytest.approx(a.q_star, rel=1e-9)
