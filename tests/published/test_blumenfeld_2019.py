"""Blumenfeld, Gilboa, Soudry 2019 (arXiv:1906.00771): how far signals travel through quantised activations."""

import numpy as np
import pytest

import meanfield as mf

# levels: slope of the correlation map at c* = 0 with the best step, depth scale
BEST = {4: (0.8811539496159229, 7.9037), 8: (0.9625603406084766, 26.2065), 16: (0.9884571155686492, 86.1325)}


def test_sign():
    a = mf.analyze("sign")
    assert a.q_star == pytest.approx(1, rel=1e-14)
    assert a.chi_1 == np.inf
    assert a.c_star == pytest.approx(0, abs=1e-15)
    assert a.chi_c == pytest.approx(2 / np.pi, rel=1e-13)
    assert a.xi_c == pytest.approx(2.2144337865176245, rel=1e-12)


@pytest.mark.parametrize("levels", BEST)
def test_the_best_step_of_a_quantiser(levels):
    phi = mf.activation("quantised_sign", levels=levels)
    odd = mf.activation(lambda x: x * phi(x), breakpoints=phi.breakpoints)

    def slope(q):  # (E Zφ)²/E φ²; the slope at c = 0, for the step in units of √q
        return mf.expectation(odd, q).value ** 2 / q * mf.gain(phi, q=q).value ** 2

    q = np.geomspace(0.02, 2.0, 200)
    best = q[np.argmax(slope(q))]
    fine = best * np.linspace(0.97, 1.03, 201)
    best = float(fine[np.argmax(slope(fine))])
    chi, xi = BEST[levels]
    assert slope(best) == pytest.approx(chi, rel=1e-7)
    a = mf.analyze(mf.mlp(phi, best**0.5 * mf.gain(phi, q=best).value))
    assert a.q_star == pytest.approx(best, rel=1e-9)
    assert a.c_star == pytest.approx(0, abs=1e-12)
    assert a.chi_c == pytest.approx(slope(best), rel=1e-11)
    assert a.xi_c == pytest.approx(xi, rel=1e-4)


def test_finer_quantisers_carry_further():
    xi = [mf.analyze(mf.mlp(mf.activation("quantised_sign", levels=n), 1.0)).xi_c for n in (2, 4, 8, 16)]
    assert np.all(np.diff(xi) > 0)
