"""Where the cases of a formula change: zeros of its conditions to the last digit."""

import numpy as np
import pytest
import sympy as sp

from meanfield.activations.formulas.discontinuities import algebraic_zeros, bisected
from meanfield.activations.formulas.vocabulary import real_x
from meanfield.activations.resolve import activation


@pytest.mark.parametrize("zero", [0.0, 5e-324, 1e-300, -3e-9, 0.1, -np.pi, 1e5])
def test_a_change_of_sign_is_found_to_the_last_digit_at_every_scale(zero):
    ends = np.array([-1e6, 1e6])
    for sign in (1, -1):
        found = bisected(lambda x, sign=sign: sign * (x - zero), ends[:1], ends[1:])
        np.testing.assert_array_equal(found, [zero])


def test_boundaries_of_transcendental_cases_are_exact():
    phi = activation("where(exp(x) > 2, x, where(tanh(x) < -0.3, 1, 0))")
    np.testing.assert_allclose(phi.breakpoints, [-np.arctanh(0.3), np.log(2)], rtol=4e-16, atol=0)


def test_zeros_of_polynomials_are_right_to_rounding_and_found_soon():
    x = real_x()
    simple = [sp.Rational(k * k - 40, 7) for k in range(1, 9)]
    poly = sp.expand(sp.prod(x - a for a in simple) * (x - sp.Rational(1, 3)) ** 3 * (x**2 - 2) * x**2)
    found = sorted(algebraic_zeros(poly))
    truth = sorted([float(a) for a in (*simple, sp.Rational(1, 3), 0, sp.sqrt(2), -sp.sqrt(2))])
    assert found == pytest.approx(truth, rel=4e-16, abs=0)
    steep = sp.expand((3 * x + sp.Rational(1, 2)) ** 20 - 7)
    ends = [float((sign * sp.Float(7, 30) ** sp.Rational(1, 20) - sp.Rational(1, 2)) / 3) for sign in (-1, 1)]
    assert sorted(algebraic_zeros(steep)) == pytest.approx(ends, rel=1e-15)
