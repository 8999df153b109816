"""ELU, CELU and SELU: moments of one Gaussian (no closed form without Owen's T is known for pairs)."""

from math import gamma, pi

import numpy as np

from meanfield._types import Floats
from meanfield.activations.closed_forms.form import ANY_SIZE, ClosedForm, affine
from meanfield.special_functions import special

TERMS = range(30, 1, -1)


def _half_mean(q: Floats) -> Floats:
    """E(e^x − 1 − x) over x < 0."""
    y = np.sqrt(q / 2)
    series = q / 2 * np.polyval([(-1) ** n / gamma(n / 2 + 1) / 2 for n in TERMS], np.minimum(y, 1.0))
    return np.where(y < 0.5, series, (special.erfcx(y) - 1) / 2 + y / pi**0.5)


def _half_square(q: Floats) -> Floats:
    """E(e^x − 1)² over x < 0."""
    s = np.sqrt(q)
    weights = [(-1) ** n * (2 ** (n / 2) - 2 ** (1 - n / 2)) / gamma(n / 2 + 1) / 2 for n in TERMS]
    series = q * np.polyval(weights, np.minimum(s, 1.0))
    return np.where(s < 0.5, series, (special.erfcx(np.sqrt(2 * q)) + 1) / 2 - special.erfcx(np.sqrt(q / 2)))


def elu(alpha: float = 1.0, scale: float = 1.0) -> ClosedForm:
    """φ(x) = scale·x for x > 0 and scale·alpha·(eˣ − 1) for x < 0."""
    a, b = alpha**2, scale**2
    return ClosedForm(
        second_moment=lambda q: b * (q / 2 + a * _half_square(q)),
        second_moment_slope=lambda q: (
            b * (0.5 + a * (special.erfcx(np.sqrt(2 * q)) - special.erfcx(np.sqrt(q / 2)) / 2))
        ),
        derivative_moment=lambda q: b * (1 + a * special.erfcx(np.sqrt(2 * q))) / 2,
        mean=lambda q: scale * ((1 - alpha) * np.sqrt(q / (2 * pi)) + alpha * _half_mean(q)),
        source="Klambauer, Unterthiner, Mayr & Hochreiter 2017 (arXiv:1706.02515), eqs. 4 and 5, at mean 0",
        largest_q=ANY_SIZE,
    )


def celu(alpha: float = 1.0) -> ClosedForm:
    """φ(x) = x for x > 0 and alpha·(e^{x/alpha} − 1) for x < 0."""
    return affine(elu(), 1 / alpha, alpha)
