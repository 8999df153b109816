"""Results of a cross-check: rows of theory against simulation, the verdict, and their description in words."""

import math
from abc import abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

import numpy as np

from meanfield._types import Axes, Floats
from meanfield.cross_check.failure_cause import Cause
from meanfield.json_types import json_types
from meanfield.montecarlo.simulation import Simulation
from meanfield.reports.numbers import number, thinned
from meanfield.reports.report import Report, Table
from meanfield.reports.result import Result
from meanfield.samples import Sample

__all__ = ["CheckResult", "CrossCheck", "Row", "format_z"]

WEIGHTS = {
    **{name: f"weights: {name}" for name in ("sigma_w", "mean", "correlation", "tail")},
    "sigma_b": "biases: sigma_b", "mean of biases": "biases: mean",
}  # fmt: skip
FEW = 8  # networks below which more of them help most


def format_z(z: float) -> str:
    """A z-score with one decimal; the order of magnitude only if |z| ≥ 10⁴."""
    return f"{z:.1f}" if abs(z) < 1e4 else f"{z:.0e}"


@dataclass(frozen=True)
class Row:
    """One quantity at one layer in theory and in simulation.

    Attributes
    ----------
    layer : int
        0 (the input) to depth; for weights, the layer of their output.
    quantity : str
        "q", "one_minus_c", "one_minus_token_c" or "gradient": the attribute of that name of `Simulation` and of
        `Trajectory`. For the weights of a user-defined sampler also "sigma_w", "mean" (in standard deviations of an
        entry), "correlation" (mean squared correlation of two rows or columns, minus its value for independent entries)
        and "tail" (1/α for P(|W| > w) ~ w^−α); for the biases of one "sigma_b" and "mean of biases" (in standard
        deviations of a bias).
    theory : float
        Value at infinite width; for weights, the value for independent entries of the described sigma_w.
    simulation, standard_error : float
        Mean over networks and its standard error.
    z : float
        Deviation beyond the allowance for finite width, in standard errors; > 0 if the simulation exceeds the theory.
    """

    layer: int
    quantity: str
    theory: float
    simulation: float
    standard_error: float
    z: float


