"""Xiao et al. 2018 (arXiv:1806.05393): the critical tanh initialisation with tiny biases."""

import numpy as np
import pytest

import meanfield as mf


def test_the_published_initialisation_is_rounded():
    line = mf.critical_line("tanh", 2.01e-5**0.5)
    assert line.sigma_w**2 == pytest.approx([1.0499956284990394], rel=1e-13)
    assert line.q == pytest.approx([0.025918602748049455], rel=1e-11)
    assert line.sigma_w[0] ** 2 == pytest.approx(1.05, abs=5e-6)


@pytest.mark.parametrize("q", [1e-2, 1e-3, 1e-4])
def test_the_tanh_line_near_the_origin(q):
    line = mf.critical_line("tanh", (4 / 3 * q**3) ** 0.5)  # sigma_b² = (4/3)q³ + O(q⁴)
    assert line.q == pytest.approx([q], rel=5 * q)
    settled = line.q[0]
    assert line.sigma_w[0] ** 2 - 1 == pytest.approx(2 * settled - 3 * settled**2, rel=20 * settled**2, abs=1e-13)
    assert np.all(line.stable)
