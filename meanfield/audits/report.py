"""The outcome of an audit: a verdict, its findings and its rows, as text, JSON types, a figure and a page."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from os import PathLike
from typing import Any

from meanfield._types import Axes
from meanfield.archive import written
from meanfield.audits.finding import SEVERITIES, Finding
from meanfield.audits.page import page
from meanfield.audits.row import Row
from meanfield.json_types import json_types

OF_WEIGHT = ("name", "role", "shape", "fan_in", "fan_out", "std", "sigma_w", "scheme")


@dataclass(frozen=True, repr=False)
class Audit:
    """The outcome of `meanfield.torch.audit`; true in a boolean context if it passed.

    Attributes
    ----------
    rows : tuple of Row
        One for each module, in the order in which they ran.
    findings : tuple of Finding
        What was found, errors first.
    alpha : float
        False-alarm rate of the verdict.
    largest_z, threshold : float
        The largest |z| of a row against redrawn networks, and the value from which on it is an error: the one that
        normal logarithms exceed by chance at half the rate `alpha`, or, if it is larger, 1.25 times the largest |z| of
        a redrawn network against the others. nan without redraws.
    redraws : int
        Number of networks with redrawn weights.
    model : str
        Class of the model.
    before : str
        The zero-initialised head before which gradients start; empty where they start at the output.
    stops : mapping of str to str
        Modules at which theory stops and goes on from measured values, and why.
    """

    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    alpha: float
    largest_z: float
    threshold: float
    redraws: int
    model: str
    before: str = ""
    stops: Mapping[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether no finding is an error."""
        return not any(one.severity == "error" for one in self.findings)

    @property
    def worst(self) -> Finding | None:
        """The first of the gravest findings; None if nothing was found."""
        return self.findings[0] if self.findings else None

    def __bool__(self) -> bool:
        return self.passed

    @property
    def verdict(self) -> str:
        """The verdict in one sentence."""
        counts = Counter(one.severity for one in self.findings)
        found = ", ".join(f"{counts[s]} {s}{'s' * (counts[s] != 1)}" for s in SEVERITIES if counts[s]) or "no findings"
        against = f", compared with {self.redraws} redrawn networks" if self.redraws else ""
        worst = "" if self.passed or self.worst is None else f"; first {self.worst.module}: {self.worst.text}"
        state = "passed" if self.passed else "failed"
        return f"{state}: {self.model}, {len(self.rows)} modules{against}: {found}{worst}"

    def summary(self) -> str:
        """The verdict, the findings and a table of all rows, as text."""
        lines = [self.verdict, *(f"- {one}" for one in self.findings[self.worst is not None and not self.passed :])]
        head = ("module", "kind", "sigma_w", "scheme", "second moment", "theory", "gradient", "theory", "correlation")
        cells = [head, *(_cells(row) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines += ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells]
        modules: dict[str, list[str]] = {}
        for module, why in self.stops.items():
            modules.setdefault(why, []).append(module or "(model)")
        for why, where in modules.items():
            more = f" and {len(where) - 1} more" if len(where) > 1 else ""
            lines.append(f"theory goes on from measured values at {where[0]}{more}: {why}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"Audit({self.verdict})"

    def to_dict(self) -> dict[str, Any]:
        """The verdict, the findings and the rows in JSON types; numbers that are not finite are None."""
        rows = []
        for row in self.rows:
            own = {f.name: getattr(row, f.name) for f in fields(row) if f.name != "weights"}
            weights = [{name: getattr(weight, name) for name in OF_WEIGHT} for weight in row.weights]
            rows.append({**own, "weights": weights})
        said = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("rows", "findings")}
        found = {"passed": self.passed, "verdict": self.verdict, **said, "findings": self.findings, "rows": rows}
        converted: dict[str, Any] = json_types(found)
        return converted

    def to_flat_dict(self, prefix: str = "audit/") -> dict[str, float]:
        """Numbers by name, as loggers of experiments take them: the verdict, counts of findings, moments by module."""
        counts = Counter(one.severity for one in self.findings)
        flat = {"passed": float(self.passed), **{f"{severity}s": float(counts[severity]) for severity in SEVERITIES}}
        for row in self.rows:
            for name in ("second_moment", "mean", "correlation", "gradient", "sigma_w"):
                if math.isfinite(value := getattr(row, name)):
                    flat[f"{row.module}/{name}"] = value
        return {prefix + name: value for name, value in flat.items()}

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Second moments and squared gradients by module, with theory and bands.

        Parameters
        ----------
        ax : Axes, optional
            Two Axes to draw into; by default new ones, of which ``[0].figure`` is the figure.
        label : str, optional
            Name of the model in the legend.
        title : str, optional
            Title of the figure.

        Returns
        -------
        array of two Axes
        """
        from meanfield.audits.figure import draw

        return draw(self.rows, ax, label=label, title=title or self.model)

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write one HTML file with the verdict, the findings, the figure and all rows; it loads nothing from elsewhere.

        Parameters
        ----------
        path : str or Path
            The file.

        Raises
        ------
        InvalidInput
            If `path` is no path.
        OSError
            If the file cannot be written.
        """
        text = page(self.model, self.verdict, self.findings, self.rows, self.plot().flat[0].figure)
        written(path, text.encode())


def _cells(row: Row) -> tuple[str, ...]:
    def number(value: float) -> str:
        return "" if math.isnan(value) else f"{value:.3g}"

    scheme = row.scheme if len(row.scheme) < 40 else f"{row.scheme[:39]}…"
    moments = (row.second_moment, row.predicted_second_moment, row.gradient, row.predicted_gradient, row.correlation)
    return row.module or "(model)", row.kind, number(row.sigma_w), scheme, *map(number, moments)
