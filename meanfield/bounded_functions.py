"""NumPy's functions of numbers with a bound on their error."""

from collections.abc import Callable

import numpy as np

from meanfield.bounded import UNIT, Bounded, Number, Operand, as_bounded, maximum, minimum

ROUNDING = 16 * UNIT  # relative error of a function of NumPy, which errs by up to 4 units in the last place, twice


def monotone(f: Callable[[Number], Number], x: Bounded) -> Bounded:
    """f(x) for a function that rises or falls wherever the truth may be; the bound is f's change up to both ends.

    Examples
    --------
    >>> import math
    >>> log = monotone(np.log, Bounded(math.e, 0.01 * math.e))
    >>> print(f"{log.value:.3f} ± {log.error:.5f}")  # −ln 0.99
    1.000 ± 0.01005
    >>> print(monotone(np.log, Bounded(1.0, 2.0)).error)  # the truth may be negative
    inf
    """
    with np.errstate(all="ignore"):
        value = f(x.value)
        uncertain = np.greater(x.error, 0)
        ends = [f(np.where(uncertain, np.nextafter(x.value + e, e * np.inf), x.value)) for e in (-x.error, x.error)]
        error = np.maximum(*(np.abs(end - value) + ROUNDING * (np.abs(end) + np.abs(value)) for end in ends))
    return Bounded(value, np.where(np.isnan(error), np.inf, error)[()])


def power(a: Operand, b: Operand) -> Bounded:
    """``a**b``, one of them exact; unless b is an integer, a must be positive.

    Raises
    ------
    TypeError
        If both have errors, or there are several exponents.
    """
    if not isinstance(b, Bounded):
        if np.ndim(b) > 0:
            raise TypeError("a number with an error takes one exponent, not an array of them")
        n, base = float(b), as_bounded(a)
        return base ** int(n) if n.is_integer() else monotone(lambda x: np.power(x, n), base)
    if isinstance(a, Bounded):
        raise TypeError("in a power, the base or the exponent must be exact: take the float of one")
    return monotone(lambda x: np.power(a, x), b)


#: What a ufunc of operands, of which at least one is `Bounded`, gives.
FUNCTIONS: dict[np.ufunc, Callable[..., Bounded]] = {
    np.add: lambda a, b: a + b,
    np.subtract: lambda a, b: a - b,
    np.multiply: lambda a, b: a * b,
    np.true_divide: lambda a, b: a / b,
    np.power: power,
    np.maximum: maximum,
    np.minimum: minimum,
    np.negative: lambda a: -a,
    np.positive: lambda a: a,
    np.absolute: abs,
    np.square: lambda a: a**2,
    np.reciprocal: lambda a: 1.0 / a,
    np.sqrt: Bounded.sqrt,
}
for rising in (np.exp, np.expm1, np.exp2, np.log, np.log1p, np.log2, np.log10, np.sinh, np.tanh, np.arctan, np.cbrt):
    FUNCTIONS[rising] = lambda a, rising=rising: monotone(rising, a)
