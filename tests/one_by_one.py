"""Fixed points of one network at a time by SciPy's scalar methods: the slow twin of what searches many at once."""

import numpy as np
from scipy.optimize import brentq

from meanfield.theory.fixed_points.maps import distance_map, distance_slope, signal_map


def settled_correlation(network, q, chi_1):
    """c* and χ_c of a network of scalar parameters whose second moment stays at a finite q > 0; no batch."""
    parted = float(distance_map(network, q, 0.0))
    if parted <= 0 and chi_1 <= 1 + 1e-9:
        return 1.0, chi_1

    def growth(log_gap):
        return float(np.log(distance_map(network, q, q * np.exp(log_gap)))) - np.log(q) - log_gap

    if abs(growth(0.0)) < 1e-13:
        gap = 1.0
    else:
        low = -1.0
        while growth(low) <= 0:
            low -= 1.0
        gap = np.exp(brentq(growth, low, 0.0, xtol=1e-15, rtol=1e-14))
    return 1.0 - gap, float(distance_slope(network, q, q * gap))


def settled_variance(network, start=1.0):
    """q* of a network of scalar parameters whose variance map rises: the next fixed point from `start`, by brentq."""

    def excess(log_q):
        return float(signal_map(network, np.exp(log_q)).q) / np.exp(log_q) - 1.0

    log_q, step = np.log(start), 0.02 * np.sign(excess(np.log(start)))
    while np.sign(excess(log_q + step)) == np.sign(step):
        log_q += step
    return float(np.exp(brentq(excess, log_q, log_q + step, xtol=1e-15, rtol=1e-14)))
