"""What is known about an activation function before any network exists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import ArrayFunction, Expression
from meanfield.activations.formulas.parse import parse
from meanfield.activations.moments import Moments
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

__all__ = ["Activation"]


@dataclass(frozen=True, eq=False)
class Activation:
    """An activation function φ with what is known about it.

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
        Where φ or one of its derivatives is not continuous, jumps included; None if unknown, and then they are
        looked for.
    declared_jumps : tuple of float
        Where φ itself is not continuous: a subset of the breakpoints.
    parameters : mapping
        The parameters it was made with, as `negative_slope`.
    formula : str
        φ(x) as text that `meanfield.activation` understands, or "" if there is none.
    source : str
        Who introduced it, as author and year with an identifier.
    entry : str
        Which entry of the catalogue φ is, whatever its name, or "": what is known exactly goes with it.

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
    parameters: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    formula: str = ""
    source: str = ""
    entry: str = ""

    def __post_init__(self) -> None:
        # One line of printable text: names go into messages, tables and comments of generated code.
        printable = "".join(c if c.isprintable() else " " for c in str(self.name))
        object.__setattr__(self, "name", " ".join(printable.split()))

    def __call__(self, x: ArrayLike) -> Any:
        """φ(x), elementwise, in float64."""
        return self.function(np.asarray(x, dtype=np.float64))

    def derivative(self, x: ArrayLike) -> Any:
        """φ′(x), elementwise; exact where φ came with its derivative, else from a piecewise interpolant of φ."""
        x = np.asarray(x, dtype=np.float64)
        if self.derivative_function is not None:
            return self.derivative_function(x)
        return self.pieces.derivative(x)

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Where φ or one of its derivatives is not continuous (jumps included), in ascending order."""
        return self.pieces.breakpoints

    @property
    def jumps(self) -> tuple[float, ...]:
        """Where φ itself is not continuous, in ascending order."""
        return self.pieces.jumps

    @cached_property
    def expression(self) -> Expression:
        """φ as a sympy expression in the symbol ``x``, or None where no formula is known."""
        if not self.formula:
            return None
        return parse(self.formula)

    @cached_property
    def pieces(self) -> PiecewiseSmooth:
        """φ cut into smooth pieces: what every integral over φ is made from."""
        return PiecewiseSmooth(
            self.function, self.derivative_function, self.declared_breakpoints, self.declared_jumps, name=self.name
        )

    @cached_property
    def moments(self) -> Moments:
        """Gaussian moments and the pair map of φ."""
        return Moments(self.pieces, self.entry, self.parameters)

    def __getstate__(self) -> dict[str, Any]:
        state = {name: vars(self)[name] for name in self.__dataclass_fields__}
        return {**state, "parameters": dict(self.parameters)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, parameters=MappingProxyType(state["parameters"]))

    def __repr__(self) -> str:
        arguments = "".join(f", {key}={value!r}" for key, value in self.parameters.items())
        return f"activation({self.name!r}{arguments})"
