"""Numbers with an upper bound on their error, and the arithmetic that takes the bound along: `Bounded`.

The value is what NumPy computes from the values. The bound holds for every true operand within the bounds of the
operands: errors of first and of second order, and the rounding of the operation itself (Higham 2002, *Accuracy and
Stability of Numerical Algorithms*, section 2.2). The operands' errors are taken as independent, so x − x has twice the
error of x, and a formula in which an uncertain number occurs twice may get a bound larger than necessary: use
`Bounded.through` where a derivative is known.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Number: TypeAlias = float | Floats
Operand: TypeAlias = "Bounded | Number"

UNIT = 2.0**-53  # relative error of a correctly rounded operation
GROW = 1.0 + 8 * UNIT  # covers the rounding of the bound itself: at most 7 operations on numbers that are not negative
ROUNDING = GROW * UNIT
POWER = 8 * UNIT  # relative error of a power: vectorised ones err by up to 4 units in the last place

NUMBERS = (np.ndarray, float, int, np.generic)
_size = cast(Callable[[Number], Number], abs)  # of a float or of an array
_silent = np.errstate(all="ignore")


@dataclass(frozen=True, slots=True, eq=False)
class Bounded:
    """A number, or an array of them, with an upper bound on its error.

    Attributes
    ----------
    value : float or ndarray of float64
        The number.
    error : float or ndarray of float64
        Upper bound on |value − truth|, ≥ 0, of a shape that broadcasts to the shape of `value`. It is inf where nothing
        is known. An infinite value with a finite error says that the truth is infinite.

    Notes
    -----
    ``+ - * /`` with another `Bounded`, a float or an array, integer powers, `abs`, `where`, `maximum`, `minimum` and
    indexing propagate the error; no operation warns. A quotient has an infinite error where its divisor may be 0. An
    error is never nan: where the value is not a number, the error is infinite. The rounding of results that underflow
    (below 2.2e-308) is not counted. An exact operand is a float or an array; an array that may be wrong must come as a
    `Bounded`.

    Examples
    --------
    >>> length = Bounded(2.0, 0.1)
    >>> area = length**2
    >>> print(f"{area.value:.2f} ± {area.error:.2f}")
    4.00 ± 0.41
    >>> print((1.0 / (length - 2.05)).error)
    inf
    """

    value: Number
    error: Number = 0.0

    __array_ufunc__ = None  # ndarray ∘ Bounded is left to Bounded

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return np.shape(self.value)

    @property
    @_silent
    def lower(self) -> Number:
        """``value − error``, the least that the truth can be."""
        return self.value - self.error

    @property
    @_silent
    def upper(self) -> Number:
        """``value + error``, the most that the truth can be."""
        return self.value + self.error

    def broadcast(self, *shape: int) -> "Bounded":
        """Value and error as arrays of one shape: `shape` where it is given, else the value's."""
        wanted = shape or self.shape
        return _made(np.broadcast_to(self.value, wanted), np.broadcast_to(self.error, wanted))

    def rearranged(self, by: Callable[[Floats], Floats]) -> "Bounded":
        """What `by`, which moves, repeats or selects elements, makes of the value and of the error."""
        return _made(by(np.asarray(self.value)), by(np.broadcast_to(self.error, self.shape)))

    def __getitem__(self, at: Any) -> "Bounded":
        return self.rearranged(lambda array: array[at])

    def __neg__(self) -> "Bounded":
        return _made(-self.value, self.error)

    def __abs__(self) -> "Bounded":
        return _made(_size(self.value), self.error)

    def __add__(self, other: Operand) -> "Bounded":
        return _operated(_sum, self.value, self.error, *_parts(other))

    def __radd__(self, other: Number) -> "Bounded":
        return _operated(_sum, other, 0.0, self.value, self.error)

    def __sub__(self, other: Operand) -> "Bounded":
        return _operated(_difference, self.value, self.error, *_parts(other))

    def __rsub__(self, other: Number) -> "Bounded":
        return _operated(_difference, other, 0.0, self.value, self.error)

    def __mul__(self, other: Operand) -> "Bounded":
        return _operated(_product, self.value, self.error, *_parts(other))

    def __rmul__(self, other: Number) -> "Bounded":
        return _operated(_product, other, 0.0, self.value, self.error)

    def __truediv__(self, other: Operand) -> "Bounded":
        return _operated(_quotient, self.value, self.error, *_parts(other))

    def __rtruediv__(self, other: Number) -> "Bounded":
        return _operated(_quotient, other, 0.0, self.value, self.error)

    @_silent
    def __pow__(self, n: int) -> "Bounded":
        if not isinstance(n, int | np.integer):
            return NotImplemented
        a, e, n = np.float64(self.value) if isinstance(self.value, float) else self.value, self.error, int(n)
        value, size = a**n, np.abs(a)
        if n in (0, 1):
            return _made(value, n and e)
        most = size + e if n > 0 else np.maximum(size - e, 0.0)  # where the slope is steepest
        moved = (most + size) * e if n == 2 else abs(n) * most ** (n - 1) * e
        error = (moved + (UNIT if n == 2 else POWER) * np.abs(value)) * (1.0 + (abs(n) + 1) * POWER)
        return _checked(value, error, lambda: np.isinf(a) & np.isfinite(e))

    @_silent
    def sqrt(self) -> "Bounded":
        """The square root, of a truth that is not negative."""
        a, e = self.value, self.error
        value = np.sqrt(a)
        error = np.fmin(e / (value + np.sqrt(np.maximum(a - e, 0.0))), np.sqrt(e))
        return _checked(value, (error + UNIT * value) * GROW, lambda: np.isinf(a) & np.isfinite(e))

    @_silent
    def through(self, image: "Bounded", slope: Number) -> "Bounded":
        """f of this number, by ``image`` = f(value) with the error of its computation, and a bound on \\|f′\\|.

        Parameters
        ----------
        image : Bounded
            f at `value`.
        slope : float or ndarray
            Upper bound on \\|f′\\| between `value` and the truth.

        Examples
        --------
        >>> x = Bounded(0.5, 1e-10)
        >>> print(f"{x.through(Bounded(math.sin(x.value), 1e-16), 1.0).error:.3g}")
        1e-10
        """
        stays = np.equal(slope, 0) | np.equal(self.error, 0)
        moved = np.where(stays, 0.0, np.abs(slope) * self.error)
        return _made(image.value, ((image.error + moved) * GROW)[()])


