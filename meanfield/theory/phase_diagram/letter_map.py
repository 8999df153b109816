"""A phase diagram as lines of letters."""

import numpy as np
from numpy.typing import NDArray

from meanfield._types import Floats, Ints
from meanfield.reports.numbers import number

LETTERS = {"ordered": "o", "critical": "=", "chaotic": "c", "unbounded": "u"}
UNDER_NOISE = {"vanishing": "v", "balanced": "=", "exploding": "e", "unbounded": "u"}
COLUMNS, ROWS = 72, 41  # of letters, at most


def letter_map(phase: NDArray[np.str_], sigma_w: Floats, sigma_b: Floats, label: str) -> list[str]:
    """Lines of letters, sigma_w to the right and sigma_b upwards; of a fine grid every second, third … point.

    Examples
    --------
    >>> phases = np.array([["ordered", "ordered"], ["chaotic", "ordered"]])
    >>> print("\\n".join(letter_map(phases, np.array([0.5, 1.5]), np.array([0.0, 1.0]), "tanh")))
    tanh: o ordered, = critical, c chaotic, u unbounded; sigma_w to the right, sigma_b upwards
            1 oo
            0 oc
              0.5 1.5
    """
    across, up = _thinned(sigma_w.size, COLUMNS), _thinned(sigma_b.size, ROWS)
    noisy = any(str(name) not in LETTERS for name in np.unique(phase))
    told = ", ".join(f"{letter} {name}" for name, letter in (UNDER_NOISE if noisy else LETTERS).items())
    about = "noise parts inputs, and gradients are " if noisy else ""
    lines = [f"{label}: {about}{told}; sigma_w to the right, sigma_b upwards"]
    for j in reversed(up):
        letters = "".join({**LETTERS, **UNDER_NOISE}[str(name)] for name in phase[across, j])
        lines.append(f"{number(sigma_b[j]):>9} {letters}")
    ends = number(sigma_w[0]), number(sigma_w[-1])
    return [*lines, f"{'':9} {ends[0]}{ends[1].rjust(max(across.size - len(ends[0]), len(ends[1]) + 1))}"]


def _thinned(size: int, most: int) -> Ints:
    step = -(-size // most)
    return np.arange(0, size, step)
