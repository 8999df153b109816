"""Points that show the narrow features of a formula to methods that only sample it."""

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.discs.panels import Proof
from meanfield.numerics.discs.program import Program
from meanfield.numerics.quadrature.grid import REACH

SHORT = 0.1  # panels of less than this length, in units of the scale, have what samples may miss
APART = 4  # half octaves between the scales on which a formula is proven
INSIDE = np.array([-0.7, 0.0, 0.7])  # places in such a panel


class Features:
    """Points where the values of a formula show what happens on the short ones of the panels that prove its integral.

    Parameters
    ----------
    program : Program
        The formula.
    index : int
        Its last instruction.
    """

    def __init__(self, program: Program, index: int) -> None:
        self.program, self.index = program, index
        self._known: dict[int, Floats] = {}

    def __call__(self, reach: float, breakpoints: tuple[float, ...]) -> Floats:
        """Points with |x| ≤ reach, ascending; none where nothing can be proven. `breakpoints` are hints."""
        octave = APART * int(np.ceil(2 * np.log2(reach / REACH) / APART))
        if octave not in self._known:
            scale = 2.0 ** (octave / 2)
            with np.errstate(all="ignore"):
                proof = Proof(self.program, self.index, "f", scale, breakpoints)
                proven = proof.refine(np.array([scale * scale]), np.zeros(1))
            a, b = proof.panels.a, proof.panels.b
            short = np.isfinite(proof.panels.bound) & (b - a < SHORT * scale) & proven
            middle, half = 0.5 * (a + b)[short], 0.5 * (b - a)[short]
            self._known[octave] = (middle[:, None] + half[:, None] * INSIDE).ravel()
        points = self._known[octave]
        return points[np.abs(points) <= reach]