def as_bounded(a: Operand) -> Bounded:
    """The number itself, or an exact one of this value."""
    return a if isinstance(a, Bounded) else _made(a, 0.0)


def scaled(factor: Number, x: Bounded) -> Bounded:
    """``factor·x``, and exactly 0 where the factor is 0, even if x or its error is infinite there.

    Weights of variance 0 pass on no gradient, not even one that is infinite.

    Examples
    --------
    >>> scaled(np.array([0.0, 2.0]), Bounded(math.inf))
    Bounded(value=array([ 0., inf]), error=array([0., 0.]))
    """
    product, none = factor * x, factor == 0.0
    if not np.count_nonzero(none):
        return product
    return _made(np.where(none, 0.0, product.value), np.where(none, 0.0, product.error))


def where(condition: bool | NDArray[np.bool_], a: Operand, b: Operand) -> Bounded:
    """`a` where the condition holds and `b` elsewhere."""
    (one, one_error), (other, other_error) = _parts(a), _parts(b)
    return _made(np.where(condition, one, other), np.where(condition, one_error, other_error))


def maximum(a: Operand, b: Operand) -> Bounded:
    """The larger one, elementwise."""
    (one, one_error), (other, other_error) = _parts(a), _parts(b)
    return _made(np.maximum(one, other), np.maximum(one_error, other_error))


def minimum(a: Operand, b: Operand) -> Bounded:
    """The smaller one, elementwise."""
    (one, one_error), (other, other_error) = _parts(a), _parts(b)
    return _made(np.minimum(one, other), np.maximum(one_error, other_error))


