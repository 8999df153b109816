"""Eigenvalues with a mass: products of values that the factors take on subspaces too large to avoid each other.

Of free factors, subspaces on which each one is a multiple of the identity meet in general position, so that their
codimensions add (Belinschi 2003). Gaussian matrices have no such subspaces.
"""

import math

from meanfield.theory.spectrum.free_products.factors import Skip
from meanfield.theory.spectrum.free_products.master_curve import MasterCurve

LEAST = 1e-14  # mass of an atom


def atoms_above_zero(curve: MasterCurve, gaussian: int) -> dict[float, float]:
    """Locations and masses of the eigenvalues above 0 that have a mass, as shares of the curve's eigenvalues."""
    if gaussian or any(one.c != 1.0 for one in curve.members):
        return {}
    found = [(curve.constant, 1.0)]  # logarithm of the location, and mass
    for factor, count, _ in curve.members:
        law = factor.law
        if isinstance(factor, Skip):
            own = [(count * math.log(factor.skip), count * (2 * (1 - law.at_zero) if law.atoms else 1.0))]
        else:
            own = [(count * math.log(atom.t), count * (1 - atom.mass)) for atom in law.atoms if atom.t > 0]
        found = [(log + one, mass - lost) for log, mass in found for one, lost in own if mass - lost > LEAST]
    return {math.exp(log): mass for log, mass in sorted(found)}
