"""Critical weights of a block of any form: where χ₁ crosses 1 as sigma_w grows, at the q that deep networks reach."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from meanfield.networks.network import Network
from meanfield.theory.fixed_points import CRITICAL, stable_q
from meanfield.theory.kernels import one_point
from meanfield.theory.reach import largest_q
from meanfield.theory.signal import OnePoint

__all__ = ["swept"]

Floats = NDArray[np.float64]

SIGMAS = np.geomspace(1e-3, 1e3, 121)
FARTHEST = 2.0**100  # stands for an unbounded q
CONTINUOUS = 1e-8  # how near to 1 χ₁ must get at a crossing that is no jump
NEAR_ZERO = 1e-6
PRECISION = 1e-12  # of ln σ_w


def swept(block: Network, sigma_b: float) -> list[tuple[float, float, float, float, bool, float]]:
    """Rows (σ_b, σ_w, q, χ_∥, stable, error) at which χ₁ = 1 with a q that is reached from q = 1."""

    def at(sigma_w: Floats) -> tuple[Floats, OnePoint]:
        networks = block.at(sigma_w=sigma_w, sigma_b=sigma_b)
        q = stable_q(networks)
        finite = np.minimum(q, FARTHEST)
        if np.isinf(q).any():
            finite = np.minimum(finite, largest_q(networks, 1.0, FARTHEST))
        return q, one_point(networks, OnePoint(finite))

    def excess(log_sigma: float) -> float:
        return float(np.log(np.maximum(at(np.exp([log_sigma]))[1].chi, 1e-300))[0])

    chi = np.asarray(at(SIGMAS)[1].chi)
    rows = []
    for i in np.flatnonzero((chi[:-1] < 1) != (chi[1:] < 1)):
        low, high = np.log(SIGMAS[i : i + 2])
        root = float(brentq(excess, float(low), float(high), xtol=PRECISION, rtol=1e-14))
        sigma_w = float(np.exp(root))
        q, signal = at(np.array([sigma_w]))
        if abs(float(signal.chi[0]) - 1) > CONTINUOUS or np.isinf(q[0]):
            continue
        if q[0] < NEAR_ZERO and np.all(one_point(block.at(sigma_w=sigma_w, sigma_b=sigma_b), OnePoint(0.0)).q == 0):
            q = np.zeros(1)  # the fixed point that leaves 0 as σ_w exceeds the root
        steepness = abs(excess(root + 1e-3) - excess(root - 1e-3)) / 2e-3
        error = sigma_w * (2 * PRECISION + (CONTINUOUS * 1e-3 + float(signal.chi_error[0])) / max(steepness, 1e-6))
        slope = float(signal.slope[0])
        stable = q[0] == 0 or abs(slope) < 1 - CRITICAL
        rows.append((sigma_b, sigma_w, float(q[0]), slope, bool(stable), error))
    return rows