def _parts(a: Operand) -> tuple[Number, Number]:
    return (a.value, a.error) if isinstance(a, Bounded) else (a, 0.0)


_set_value, _set_error = (Bounded.__dict__[name].__set__ for name in ("value", "error"))


def _made(value: Number, error: Number) -> Bounded:
    """A `Bounded` in half the time that its constructor takes."""
    one = object.__new__(Bounded)
    _set_value(one, value)
    _set_error(one, error)
    return one


Kernel: TypeAlias = Callable[[Number, Number, Number, Number], Bounded]


def _operated(kernel: Kernel, a: Number, a_error: Number, b: Number, b_error: Number) -> Bounded:
    """The kernel at these operands, without warnings; Python's floats, which give none, are ten times as fast."""
    if (
        isinstance(a, float | int)
        and isinstance(b, float | int)
        and isinstance(a_error, float)
        and isinstance(b_error, float)
    ):
        try:
            return kernel(float(a), float(a_error), float(b), float(b_error))
        except ZeroDivisionError:
            a, b = np.float64(a), np.float64(b)
    if not (isinstance(a, NUMBERS) and isinstance(b, NUMBERS)):
        return cast(Bounded, NotImplemented)
    return _quietly(kernel, a, a_error, b, b_error)


@_silent
def _quietly(kernel: Kernel, a: Number, a_error: Number, b: Number, b_error: Number) -> Bounded:
    return kernel(a, a_error, b, b_error)


def _sum(a: Number, a_error: Number, b: Number, b_error: Number) -> Bounded:
    return _added(a + b, a, a_error, b, b_error)


def _difference(a: Number, a_error: Number, b: Number, b_error: Number) -> Bounded:
    return _added(a - b, a, a_error, b, b_error)


def _added(value: Number, a: Number, a_error: Number, b: Number, b_error: Number) -> Bounded:
    moved = b_error if _exact(a_error) else a_error if _exact(b_error) else a_error + b_error
    error = moved * GROW + ROUNDING * _size(value)
    return _checked(value, error, lambda: _infinite(a, b) & np.isfinite(a_error) & np.isfinite(b_error))


def _product(a: Number, a_error: Number, b: Number, b_error: Number) -> Bounded:
    value = a * b
    error = ROUNDING * _size(value)
    if not _exact(a_error):
        error = error + (_size(b) + b_error) * GROW * a_error
    if not _exact(b_error):
        error = error + _size(a) * GROW * b_error
    return _checked(value, error, lambda: _infinite(a, b) & (np.abs(a) > a_error) & (np.abs(b) > b_error))


def _quotient(a: Number, a_error: Number, b: Number, b_error: Number) -> Bounded:
    value = a / b
    size = _size(value)
    least = _size(b) - b_error  # what the divisor is at least
    least = max(least, 0.0) if isinstance(least, float) else np.maximum(least, 0.0)
    error = ((a_error + size * b_error) / least + UNIT * size) * GROW
    return _checked(value, error, lambda: _infinite(a, b) & (np.abs(a) > a_error) & (np.abs(b) > b_error))


def _exact(error: Number) -> bool:
    return isinstance(error, float) and error == 0.0


def _infinite(a: Number, b: Number) -> NDArray[np.bool_]:
    """Where an operand is infinite."""
    return np.asarray(np.isinf(a) | np.isinf(b))


def _checked(value: Number, error: Number, endless: Callable[[], NDArray[np.bool_]]) -> Bounded:
    """The result; an error that is infinite or not a number becomes 0 where the truth is `endless`, else inf."""
    if math.isfinite(error if isinstance(error, float) else np.vdot(error, error)):  # vdot: the fastest test there is
        return _made(value, error)
    with np.errstate(all="ignore"):
        unknown = np.where(np.isnan(error) | np.isnan(value), np.inf, error)
        return _made(value, np.where(np.isinf(value) & endless(), 0.0, unknown)[()])