@dataclass(frozen=True, repr=False)
class CheckResult(Result):
    """A verdict on rows of theory against simulation; true in a boolean context if it passed.

    Attributes
    ----------
    rows : tuple of Row
        Every quantity at every layer.
    largest_z : float
        The test statistic: the largest |z|.
    threshold : float
        The largest |z| that passes.
    p_value : float
        Probability of at least this `largest_z` if theory and simulation agree.
    alpha : float
        False-alarm rate of the verdict.
    """

    compared: ClassVar[tuple[str, str]] = ("network", "spread")  # headings of what theory is compared with

    rows: tuple[Row, ...]
    largest_z: float
    threshold: float
    p_value: float
    alpha: float

    @property
    def passed(self) -> bool:
        """Whether theory and simulation agree."""
        return self.largest_z <= self.threshold

    @property
    def verdict(self) -> Literal["passed", "failed", "inconclusive"]:
        """The outcome in a word."""
        return "passed" if self.passed else "failed"

    @property
    def worst(self) -> Row:
        """The row with the largest |z|."""
        return max(self.rows, key=lambda row: abs(row.z))

    @property
    def z(self) -> dict[str, Floats]:
        """The z-scores by quantity: one entry for each layer 0 … depth, or for each weight matrix."""
        names = dict.fromkeys(row.quantity for row in self.rows)
        return {name: np.array([row.z for row in self.rows if row.quantity == name]) for name in names}

    @property
    @abstractmethod
    def summary(self) -> str:
        """The verdict in one sentence."""

    def report(self) -> Report:
        """The rows of about twenty layers, with the worst of all, and the verdict."""
        shown = set(thinned(max(row.layer for row in self.rows), [self.worst.layer]))
        rows = tuple(
            (
                str(row.layer),
                {"one_minus_c": "1 - c", "one_minus_token_c": "1 - token_c", **WEIGHTS}.get(row.quantity, row.quantity),
                number(row.theory),
                number(row.simulation),
                f"{row.standard_error:.1g}",
                f"{row.z:.1f}".replace("-0.0", "0.0"),
            )
            for row in self.rows
            if row.layer in shown and (row.quantity not in WEIGHTS or abs(row.z) > self.threshold)
        )
        return [Table(("layer", "quantity", "theory", *self.compared, "z"), rows), self.summary]

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw theory and simulation by layer, and return the Axes: see `plot_crosscheck`.

        `label` and `title` are both put above the figure.
        """
        from meanfield.plotting.axes import named
        from meanfield.plotting.crosscheck import plot_crosscheck

        heading = ": ".join(text for text in (title, label) if text is not None)
        return named(plot_crosscheck(self, ax), None, heading or None)

    def to_dict(self) -> dict[str, Any]:
        """The verdict and its rows in JSON types; infinities become None."""
        names = ("passed", "verdict", "summary", *(field.name for field in fields(CheckResult)))
        converted: dict[str, Any] = json_types({name: getattr(self, name) for name in names})
        return converted

    def _compared(self) -> str:
        return f"largest |z| = {format_z(self.largest_z)}, {format_z(self.threshold)} allowed"

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.summary}>"


@dataclass(frozen=True, repr=False)
class CrossCheck(CheckResult):
    """The outcome of `crosscheck`; true in a boolean context if it passed.

    Attributes
    ----------
    rows : tuple of Row
        Every quantity at every layer.
    largest_z : float
        The test statistic: the largest |z| of all rows and of all sums over layers.
    threshold : float
        The largest |z| that passes.
    p_value : float
        Probability of at least this `largest_z` if theory and simulation agree.
    alpha : float
        False-alarm rate of the verdict.
    sigma_w : Sample
        The factor on sigma_w that best explains the deviations of all signals; 1 if theory and simulation agree.
    sigma_w_z : float
        The z-score of its deviation from 1.
    detectable : float
        The relative error of sigma_w that such a simulation detects with probability one half; `inf` above 100 %.
    cause : Cause or None
        The quantity and the layers that best explain a failure: ``cause.quantity``, ``cause.layers``, ``cause.text``.
    simulation : Simulation
        The simulated networks.
    decides : bool
        Whether the check could have failed: whether it detects at least an error of 100 % in sigma_w, if signals depend
        on sigma_w at all.
    """

    compared = ("simulation", "standard error")

    sigma_w: Sample
    sigma_w_z: float
    detectable: float
    cause: Cause | None
    simulation: Simulation
    decides: bool = True

    @property
    def passed(self) -> bool:
        """Whether theory and simulation agree, the draws are independent, and the check could have failed."""
        return self.verdict == "passed"

    @property
    def verdict(self) -> Literal["passed", "failed", "inconclusive"]:
        """The outcome: "inconclusive" where nothing failed but not even an error of 100 % in sigma_w would have."""
        return "failed" if self.cause is not None else "passed" if self.decides else "inconclusive"

    @property
    def summary(self) -> str:
        """The verdict in one sentence."""
        run, factor = self.simulation, self.sigma_w
        if self.cause is not None and self.cause.quantity == "draws":
            return f"failed: {run.size}, are not independent: {self.cause.text}"
        if self.verdict == "inconclusive":
            advice = "take more networks" if run.networks < FEW else "take more width or less depth"
            return (
                f"inconclusive: {run.size}, would not show an error of 100 % in sigma_w ({self._compared()}): {advice}"
            )
        if self.cause is None:
            seen = f"an error of {self.detectable:.1%}" if math.isfinite(self.detectable) else "no error"
            return f"passed: {run.size}, agree with theory ({self._compared()}; {seen} in sigma_w would show)"
        scale = (
            f"signals are as if sigma_w were {factor.mean:.3f} ± {factor.standard_error:.3f} times what is described"
        )
        return f"failed: {run.size}, differ from theory: {self.cause.text} ({self._compared()}); {scale}"

    def report(self) -> Report:
        """The rows of about twenty layers, with the worst of all, what was found about the weights, and the verdict."""
        *table, verdict = super().report()
        blamed = self.cause is not None and self.cause.quantity in (*WEIGHTS, "draws")
        if "sigma_w" in self.z and not blamed:
            table.append("sigma_w, mean, correlation and tail of the matrices are as described")
        return [*table, verdict]

    def to_dict(self) -> dict[str, Any]:
        """Everything except the values of single networks, in JSON types; infinities become None."""
        run = self.simulation
        return {
            **super().to_dict(),
            "sigma_w_factor": float(self.sigma_w.mean),
            "sigma_w_factor_standard_error": float(self.sigma_w.standard_error),
            "sigma_w_z": self.sigma_w_z,
            "detectable": json_types(self.detectable),
            "cause": json_types(self.cause),
            "depth": run.depth,
            "width": run.width if len(set(run.widths)) == 1 else list(run.widths),
            "networks": run.networks,
            "dtype": run.dtype,
        }
