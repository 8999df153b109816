"""Computed numbers with an upper bound on their error."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from meanfield.bounded import Bounded
from meanfield.bounded_functions import FUNCTIONS
from meanfield.json_types import json_types

__all__ = ["Estimate"]

PLACES = 15  # after the point, that a float of size 1 has
SHORT = 6  # numbers that a repr shows


@dataclass(frozen=True, eq=False, repr=False)
class Estimate:
    """A computed number, or an array of them, with an upper bound on its error.

    It calculates like a float or an array, and the bound goes along: ``+ - * / **`` with estimates, numbers and arrays
    on either side, `abs`, and NumPy's ``sqrt``, ``square``, ``reciprocal``, ``maximum``, ``minimum``, ``exp``, ``log``
    and their like give an `Estimate`. It is converged if all estimates in it are, and its evaluations are their sum.

    Attributes
    ----------
    value : float or ndarray
        The number. A float where every argument was a scalar, else an array of their broadcast shape.
    error : float or ndarray
        Upper bound on ``|value − truth|``, of the shape of `value`.
    converged : bool
        Whether `error` is within the tolerance that was asked for, everywhere.
    evaluations : int
        How many points the activation was evaluated at to get the number; 0 if all values were at hand already.
    resolution : float or None
        Width of the features of a callable that were seen; `error` does not cover narrower ones. None for formulas.
    mode : str
        "training" or "eval" of the torch module that the number belongs to, if its values depend on the mode; else "".
    certified : bool
        Whether the bound is a proof: of a closed form, or of a quadrature whose error is bounded from the formula.

    Notes
    -----
    Errors of different estimates are taken as independent: ``x - x`` is 0 with twice the error of x. A quotient whose
    divisor may be 0 has an infinite error, as has the logarithm of a number that may be 0 or negative.

    Every other function of NumPy (``sin``, ``sum``, ``mean``, ``isfinite``, …), ``np.asarray``, `float`, `int`, `bool`
    and `round` take the value and give a plain number or array. So do comparisons: ``<`` and ``==`` compare values, as
    those of floats do, and equal estimates have equal hashes. `agrees` asks whether two numbers can be the same one.

    A format applies to the value: ``f"{x:.4f}"``. Without one, as in ``print(x)``, the error is shown too.

    Examples
    --------
    >>> import meanfield as mf
    >>> second = mf.expectation("relu", q=2.0)  # √(q/2π)
    >>> float(second)
    0.564189583547756...
    >>> ratio = second / mf.expectation("relu", q=1.0)
    >>> f"{ratio:.6f}", bool(ratio.error < 1e-13), ratio.agrees(2**0.5)
    ('1.414214', True, True)
    >>> print(mf.Estimate(1.5335304411955353, 2.4e-14))
    1.53353044119554 ± 2.4e-14
    """

    value: Any
    error: Any
    converged: bool = True
    evaluations: int = 0
    resolution: float | None = field(default=None, kw_only=True)
    mode: str = field(default="", kw_only=True)
    certified: bool = field(default=False, kw_only=True)

    @property
    def bounded(self) -> Bounded:
        """Value and error alone."""
        return Bounded(self.value, self.error)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value, ``()`` for a float."""
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        """Number of axes of the value, 0 for a float."""
        return np.ndim(self.value)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return int(np.size(self.value))

    def agrees(self, other: Any) -> bool:
        """Whether the difference is within the sum of the errors everywhere.

        Parameters
        ----------
        other : Estimate, float or array_like
            Numbers without an error are exact.

        Examples
        --------
        >>> Estimate(1.0, 0.5).agrees(1.25), Estimate(1.0, 0.5).agrees(Estimate(2.0, 0.25))
        (True, False)
        """
        difference = self - other
        equal = np.equal(self.value, _value(other))  # infinite ones too, whose difference is not a number
        return bool(np.all(equal | (np.abs(difference.value) <= difference.error)))

    def to_dict(self) -> dict[str, Any]:
        """Value, error, converged and certified in JSON types: infinities and NaN become None."""
        named = {name: getattr(self, name) for name in ("value", "error", "converged", "certified")}
        converted: dict[str, Any] = json_types(named)
        return converted

    def __add__(self, other: Any) -> "Estimate":
        return _applied(np.add, self, other)

    def __radd__(self, other: Any) -> "Estimate":
        return _applied(np.add, other, self)

    def __sub__(self, other: Any) -> "Estimate":
        return _applied(np.subtract, self, other)

    def __rsub__(self, other: Any) -> "Estimate":
        return _applied(np.subtract, other, self)

    def __mul__(self, other: Any) -> "Estimate":
        return _applied(np.multiply, self, other)

    def __rmul__(self, other: Any) -> "Estimate":
        return _applied(np.multiply, other, self)

    def __truediv__(self, other: Any) -> "Estimate":
        return _applied(np.true_divide, self, other)

    def __rtruediv__(self, other: Any) -> "Estimate":
        return _applied(np.true_divide, other, self)

    def __pow__(self, other: Any) -> "Estimate":
        return _applied(np.power, self, other)

    def __rpow__(self, other: Any) -> "Estimate":
        return _applied(np.power, other, self)

    def __neg__(self) -> "Estimate":
        return _applied(np.negative, self)

    def __pos__(self) -> "Estimate":
        return self

    def __abs__(self) -> "Estimate":
        return _applied(np.absolute, self)

    def __eq__(self, other: object) -> Any:
        return self.value == _value(other)

    def __ne__(self, other: object) -> Any:
        return self.value != _value(other)

    def __lt__(self, other: Any) -> Any:
        return self.value < _value(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= _value(other)

    def __gt__(self, other: Any) -> Any:
        return self.value > _value(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= _value(other)

    def __hash__(self) -> int:
        return hash(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __round__(self, ndigits: int | None = None) -> Any:
        return round(self.value, ndigits) if self.ndim == 0 else np.round(self.value, ndigits or 0)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.value, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and ufunc in FUNCTIONS and not kwargs:
            found = _applied(ufunc, *inputs)
            if found is not NotImplemented:
                return found
        return getattr(ufunc, method)(*map(_value, inputs), **kwargs)

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, at: Any) -> "Estimate":
        error = np.broadcast_to(self.error, self.shape)[at]
        return _estimate(Bounded(self.value[at], error), [self])

    def __iter__(self) -> Iterator["Estimate"]:
        return map(self.__getitem__, range(len(self)))

    def __repr__(self) -> str:
        value = repr(float(self.value)) if self.ndim == 0 else f"array of shape {self.shape}"
        if self.ndim == 1 and self.size <= SHORT:
            value = np.array2string(np.asarray(self.value), separator=", ")
        error = f"error={_largest(self.error):.2g}"
        mode = f", mode={self.mode!r}" if self.mode else ""
        return f"Estimate({value}, {error}{'' if self.converged else ', converged=False'}{mode})"

    def __str__(self) -> str:
        error, mode = _largest(self.error), f" in {self.mode} mode" if self.mode else ""
        if self.ndim > 0:
            return f"{np.array2string(np.asarray(self.value), precision=_places(error))} ± {error:.2g}{mode}"
        return f"{_digits(float(self.value), error)} ± {error:.2g}{mode}"

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        if self.ndim == 0:
            return format(float(self.value), spec)
        return np.array2string(np.asarray(self.value), formatter={"float_kind": lambda x: format(float(x), spec)})


def _applied(ufunc: np.ufunc, *operands: Any) -> Estimate:
    """The function of operands of which one is an estimate; NotImplemented if another is no real number or array."""
    numbers: list[Any] = []
    for operand in operands:
        if isinstance(operand, Estimate | Bounded | int | float):
            numbers.append(operand.bounded if isinstance(operand, Estimate) else operand)
        elif isinstance(operand, np.generic | np.ndarray | list | tuple):
            array = np.asarray(operand)
            if not np.can_cast(array.dtype, np.float64, "same_kind"):
                return cast(Estimate, NotImplemented)
            numbers.append(np.asarray(array, dtype=np.float64)[()])
        else:
            return cast(Estimate, NotImplemented)
    return _estimate(FUNCTIONS[ufunc](*numbers), [one for one in operands if isinstance(one, Estimate)])


def _estimate(found: Bounded, of: list[Estimate]) -> Estimate:
    """What was found from these estimates."""
    resolutions = [one.resolution for one in of if one.resolution is not None]
    whole = found.broadcast()
    scalar = whole.shape == ()
    return Estimate(
        float(whole.value) if scalar else whole.value,
        float(whole.error) if scalar else np.array(whole.error),
        all(one.converged for one in of),
        sum(one.evaluations for one in of),
        resolution=max(resolutions, default=None),
        mode=" and ".join(sorted({one.mode for one in of if one.mode})),
        certified=all(one.certified for one in of),
    )


def _value(a: Any) -> Any:
    return a.value if isinstance(a, Estimate) else a


def _largest(error: Any) -> float:
    return float(np.max(error, initial=0.0))


def _places(error: float, decade: int = 0) -> int:
    """How many places after the point the error lets stand, in units of a power of ten."""
    if not math.isfinite(error):
        return 6
    return PLACES if error <= 0 else min(max(math.ceil(decade - math.log10(error)), 0), PLACES)


def _digits(value: float, error: float) -> str:
    """The digits of the value that the error lets stand; of what is very large or small, as many that count."""
    if not (math.isfinite(value) and math.isfinite(error)):
        return f"{value:g}"
    if error <= 0:
        return repr(value)
    if value == 0 or 1e-3 <= abs(value) < 1e15:
        return f"{value:.{_places(error)}f}"
    return f"{value:.{_places(error, math.floor(math.log10(abs(value))))}e}"
