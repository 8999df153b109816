"""The activation d·(φ(ax + b) + c), with what is known of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from meanfield._types import ArrayFunction, Floats
from meanfield.activations.activation import Activation
from meanfield.activations.catalogue.table import ENTRIES
from meanfield.estimates import Estimate
from meanfield.json_types import json_types
from meanfield.numerics.quadrature.one_gaussian import moment
from meanfield.read_only import ReadOnly
from meanfield.reports.report import Report, Table
from meanfield.reports.result import Result
from meanfield.shaping.snippets import Numbers, snippets

__all__ = ["Branch", "TransformedActivation"]

EPS = float(np.finfo(float).eps)
PARAMETERS = ("input_scale", "input_shift", "output_shift", "output_scale")
LETTER = re.compile(r"\bx\b")


@dataclass(frozen=True)
class Branch:
    """One of several solutions: the parameters of d·(φ(ax + b) + c).

    Attributes
    ----------
    input_scale, input_shift, output_shift, output_scale : float
        a, b, c and d.
    origin : float
        Limit of b for deep networks.
    mean_sign : int
        1 if the mean of the activation has the sign of E z φ′ (or is 0, by DKS), else −1.
    """

    input_scale: float
    input_shift: float
    output_shift: float
    output_scale: float
    origin: float = 0.0
    mean_sign: int = 1


class Shaped:
    """A function x ↦ d·(f(ax + b) + c), also of derivatives; it is pickled with the function f."""

    def __init__(self, inner: ArrayFunction, shape: Branch, *, derivative: bool = False) -> None:
        self.inner, self.shape = inner, shape
        a, c, d = shape.input_scale, shape.output_shift, shape.output_scale
        self.factor, self.offset = (a * d, 0.0) if derivative else (d, c)
        lost = max(
            1.0, abs(self.factor * self.offset) / 8
        )  # the difference f + c cancels, and d magnifies its rounding
        self.precision = float(getattr(inner, "precision", EPS)) * lost

    def __call__(self, x: Floats) -> Floats:
        """Values at `x`, of any shape."""
        return np.asarray(self.factor * (self.inner(self.shape.input_scale * x + self.shape.input_shift) + self.offset))


@dataclass(frozen=True, eq=False, repr=False)
class TransformedActivation(Activation, Result):
    """An activation d·(φ(ax + b) + c) that `meanfield.transform` made; it goes wherever an activation goes.

    Attributes
    ----------
    original : Activation
        φ; of the leaky-ReLU forms, the leaky ReLU of slope `negative_slope`.
    method : str
        "dks" or "tat".
    input_scale, input_shift, output_shift, output_scale : float
        a, b, c and d.
    local_slope : float or None
        C′(1) of one layer by DKS; 1 by TAT, and None for its leaky form.
    local_curvature : float or None
        C″(1) of one layer by TAT; None by DKS and for the leaky form.
    negative_slope : float or None
        Slope of the leaky ReLU below its kink; None for other activations.
    targets : mapping
        The conditions at q = 1, and the values that they ask for.
    """

    original: Activation | None = None
    method: str = "dks"
    input_scale: float = 1.0
    input_shift: float = 0.0
    output_shift: float = 0.0
    output_scale: float = 1.0
    local_slope: float | None = None
    local_curvature: float | None = None
    negative_slope: float | None = None
    targets: Mapping[str, float] = field(default_factory=lambda: ReadOnly({}))
    others: Any = None  # a function that finds every branch

    @property
    def shape(self) -> Branch:
        """The four numbers a, b, c, d."""
        return Branch(self.input_scale, self.input_shift, self.output_shift, self.output_scale)

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """Every solution of the conditions that is found, the one of the literature first."""
        return (self.shape,) if self.others is None else tuple(self.others())

    @cached_property
    def conditions(self) -> Mapping[str, Estimate]:
        """Q(1), Q′(1), C(0), C′(1) and C″(1) as far as they are asked for, by quadrature over this activation."""
        return {name: self._condition(name) for name in self.targets}

    def _condition(self, name: str) -> Estimate:
        product = {"Q(1)": "ff", "Q'(1)": "xfd", "C(0)": "f", "C'(1)": "dd", "C''(1)": "ss"}[name]
        return moment(self.pieces, product, 1.0)

    @property
    def residual(self) -> float:
        """Upper bound on the largest difference of a condition from its target."""
        differences = (abs(one.value - self.targets[name]) + one.error for name, one in self.conditions.items())
        return float(max(differences))

    @property
    def snippets(self) -> Mapping[str, str]:
        """Code that defines the activation, for "torch", "jax", "keras" and "numpy", as far as they have φ."""
        phi = self.original
        if phi is None or not phi.entry or not self._usual(phi):
            return ReadOnly({})
        return snippets(phi.entry, Numbers(*self._numbers), self.negative_slope, self.name)

    def _usual(self, phi: Activation) -> bool:
        """Whether φ has the parameters that the functions of the libraries have by default."""
        return self.negative_slope is not None or dict(phi.parameters) == dict(ENTRIES[phi.entry].values({}))

    def to_dict(self) -> dict[str, Any]:
        """The numbers in JSON types."""
        names = ("name", "method", *PARAMETERS, "local_slope", "local_curvature", "negative_slope", "residual")
        found: dict[str, Any] = json_types({name: getattr(self, name) for name in names})
        return found

    def report(self) -> Report:
        """The formula, the parameters, and how well the conditions hold."""
        a, b, c, d = (f"{value:.6g}" for value in self._numbers)
        named = zip(
            (f"{name} {letter}" for name, letter in zip(PARAMETERS, "abcd", strict=True)), self._numbers, strict=True
        )
        rows = [(name, f"{value:.15g}") for name, value in named]
        targets = [(name, getattr(self, name)) for name in ("negative_slope", "local_slope", "local_curvature")]
        rows += [(name, f"{value:.15g}") for name, value in targets if value is not None]
        rows += [(name, str(estimate)) for name, estimate in self.conditions.items()]
        rows += [("solutions", str(len(self.branches)))]
        return [f"{self.name}: {d}·(φ({a}·x + {b}) + {c})".replace("+ -", "− "), Table((), tuple(rows))]

    @property
    def _numbers(self) -> tuple[float, float, float, float]:
        return self.input_scale, self.input_shift, self.output_shift, self.output_scale

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value:.6g}" for name, value in zip(PARAMETERS, self._numbers, strict=True))
        return f"TransformedActivation({self.name!r}, {told})"


def formula_of(phi: Activation, shape: Branch) -> str:
    """d·(φ(ax + b) + c) as text, or "" if φ has none."""
    if not phi.formula:
        return ""
    inside = LETTER.sub(f"({shape.input_scale!r}*x + ({shape.input_shift!r}))", phi.formula)
    return f"{shape.output_scale!r}*(({inside}) + ({shape.output_shift!r}))"
