"""The activation function φ: its values, derivative, breakpoints and symmetry, and its Gaussian moments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import ArrayFunction, Bools, Expression, Floats
from meanfield.activations.catalogue.table import ENTRIES
from meanfield.activations.closed_forms import closed_form
from meanfield.activations.closed_forms.wave_formulas import form_of_function
from meanfield.activations.formulas.formula_function import FormulaFunction
from meanfield.activations.formulas.parse import parse
from meanfield.activations.formulas.straight_line import StraightLine, program_of
from meanfield.activations.formulas.symmetry import symmetry_of
from meanfield.activations.moments import Moments
from meanfield.activations.symmetry import UNKNOWN, Symmetry
from meanfield.arguments import entries, positive
from meanfield.error_state import own_error_state
from meanfield.numerics.discs.features import Features
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth
from meanfield.plotting.activation import Drawn
from meanfield.read_only import ReadOnly

__all__ = ["Activation"]
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Activation(Drawn):
    """An activation function φ with its derivative, breakpoints, symmetry and moments.

    Make one with `meanfield.activation`, which accepts names, text, callables and expressions.

    Attributes
    ----------
    function : callable
        φ on float64 arrays of any shape.
    name : str
        How it is called in tables, messages and figures.
    derivative_function : callable or None
        φ′ on arrays, with either one-sided value at a breakpoint; None if unknown.
    declared_breakpoints : tuple of float or None
        Where φ or one of its derivatives is not continuous, jumps included; if None, they are searched for
        numerically.
    declared_jumps : tuple of float
        Where φ itself is not continuous: a subset of the breakpoints.
    parameters : mapping
        The parameters it was made with, as `negative_slope`.
    formula : str
        φ(x) as text that `meanfield.activation` understands, or "" if there is none.
    source : str
        Who introduced it, as author and year with an identifier.
    entry : str
        The name of its row in the catalogue, or "": closed forms and symmetry are looked up by it, not by `name`.
    mode : str
        "training" or "eval" of a torch module whose values depend on its mode, else "".
    surrogate : Activation or None
        The function g that takes the place of φ′ in backward passes, or None if φ′ itself does.

    Examples
    --------
    >>> import meanfield as mf
    >>> phi = mf.activation("leaky_relu", negative_slope=0.2)
    >>> phi([-1.0, 2.0])
    array([-0.2,  2. ])
    >>> phi.derivative([-1.0, 2.0])
    array([0.2, 1. ])
    >>> phi.breakpoints, phi.jumps
    ((0.0,), ())
    """

    function: ArrayFunction
    name: str
    derivative_function: ArrayFunction | None = None
    declared_breakpoints: tuple[float, ...] | None = None
    declared_jumps: tuple[float, ...] = ()
    parameters: Mapping[str, float] = field(default_factory=lambda: ReadOnly({}))
    formula: str = ""
    source: str = ""
    entry: str = ""
    mode: str = ""
    surrogate: "Activation | None" = None

    def __post_init__(self) -> None:
        # One line of printable text: names go into messages, tables and comments of generated code.
        object.__setattr__(self, "name", " ".join("".join(c if c.isprintable() else " " for c in self.name).split()))

    def __call__(self, x: ArrayLike) -> Floats:
        """φ(x), elementwise, in float64."""
        return self.function(entries(x, "x"))

    @own_error_state
    def derivative(self, x: ArrayLike) -> Floats:
        """φ′(x), elementwise; exact where φ came with its derivative, else from a piecewise interpolant of φ."""
        x = entries(x, "x")
        if self.derivative_function is not None:
            return self.derivative_function(x)
        return self.pieces.derivative(x)

    def backward(self, x: ArrayLike) -> Floats:
        """What a backward pass multiplies gradients by at `x`, elementwise: the `surrogate`, or else φ′."""
        return self.derivative(x) if self.surrogate is None else self.surrogate(x)

    def backward_moment(self, q: ArrayLike) -> tuple[Floats, Floats]:
        """E g(√q Z)² of the `surrogate` g, or else E φ′(√q Z)², and bounds on errors; shapes of `q`.

        Raises InfiniteDerivative if φ jumps and has no surrogate.
        """
        return self.moments.derivative_moment(q) if self.surrogate is None else self.surrogate.moments.second_moment(q)

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Where φ or one of its derivatives is not continuous (jumps included), in ascending order."""
        return self.pieces.breakpoints

    @property
    def jumps(self) -> tuple[float, ...]:
        """Where φ itself is not continuous, in ascending order."""
        return self.pieces.jumps

    @cached_property
    def _symmetry(self) -> Symmetry:
        if self.entry:
            return ENTRIES[self.entry].symmetry_at(self.parameters)
        if isinstance(self.function, FormulaFunction):
            return symmetry_of(self.function.expression)
        return UNKNOWN

    @property
    def is_odd(self) -> bool | None:
        """Whether φ(−x) = −φ(x) for every x, so that E φ(√q Z) = 0 at every q; None if that is not known.

        Known of names from the catalogue, with their parameters, and of most formulas, by algebra. Nothing is known of
        a callable, since values at some points do not tell what it does elsewhere: ask `has_zero_mean` at the q in
        question. Values at single points, as of sign(0), do not count, here and in the properties below.

        Examples
        --------
        >>> import meanfield as mf
        >>> mf.activation("hardtanh", min_val=-7, max_val=7).is_odd
        True
        >>> mf.activation("hardtanh", min_val=-7, max_val=20).is_odd
        False
        >>> print(mf.activation(lambda x: x**3).is_odd)
        None
        """
        return self._symmetry.odd

    @property
    def is_even(self) -> bool | None:
        """Whether φ(−x) = φ(x) for every x, so that E φ′(√q Z) = 0 at every q; None if that is not known."""
        return self._symmetry.even

    @property
    def is_scale_invariant(self) -> bool | None:
        """Whether φ(ax) = aφ(x) for every x and every a > 0: a line on each side of 0; None if that is not known.

        The zero function is scale-invariant too, and constant.

        Examples
        --------
        >>> import meanfield as mf
        >>> mf.activation("prelu").is_scale_invariant, mf.activation("max(x, 0) + x").is_scale_invariant
        (True, True)
        """
        return self._symmetry.scale_invariant

    @property
    def is_constant(self) -> bool | None:
        """Whether φ takes one value only, so that Var φ(√q Z) = 0 at every q; None if that is not known."""
        return self._symmetry.constant

    @own_error_state
    def has_zero_mean(self, q: ArrayLike) -> Bools:
        """Whether E φ(√q Z) is zero at each q ≥ 0, as second moments see it; an array of the shape of `q`.

        It is where φ `is_odd`, and else where E φ² and Var φ = E φ² − (E φ)² agree within the bound on the error of
        E φ². So an odd callable has zero mean at every q, and a function that is odd only up to some |x| at those q
        at which what lies beyond adds less than rounding does.

        Examples
        --------
        >>> import meanfield as mf
        >>> mf.activation("hardtanh", min_val=-7, max_val=20).has_zero_mean([1.0, 400.0])
        array([ True, False])
        """
        q = positive(q, "q", zero=True)
        if self.is_odd:
            return np.ones(q.shape, dtype=np.bool_)
        (mean, error), (second, second_error) = self.moments.mean(q), self.moments.second_moment(q)
        return np.asarray((np.abs(mean) + error) ** 2 <= second_error + EPS * second)

    @own_error_state
    def looks_scale_invariant(self, q: ArrayLike) -> Bools:
        """Whether φ(ax) = aφ(x) for a > 0, as second moments see it at each q ≥ 0; an array of the shape of `q`.

        It is where φ `is_scale_invariant`, and else where E (Xφ′ − φ)² and dV/d ln q − V are zero within the bounds on
        their errors, with X = √q Z and V = E φ². Every φ without a constant term does at a q so small that only its
        slopes at 0 count: ask at several q.

        Examples
        --------
        >>> import meanfield as mf
        >>> mf.activation(lambda x: max(x, 0.1 * x)).looks_scale_invariant([0.01, 1.0, 1e6])
        array([ True,  True,  True])
        >>> mf.activation("softsign").looks_scale_invariant([0.01, 1.0])
        array([False, False])
        """
        q = positive(q, "q", zero=True)
        if self.is_scale_invariant:
            return np.ones(q.shape, dtype=np.bool_)
        if self.jumps:
            return np.zeros(q.shape, dtype=np.bool_)
        moments = self.moments
        defect, defect_error = moments.euler_defect(q)
        (second, error), (slope, slope_error) = moments.second_moment(q), moments.second_moment_slope(q)
        linear = np.abs(q * slope - second) <= error + q * slope_error + 4 * EPS * second
        return np.asarray(linear & (defect <= defect_error))

    @own_error_state
    def varies(self, q: ArrayLike) -> Bools:
        """Whether Var φ(√q Z) is positive at each q ≥ 0, beyond the bound on its error; an array of the shape of `q`.

        False where φ `is_constant`, and where float64 does not tell it from a constant: at q = 0, and where all of its
        variation lies many standard deviations √q away.

        Examples
        --------
        >>> import meanfield as mf
        >>> mf.activation("where(x > 50, x, 1)").varies([1.0, 400.0])
        array([False,  True])
        """
        q = positive(q, "q", zero=True)
        if self.is_constant:
            return np.zeros(q.shape, dtype=np.bool_)
        variance, error = self.moments.variance(q)
        return np.asarray(variance > error)

    @cached_property
    def expression(self) -> Expression:
        """φ as a sympy expression in the symbol ``x``, or None where no formula is known."""
        return parse(self.formula) if self.formula else None

    @cached_property
    def _program(self) -> StraightLine | None:
        return program_of(self.formula, self.function)

    @cached_property
    def pieces(self) -> PiecewiseSmooth:
        """φ cut into smooth pieces, with its values at quadrature nodes: the integrand of every moment."""
        program = self._program
        return PiecewiseSmooth(
            self.function,
            self.derivative_function,
            self.declared_breakpoints,
            self.declared_jumps,
            unknown=not (self.entry or isinstance(self.function, FormulaFunction)),
            features=Features(*program) if program and not self.entry else None,
            name=self.name,
            precision=self.precision,
            derivative_precision=getattr(self.derivative_function, "precision", EPS),
        )

    @property
    def parts(self) -> "tuple[tuple[float, Activation], ...]":
        """The functions of the units with their shares of the units: φ alone, unless the units differ."""
        return ((1.0, self),)

    @property
    def evaluations(self) -> int:
        """Number of points at which φ and its surrogate have been evaluated for their moments."""
        own = sum(part.pieces.evaluations for _, part in self.parts)
        return own + (self.surrogate.evaluations if self.surrogate is not None else 0)

    def resolution(self, q: ArrayLike) -> float | None:
        """Width of the features of a callable φ that were seen where √q·Z has weight; None if its formula is known."""
        return max((width for _, part in self.parts if (width := part.pieces.resolution(q)) is not None), default=None)

    @property
    def precision(self) -> float:
        """The relative rounding unit of the arithmetic of φ: 2.2e-16, or more of callables in single precision."""
        return max(float(getattr(part.function, "precision", EPS)) for _, part in self.parts)

    @cached_property
    def moments(self) -> Moments:
        """Gaussian moments and the pair map of φ."""
        form = closed_form(self.entry, self.parameters) or form_of_function(self.function)
        return Moments(self.pieces, form, self._program)

    def __getstate__(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in self.__dataclass_fields__}

    def __repr__(self) -> str:
        arguments = "".join(f", {key}={value!r}" for key, value in self.parameters.items())
        surrogate = "" if self.surrogate is None else f", surrogate={self.surrogate.name!r}"
        return f"activation({self.name!r}{arguments}{surrogate})"
