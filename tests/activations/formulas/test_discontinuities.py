"""Where the cases of a formula change: zeros of its conditions to the last digit."""

import numpy as np
import pytest

from meanfield.activations.formulas.discontinuities import bisected
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
