"""The phases of a repeated block, by what its correlations and gradients do.

Where equal inputs stay equal, χ₁ decides about both: below 1 all inputs come to agree and gradients vanish, above 1
inputs part and gradients explode (Poole et al. 2016, arXiv:1606.05340; Schoenholz et al. 2017, arXiv:1611.01232). Where
noise parts equal inputs, as dropout does, c = 1 is no fixed point: correlations settle at some c* < 1 for every σ_w,
nothing is critical, and χ₁ is about gradients alone. The phases of such blocks have names of their own.
"""

import numpy as np
from numpy.typing import NDArray

from meanfield._types import Bools, Floats

ORDERED, AT_CRITICALITY, CHAOTIC = "ordered", "critical", "chaotic"  # χ₁ < 1, χ₁ = 1, χ₁ > 1
VANISHING, BALANCED, EXPLODING = "vanishing", "balanced", "exploding"  # the same of gradients under noise
UNBOUNDED = "unbounded"  # q grows without limit

#: What each phase means, in the order of figures and maps of letters.
PHASES = {
    ORDERED: "inputs come to agree, gradients vanish",
    AT_CRITICALITY: "gradients keep their size",
    CHAOTIC: "inputs part, gradients explode",
    VANISHING: "noise parts inputs, gradients vanish",
    BALANCED: "noise parts inputs, gradients keep their size",
    EXPLODING: "noise parts inputs, gradients explode",
    UNBOUNDED: "the second moment grows without limit",
}
#: What they mean of the tokens of one sequence.
TOKEN_PHASES = {
    ORDERED: "tokens become equal, gradients vanish",
    CHAOTIC: "tokens stay apart, gradients explode",
    VANISHING: "tokens stay apart, gradients vanish",
    EXPLODING: "tokens become equal, gradients explode",
}


def phases(q: Floats, chi_1: Floats, parting: Floats, noisy: Bools, critical: float) -> NDArray[np.str_]:
    """The phase of each network, arrays of shape (networks,).

    Parameters
    ----------
    q, chi_1 : ndarray
        q* and χ₁ there.
    parting : ndarray
        Slope of the correlation map at c = 1, where that is a fixed point.
    noisy : ndarray of bool
        Whether noise parts equal inputs.
    critical : float
        Factors within this of 1 are 1.
    """
    factor = np.where(noisy, chi_1, parting)
    below, at, above = (
        np.where(noisy, *names) for names in ((VANISHING, ORDERED), (BALANCED, AT_CRITICALITY), (EXPLODING, CHAOTIC))
    )
    phase = np.where(np.abs(factor - 1) <= critical, at, np.where(factor < 1, below, above))
    return np.where(np.isinf(q), UNBOUNDED, phase)


def token_phases(q: Floats, chi_1: Floats, gap: Floats, critical: float) -> NDArray[np.str_]:
    """The phase of each network for the tokens of one sequence, which settle at 1 − token_c = `gap`."""
    equal = gap == 0
    below, above = np.where(equal, ORDERED, VANISHING), np.where(equal, EXPLODING, CHAOTIC)
    phase = np.where(np.abs(chi_1 - 1) <= critical, AT_CRITICALITY, np.where(chi_1 < 1, below, above))
    return np.where(np.isfinite(q), phase, UNBOUNDED)
