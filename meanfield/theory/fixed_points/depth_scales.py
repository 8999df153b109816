"""Depth scales ξ = −1/ln(factor a layer), Schoenholz et al. 2017 (arXiv:1611.01232), eqs. 7–9 and 18."""

import numpy as np

from meanfield._types import Floats

CRITICAL = 1e-9  # a factor within this of 1 is 1: ten times the error that parameters given to ten digits make


def depth_scale(factor: Floats, critical: float = CRITICAL) -> Floats:
    """−1/ln of the absolute factor, in layers; inf within `critical` of 1, negative where larger, 0 at 0 and inf."""
    size = np.abs(factor)
    with np.errstate(divide="ignore"):
        return np.where(np.abs(size - 1) <= critical, np.inf, 0.0 - 1.0 / np.log(size))
