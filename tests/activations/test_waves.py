"""Waves of one frequency on a straight line: closed forms against sums of E e^{iωX} with 80 digits."""

import mpmath
import numpy as np
import pytest

from meanfield.activations.closed_forms.wave_formulas import wave_form
from meanfield.activations.formulas.parse import read
from meanfield.activations.resolve import activation

#: The text, and the line a with the amplitudes A_ω of a·x + Σ A_ω e^{iωx}, ω = −1, 0, 1 times the frequency.
WAVES = {
    "sin(3*x)": (3, 0, (0.5j, 0, -0.5j)),
    "sin(x)**2": (2, 0, (-0.25, 0.5, -0.25)),
    "1 - cos(x)": (1, 0, (-0.5, 1, -0.5)),
    "x + sin(x)": (1, 1, (0.5j, 0, -0.5j)),
    "3*x/2 + 2*sin(5*x) - cos(5*x) + 0.25": (5, 1.5, (-0.5 + 1j, 0.25, -0.5 - 1j)),
    "1e-3*x + 7*sin(20*x)": (20, 1e-3, (3.5j, 0, -3.5j)),
    "sin(x)*cos(x)*8 - x*0.5*(-4)": (2, 2, (2j, 0, -2j)),
    "2*cos(0.1*x) - 1.75": (0.1, 0, (1, -1.75, 1)),
}
VARIANCES = ((1.0, 1.0), (2.0, 0.5), (1e-20, 1e-20), (1e-6, 3e-6), (40.0, 39.0), (1e4, 1e-3), (1e9, 1e9))
GAPS = (1e-15, 1e-6, 0.3, 1.0, 1.7)


def truth(text, q1, q2, d):
    """V(q₁), V′(q₁), E φ′(X)², E φ(X), D and its slope."""
    omega, a, amplitudes = WAVES[text]
    with mpmath.workdps(120):
        omega, a, q1, q2, d = map(mpmath.mpf, (omega, a, q1, q2, d))
        modes = [(j * omega, mpmath.mpmathify(A)) for j, A in zip((-1, 0, 1), amplitudes, strict=True)]
        slopes = [(w, 1j * w * A) for w, A in modes]

        def pair(line, left, right, q1, q2, k):
            """E (line·u + Σ left)(line·v + Σ right)."""
            total = line**2 * k
            total += line * sum(1j * w * A * k * mpmath.exp(-w * w * q2 / 2) for w, A in right)
            total += line * sum(1j * w * A * k * mpmath.exp(-w * w * q1 / 2) for w, A in left)
            both = ((w, A, z, B) for w, A in left for z, B in right)
            total += sum(A * B * mpmath.exp(-(w * w * q1 + z * z * q2 + 2 * w * z * k) / 2) for w, A, z, B in both)
            return mpmath.re(total)

        k = (q1 + q2) / 2 - d
        flat = [(w, A + (a if w == 0 else 0)) for w, A in slopes]
        second = lambda q: pair(a, modes, modes, q, q, q)  # noqa: E731
        step = q1 * mpmath.mpf(10) ** -30
        slope = (second(q1 + step) - second(q1 - step)) / (2 * step)
        mean = mpmath.re(sum(A * mpmath.exp(-w * w * q1 / 2) for w, A in modes))
        distance = (second(q1) + second(q2)) / 2 - pair(a, modes, modes, q1, q2, k)
        return [second(q1), slope, pair(0, flat, flat, q1, q1, q1), mean, distance, pair(0, flat, flat, q1, q2, k)]


@pytest.mark.parametrize("text", WAVES)
def test_moments_and_pairs_have_small_relative_errors(text):
    form = wave_form(read(text))
    for q1, q2 in VARIANCES:
        for gap in GAPS:
            s1, s2 = np.sqrt(q1), np.sqrt(q2)
            d = 0.5 * (s1 - s2) ** 2 + s1 * s2 * gap
            v, slope, square, mean, distance, pair_slope = map(float, truth(text, q1, q2, d))
            assert form.second_moment(q1) == pytest.approx(v, rel=1e-14, abs=1e-300)
            assert form.derivative_moment(q1) == pytest.approx(square, rel=1e-14, abs=1e-300)
            assert form.second_moment_slope(q1) == pytest.approx(slope, rel=2e-14, abs=8 * 2.3e-16 * v / q1)
            assert form.mean(q1) == pytest.approx(mean, rel=1e-14, abs=2e-15 * np.sqrt(v))
            rounding = 0.0 if q1 == q2 else 8 * 2.3e-16 * abs(d * pair_slope)  # of d itself
            assert form.distance(q1, q2, d) == pytest.approx(distance, rel=2e-14, abs=rounding + 1e-300)
            size = np.sqrt(square * float(truth(text, q2, q2, 0.0)[2]))
            assert form.distance_slope(q1, q2, d) == pytest.approx(pair_slope, rel=2e-14, abs=2e-15 * size)
            k = 0.5 * (q1 + q2) - d
            rounding_of_k = 4 * 2.3e-16 * (q1 + q2) * abs(pair_slope)
            dual = 0.5 * (v + float(form.second_moment(q2))) - distance
            assert form.dual(q1, q2, k) == pytest.approx(dual, rel=1e-13, abs=1e-14 * v + rounding_of_k)


@pytest.mark.parametrize(
    "text", ["x - sin(x)", "sin(x) + sin(2*x)", "sin(x**2)", "x*sin(x)", "tanh(sin(x))", "2*x + 1"]
)
def test_other_formulas_have_none(text):
    assert wave_form(read(text)) is None


@pytest.mark.parametrize(
    "text", ["sin(x)**3/3 + sin(x)*cos(x)**2/3", "cos(x)**2 - sin(x)**2 + x/4", "-(sin(pi*x) + 2)"]
)
def test_formulas_keep_their_values(text):
    """The moments of a formula that is expanded into a wave are those of quadrature over its values."""
    phi = activation(text)
    assert wave_form(read(text)) is not None
    twin = activation(lambda x: phi(x))
    for q in (0.1, 1.0, 7.0):
        for name in ("second_moment", "derivative_moment", "mean"):
            (value, error), (other, other_error) = (getattr(f.moments, name)(q) for f in (phi, twin))
            assert abs(value - other) <= error + other_error
