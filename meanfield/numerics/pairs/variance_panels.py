"""Panels of ln q, on which expectations over a Gaussian of variance q are Legendre series.

The Gaussian density is analytic in ln q for |Im ln q| < π/2. Therefore every expectation E f(√q·Z) is analytic there
too, for all f for which it is finite, and a fixed number of nodes resolves it on a panel of fixed length.
"""

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.numerics.quadrature.gauss_legendre import nodes_between

PANEL = 3 * float(np.log(2.0))  # length of a panel in ln q
NODES = 28  # nodes a panel: the Legendre series in ln q converges like 3⁻ⁿ


def panel_number(q: Floats, length: float = PANEL) -> Ints:
    """The number ⌊ln q/length⌋ of the panel of each q."""
    return np.asarray(np.floor(np.log(q) / length).astype(np.intp))


def panel_nodes(index: int) -> Floats:
    """The variances at the nodes of panel number `index`."""
    return np.exp(nodes_between(index * PANEL, (index + 1) * PANEL, NODES))


def panel_basis(log_q: Floats, low: float, length: float = PANEL, nodes: int = NODES) -> Floats:
    """Legendre polynomials of the panel that begins at ln q = `low`, shape (nodes, points), by their recurrence."""
    x = 2 * (log_q - low) / length - 1
    polynomials = np.empty((nodes, x.size))
    polynomials[0], polynomials[1] = 1.0, x
    for k in range(1, nodes - 1):
        following = np.multiply(polynomials[k], x, out=polynomials[k + 1])
        following *= (2 * k + 1) / (k + 1)
        following -= polynomials[k - 1] * (k / (k + 1))
    return polynomials
