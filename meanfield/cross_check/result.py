"""What a cross-check found, as numbers and in words."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.cross_check.failure_cause import Cause
from meanfield.estimates import Sample
from meanfield.montecarlo.simulation import Simulation

__all__ = ["CrossCheck", "Row", "shown"]


def shown(z: float) -> str:
    """A z with one decimal, or what is far beyond all doubt in few characters."""
    return f"{z:.1f}" if abs(z) < 1e4 else f"{z:.0e}"


@dataclass(frozen=True)
class Row:
    """One quantity at one layer: theory, simulation, and how far apart they are.

    Attributes
    ----------
    layer : int
        0 (the input) to depth; for weights, the layer that they lead to.
    quantity : str
        What is compared. "q", "one_minus_c" or "gradient": the attribute of that name of `Simulation` and of
        `Trajectory`. Of a sampler's weights also "sigma_w", "mean" (in standard deviations of an entry) and
        "correlation" (the mean square of that of two rows or columns, beyond that of independent entries).
    theory : float
        Value at infinite width, or of independent weights as described.
    simulation, standard_error : float
        Mean over the networks and its standard error.
    z : float
        Difference beyond what finite width explains, in standard errors; > 0 where the simulation is above the theory.
    """

    layer: int
    quantity: str
    theory: float
    simulation: float
    standard_error: float
    z: float


@dataclass(frozen=True, repr=False)
class CrossCheck:
    """The outcome of `crosscheck`; true in a condition if it passed.

    Attributes
    ----------
    rows : tuple of Row
        Every quantity at every layer.
    largest_z : float
        The largest |z|, those of sums over all layers among them: what the verdict is on.
    threshold : float
        The largest |z| that passes.
    p_value : float
        Chance of a |z| at least as large as the largest one, if theory and simulation agree.
    alpha : float
        False-alarm rate of the verdict.
    sigma_w : Sample
        The factor on sigma_w that best explains the differences of all signals together; 1 if nothing is wrong.
    sigma_w_z : float
        How far that is from 1, as the z of a row.
    detectable : float
        The relative error in sigma_w that half of all simulations like this one detect; `inf` if above 100 %.
    cause : Cause or None
        The quantity and the layers that explain a failure best: ``cause.quantity``, ``cause.layers``, ``cause.text``.
    simulation : Simulation
        The simulated side.
    """

    rows: tuple[Row, ...]
    largest_z: float
    threshold: float
    p_value: float
    alpha: float
    sigma_w: Sample
    sigma_w_z: float
    detectable: float
    cause: Cause | None
    simulation: Simulation

    @property
    def passed(self) -> bool:
        """Whether theory and simulation agree."""
        return self.largest_z <= self.threshold

    @property
    def worst(self) -> Row:
        """The row with the largest |z|."""
        return max(self.rows, key=lambda row: abs(row.z))

    @property
    def z(self) -> dict[str, Floats]:
        """The z of every layer by quantity: arrays of depth + 1 of signals, and one entry a matrix of weights."""
        names = dict.fromkeys(row.quantity for row in self.rows)
        return {name: np.array([row.z for row in self.rows if row.quantity == name]) for name in names}

    @property
    def summary(self) -> str:
        """The verdict in one sentence."""
        run, factor = self.simulation, self.sigma_w
        z = f"largest |z| = {shown(self.largest_z)}, {shown(self.threshold)} allowed"
        if self.cause is None:
            seen = (
                f"an error of {self.detectable:.1%}" if math.isfinite(self.detectable) else "not even an error of 100 %"
            )
            return f"passed: {run.size}, agree with theory ({z}; {seen} in sigma_w would show)"
        scale = (
            f"signals are as if sigma_w were {factor.mean:.3f} ± {factor.standard_error:.3f} times what is described"
        )
        return f"failed: {run.size}, differ from theory: {self.cause.text} ({z}); {scale}"

    def plot(self, ax: Any = None) -> Any:
        """Draw theory and simulation by layer, and return the Axes: see `plot_crosscheck`."""
        from meanfield.plotting.crosscheck import plot_crosscheck

        return plot_crosscheck(self, ax)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the single networks' values, in JSON's types; an infinite `detectable` becomes None."""
        run = self.simulation
        return {
            "passed": self.passed,
            "summary": self.summary,
            "p_value": self.p_value,
            "alpha": self.alpha,
            "largest_z": self.largest_z,
            "threshold": self.threshold,
            "sigma_w_factor": float(self.sigma_w.mean),
            "sigma_w_factor_standard_error": float(self.sigma_w.standard_error),
            "sigma_w_z": self.sigma_w_z,
            "detectable": self.detectable if math.isfinite(self.detectable) else None,
            "cause": None if self.cause is None else asdict(self.cause),
            "depth": run.depth,
            "width": run.width if len(set(run.widths)) == 1 else list(run.widths),
            "networks": run.networks,
            "dtype": run.dtype,
            "rows": [asdict(row) for row in self.rows],
        }

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"<CrossCheck {self.summary}>"
