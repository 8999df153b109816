"""The rows of a critical line."""

from typing import NamedTuple

from meanfield._types import Bools, Floats


class Rows(NamedTuple):
    """The columns of a `CriticalLine`, one entry a solution of χ₁ = 1."""

    sigma_b: Floats
    sigma_w: Floats
    q: Floats
    chi_parallel: Floats
    stable: Bools
    error: Floats  # bound on the error of sigma_w
