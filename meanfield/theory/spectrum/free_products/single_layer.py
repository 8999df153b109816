"""One layer with orthogonal weights: the squared singular values are σ²φ′² itself, without a matrix to mix them."""

import math

import numpy as np

from meanfield._types import Bools, Floats
from meanfield.numerics.quadrature.gauss_legendre import rule
from meanfield.special_functions import special
from meanfield.theory.spectrum.free_products.path import Points
from meanfield.theory.spectrum.slopes.slope_law import SlopeLaw

EPS = float(np.finfo(float).eps)
REAL = 1e-7  # imaginary part of a root next to the real axis


class SingleLayer:
    """The law of scale·t, with the interface of a path.

    Parameters
    ----------
    law : SlopeLaw
        The law of t = φ′².
    log_scale : float
        Logarithm of the scale.
    """

    complete, reason = True, ""

    def __init__(self, law: SlopeLaw, log_scale: float) -> None:
        self.law, self.log_scale = law, log_scale
        panels = law.base
        self.coefficients = panels.t @ rule().coefficients.T
        most = law.support.most
        top = math.log(most) if math.isfinite(most) else math.log(float(panels.high.max()))
        self.log = [top + log_scale, max(math.log(max(law.support.least, 1e-300)), -600.0) + log_scale]

    def at(self, log: Floats) -> Points:
        """Density of the logarithm, mass above and their error, at each logarithm, shape (n,)."""
        found = np.array([self._one(math.exp(one - self.log_scale)) for one in np.asarray(log).tolist()]).reshape(-1, 3)
        converged: Bools = np.isfinite(found[:, 0])
        return Points(found[:, 0], found[:, 2], found[:, 1], converged)

    def _one(self, t: float) -> tuple[float, float, float]:
        law, panels, scale = self.law, self.law.base, self.law.scale
        above = sum(atom.mass for atom in law.atoms if atom.t > t)
        within = (panels.low <= t) & (t <= panels.high)
        above += float(panels.mass[~within & (panels.low > t)].sum())
        density = error = 0.0
        for i in np.flatnonzero(within):
            series = self.coefficients[i].copy()
            series[0] -= t
            roots = np.polynomial.legendre.legroots(series)
            roots = np.sort(np.real(roots[(np.abs(np.imag(roots)) < REAL) & (np.abs(roots) <= 1)]))
            half, middle = 0.5 * (panels.b[i] - panels.a[i]), 0.5 * (panels.a[i] + panels.b[i])
            ends = np.concatenate([[-1.0], roots, [1.0]])
            inner = np.polynomial.legendre.legval(0.5 * (ends[1:] + ends[:-1]), series) > 0
            cdf = special.ndtr((middle + half * ends) / scale)
            above += float(panels.share[i] * np.diff(cdf)[inner].sum())
            if roots.size:
                slope = np.abs(np.polynomial.legendre.legval(roots, np.polynomial.legendre.legder(series))) / half
                weight = np.exp(-0.5 * ((middle + half * roots) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
                own = panels.share[i] * t * weight / slope
                density += float(own.sum())
                curved = (
                    np.abs(np.polynomial.legendre.legval(roots, np.polynomial.legendre.legder(series, 2))) / half**2
                )
                shaken = 64 * EPS * (t + self.law.support.low[0]) + 2 * math.sqrt(t) * panels.error[i]
                error += float((own * shaken * curved / slope**2).sum())
        return density, above, error + 64 * EPS * density
