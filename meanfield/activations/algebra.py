"""From a sympy expression to an activation: stable NumPy functions of φ and φ′, breakpoints and jumps."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from meanfield.activations import stable
from meanfield.activations.activation import Activation, ArrayFunction
from meanfield.activations.callables import guarded
from meanfield.activations.expressions import read, real_x
from meanfield.errors import BadActivation, MeanFieldError

__all__ = ["Compiled", "as_activation", "breakpoints_of"]

HIGHEST_DEGREE = 30  # beyond it roots of polynomials are found numerically
SCAN = np.sinh(np.linspace(-14.5, 14.5, 20_001))  # where sign changes are looked for: ±1e6, a thousandth apart near 0


def as_activation(expression: Any, name: str, formula: str) -> Activation:
    """The activation of an expression with one free symbol."""
    import sympy as sp

    what = name or _shortened(expression)
    expression = sp.sympify(expression)
    symbols = sorted(map(str, getattr(expression, "free_symbols", ())))
    if not isinstance(expression, sp.Expr) or len(symbols) != 1:
        found = f"it has {', '.join(symbols)}" if symbols else "it has none"
        raise BadActivation(f"the formula {what} must have exactly one variable, x; {found}")
    if unknown := expression.atoms(sp.core.function.AppliedUndef):
        raise BadActivation(f"the formula {what} has the unknown function {min(map(str, unknown))}")
    try:
        expression = expression.subs(next(iter(expression.free_symbols)), real_x())
        function, derivative = Compiled(expression, 0), Compiled(expression, 1)
        guarded(function, what)
        breakpoints, jumps = breakpoints_of(expression, function)
    except BadActivation:
        raise
    except (RecursionError, MemoryError):
        raise BadActivation(f"the formula {what} is nested too deeply") from None
    except Exception as error:  # sympy raises anything on what it cannot do
        reason = (str(error) or type(error).__name__).splitlines()[0][:100]
        raise BadActivation(f"the formula {what} cannot be made a function of numbers: {reason}") from error
    return Activation(function, what, derivative, breakpoints, jumps, formula=formula or as_text(expression))


class Compiled:
    """φ (order 0) or φ′ (order 1) of an expression in the real x, as a function of float64 arrays."""

    def __init__(self, expression: Any, order: int) -> None:
        import sympy as sp

        self.expression, self.order = expression, order
        pieces = stabilised(by_cases(expression))
        self._function = compiled(stabilised(sp.diff(pieces, real_x())) if order else pieces)

    def __call__(self, x: NDArray[np.float64]) -> Any:
        """Values at `x`; NaN where they are not real."""
        return self._function(x)

    def __reduce__(self) -> Any:
        return Compiled, (self.expression, self.order)


def compiled(expression: Any) -> ArrayFunction:
    """A NumPy function of an expression in the real x; cases that are not selected have no effect."""
    import sympy as sp

    numpy_names = {cls.__name__: function for cls, function in stable_functions().values()}
    function = sp.lambdify(real_x(), expression, modules=[numpy_names, "scipy", "numpy"], cse=True)

    def on_arrays(x: NDArray[np.float64]) -> Any:
        with np.errstate(all="ignore"):
            values = np.asarray(function(x))
        if values.shape != np.shape(x):
            values = np.broadcast_to(values, np.shape(x)).copy()
        return np.asarray(values, dtype=np.float64)[()] if values.dtype.kind != "c" else values

    return on_arrays


@cache
def stable_functions() -> dict[str, tuple[Any, Any]]:
    """Functions that exist to be accurate, as sympy classes that can be differentiated and as NumPy functions."""
    import sympy as sp

    class Sigmoid(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Any:
            return Sigmoid(self.args[0]) * Sigmoid(-self.args[0])

    class Softplus(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Any:
            return Sigmoid(self.args[0])

    class NormalCDF(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Any:
            return sp.exp(-(self.args[0] ** 2) / 2) / sp.sqrt(2 * sp.pi)

    class SechSquared(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Any:
            return -2 * sp.tanh(self.args[0]) * self

    class LogCosh(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Any:
            return sp.tanh(self.args[0])

    class ExpMinusOne(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Any:
            return sp.exp(self.args[0])

    class LogOnePlus(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Any:
            return 1 / (1 + self.args[0])

    return {
        "sigmoid": (Sigmoid, special.expit),
        "softplus": (Softplus, stable.softplus),
        "Phi": (NormalCDF, special.ndtr),
        "sech2": (SechSquared, stable.sech_squared),
        "logcosh": (LogCosh, stable.log_cosh),
        "expm1": (ExpMinusOne, np.expm1),
        "log1p": (LogOnePlus, np.log1p),
    }


def stabilised(expression: Any) -> Any:
    """The same function, with the subexpressions that cancel or overflow replaced by `stable_functions`."""
    import sympy as sp

    sigmoid, softplus, phi, sech2, logcosh, expm1, log1p = (cls for cls, _ in stable_functions().values())

    def in_sum(total: Any) -> Any:
        constant, rest = total.as_coeff_Add()
        if constant == 0:
            return total
        for term in sp.Add.make_args(rest):
            a, f = term.as_coeff_Mul()
            side = 1 if a == constant else -1
            if abs(a) != abs(constant):
                continue
            match f:
                case sp.erf():
                    return rest - term + 2 * constant * phi(side * sp.sqrt(2) * f.args[0])
                case sp.tanh():
                    return rest - term + 2 * constant * sigmoid(side * 2 * f.args[0])
                case sp.Pow(args=(sp.tanh() as t, sp.Integer(p=2))) if side < 0:
                    return rest - term + constant * sech2(t.args[0])
                case sp.exp() if side < 0:
                    return rest - term + a * expm1(f.args[0])
        return total

    def in_log(log: Any) -> Any:
        inside = log.args[0]
        if isinstance(inside, sp.cosh):
            return logcosh(inside.args[0])
        one, rest = inside.as_coeff_Add()
        if one != 1 or rest == 0:
            return log
        return softplus(rest.args[0]) if isinstance(rest, sp.exp) else log1p(rest)

    def in_power(power: Any) -> Any:
        one, rest = power.base.as_coeff_Add()
        if one == 1 and isinstance(rest, sp.exp) and power.exp.is_negative:
            return sigmoid(-rest.args[0]) ** (-power.exp)
        return power

    def in_product(product: Any) -> Any:
        for factor in product.args:
            if isinstance(factor, sp.exp) and product.has(mirror := sigmoid(-factor.args[0])):
                quotient = product / (factor * mirror)
                if not quotient.has(mirror):
                    return quotient * sigmoid(factor.args[0])
        return product

    rules = ((sp.Add, in_sum), (sp.log, in_log), (sp.Pow, in_power), (sp.Mul, in_product))
    for kind, rule in rules:
        expression = everywhere(expression, kind, rule)
    return expression


def everywhere(expression: Any, kind: type, rule: Callable[[Any], Any]) -> Any:
    """The expression with `rule` applied to each of its parts of that kind, the innermost first."""
    return expression.replace(lambda part: isinstance(part, kind), rule)


def by_cases(expression: Any) -> Any:
    """Every |u|, sign, max, min and Heaviside step written as a case distinction."""
    import sympy as sp

    def extremum(keep_first: Any, parts: tuple[Any, ...]) -> Any:
        best = parts[0]
        for part in parts[1:]:
            best = sp.Piecewise((best, keep_first(best, part)), (part, True))
        return best

    def steps(u: Any, below: Any, at: Any, above: Any) -> Any:
        return sp.Piecewise((below, u < 0), (above, u > 0), (at, True))

    rules = {
        sp.Abs: lambda u: sp.Piecewise((u, u > 0), (-u, True)),
        sp.sign: lambda u: steps(u, -1, 0, 1),
        sp.Heaviside: lambda u, at=sp.S.Half: steps(u, 0, at, 1),
        sp.Max: lambda *parts: extremum(sp.Gt, parts),
        sp.Min: lambda *parts: extremum(sp.Lt, parts),
    }
    for kind, rule in rules.items():
        expression = expression.replace(kind, rule)
    return expression


def breakpoints_of(expression: Any, function: ArrayFunction) -> tuple[tuple[float, ...] | None, tuple[float, ...]]:
    """Breakpoints and jumps of an expression in the real x; None where its cases change at points that have no formula.

    A point is kept if the expressions that hold to its left and to its right differ, or if one is singular there.
    """
    pieces = by_cases(expression)
    found: list[float] = []
    for boundary, crossing in boundaries(pieces):
        edges = [-np.inf, *found, np.inf]
        for a, b in pairwise(edges):
            zeros = real_zeros(case_at(boundary, between(a, b)), crossing)
            if zeros is None:
                return None, ()
            found += [x for x in zeros if a <= x <= b]
        found = merged(found)
    edges = [-np.inf, *found, np.inf]
    kept = []
    for i, x in enumerate(found):
        left, right = (case_at(pieces, between(*edges[i + side : i + side + 2])) for side in (0, 1))
        if singular_at(left, x) or singular_at(right, x) or differ(left, right, x):
            kept.append(x)
    return tuple(kept), tuple(x for x in kept if jumps_at(function, x))


def boundaries(pieces: Any) -> list[tuple[Any, bool]]:
    """What is zero where a case changes (True: it changes sign there) or a function is singular, innermost first."""
    import sympy as sp

    found: dict[tuple[Any, bool], None] = {}
    for node in sp.postorder_traversal(pieces):
        if isinstance(node, sp.core.relational.Relational):
            found[(node.lhs - node.rhs, not isinstance(node, sp.Eq | sp.Ne))] = None
        elif (base := singular_base(node)) is not None:
            found[(base, False)] = None
    return list(found)


def singular_base(node: Any) -> Any:
    """What makes a power or a function singular where it is zero; None if nothing does."""
    import sympy as sp

    if isinstance(node, sp.Pow) and not (node.exp.is_integer and node.exp.is_nonnegative):
        base = node.base
    elif isinstance(node, sp.log):
        base = node.args[0]
    elif isinstance(node, sp.asin | sp.acos | sp.atanh):
        base = 1 - node.args[0] ** 2
    elif isinstance(node, sp.acosh):
        base = node.args[0] - 1
    elif isinstance(node, sp.tan):
        base = sp.cos(node.args[0])
    else:
        return None
    return None if base.is_positive or base.is_negative or not base.free_symbols else base


def case_at(expression: Any, x: float) -> Any:
    """The expression that holds around `x`: every case distinction decided."""
    import sympy as sp

    if not expression.has(sp.Piecewise):
        return expression
    if isinstance(expression, sp.Piecewise):
        for value, condition in expression.args:
            if bool(case_at(condition, x).subs(real_x(), sp.Float(x, 30))):
                return case_at(value, x)
        return sp.nan
    return expression.func(*(case_at(part, x) for part in expression.args))


def real_zeros(smooth: Any, crossing: bool) -> list[float] | None:
    """Real zeros (and poles) of a smooth expression; None if they are infinitely many or cannot be told."""
    import sympy as sp

    x = real_x()
    if not smooth.free_symbols or smooth.is_positive or smooth.is_negative:
        return []
    if smooth.is_rational_function(x):
        zeros = []
        for part in sp.fraction(sp.together(smooth)):
            poly = sp.Poly(part, x)
            if poly.degree() == 1:
                zeros.append(float(-poly.nth(0) / poly.nth(1)))
            elif 1 < poly.degree() <= HIGHEST_DEGREE and poly.free_symbols == {x}:
                exact = poly.as_expr().replace(lambda e: e.is_Float, lambda e: sp.Rational(repr(float(e))))
                if not sp.Poly(exact, x).domain.is_QQ and not sp.Poly(exact, x).domain.is_ZZ:
                    break
                zeros += [float(root.evalf(20)) for root in set(sp.Poly(exact, x).real_roots())]
            elif poly.degree() > HIGHEST_DEGREE:
                break
        else:
            return zeros
    if not crossing or smooth.has(sp.sin, sp.cos, sp.tan):
        return None
    function = compiled(stabilised(smooth))
    values = function(SCAN)
    zeros = [float(x) for x in SCAN[values == 0]]
    for i in np.flatnonzero(np.sign(values[:-1]) * np.sign(values[1:]) < 0):
        root = optimize.brentq(lambda t: float(function(np.array(t))), SCAN[i], SCAN[i + 1], xtol=1e-300, rtol=1e-15)
        tidy = float(f"{root:.13g}")
        zeros.append(tidy if function(np.array(tidy)) == 0 else float(root))
    return zeros


def between(a: float, b: float) -> float:
    """A point between `a` and `b`, near to the finite end if the other is infinite; not a round one."""
    if a == -np.inf:
        return 0.317 if b == np.inf else b - 0.317
    return a + 0.317 if b == np.inf else a + 0.4713 * (b - a)


def merged(points: list[float]) -> list[float]:
    """Ascending, those that differ by rounding taken together."""
    kept: list[float] = []
    for x in sorted(points):
        if not kept or x - kept[-1] > 1e-13 * max(1.0, abs(x)):
            kept.append(x + 0.0)
    return kept


def singular_at(smooth: Any, x: float) -> bool:
    """Whether a base of a power, a logarithm … in a smooth expression is zero at `x`."""
    import sympy as sp

    for node in sp.preorder_traversal(smooth):
        if (base := singular_base(node)) is not None:
            value = abs(complex(base.subs(real_x(), sp.Float(x, 30)).evalf(15)))
            if not value > 1e-9:
                return True
    return False


def differ(left: Any, right: Any, x: float) -> bool:
    """Whether two smooth expressions are different functions around `x`."""
    if left == right:
        return False
    near = x + np.array([-0.23, -0.11, -0.04, 0.03, 0.09, 0.19])
    a, b = compiled(stabilised(left))(near), compiled(stabilised(right))(near)
    both = np.isfinite(a) & np.isfinite(b)
    return not both.any() or bool(np.any(np.abs(a - b)[both] > 1e-12 * np.maximum(np.abs(a), np.abs(b))[both]))


def jumps_at(function: ArrayFunction, x: float) -> bool:
    """Whether the two one-sided values differ: their difference does not shrink with the distance from `x`."""
    h = np.array([1e-1, 1e-6, 1e-12]) * max(1.0, abs(x))
    values = function(np.concatenate([x - h, x + h]))
    _, far, near = np.abs(values[3:] - values[:3])
    return bool(near > 0.3 * far and near > 1e-11 * np.abs(values).max())


def as_text(expression: Any) -> str:
    """The expression in the grammar of `meanfield.activations.expressions`, or "" if that has no words for it."""
    from sympy.printing.str import StrPrinter

    class Printer(StrPrinter):  # type: ignore[misc]
        def _print_Float(self, expr: Any) -> str:
            return repr(float(expr))

        def _print_Exp1(self, expr: Any) -> str:
            return "e"

        def _print_Abs(self, expr: Any) -> str:
            return f"abs({self._print(expr.args[0])})"

        def _print_Heaviside(self, expr: Any) -> str:
            return f"heaviside({', '.join(map(self._print, expr.args))})"

        def _print_Max(self, expr: Any) -> str:
            return f"max({', '.join(map(self._print, expr.args))})"

        def _print_Min(self, expr: Any) -> str:
            return f"min({', '.join(map(self._print, expr.args))})"

        def _print_Piecewise(self, expr: Any) -> str:
            *cases, (last, otherwise) = expr.args
            text = self._print(last) if otherwise == True else ""  # noqa: E712 - sympy's true
            for value, condition in reversed(cases):
                text = f"where({self._print(condition)}, {self._print(value)}, {text})"
            return text

    text = str(Printer().doprint(expression))
    try:
        read(text)
    except MeanFieldError:
        return ""
    return text


def _shortened(expression: Any) -> str:
    text = str(expression)
    return text if len(text) <= 60 else f"{text[:59]}…"
