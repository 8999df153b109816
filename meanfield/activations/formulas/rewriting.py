"""Expressions rewritten: derivatives, and forms that neither cancel nor overflow where a better formula is known."""

from collections.abc import Callable
from functools import cache, lru_cache
from math import prod

import numpy as np

from meanfield._types import ArrayFunction, Expression
from meanfield.activations import stable_functions as stable
from meanfield.activations.formulas.cases import where, where_class
from meanfield.activations.formulas.vocabulary import real_x
from meanfield.special_functions import special

MANY_FACTORS = 8  # from this many on the derivative of a product is made from its halves


@cache
def stable_functions() -> dict[str, tuple[Expression, ArrayFunction]]:
    """Functions that exist to be accurate, as sympy classes that can be differentiated and as NumPy functions."""
    import sympy as sp

    class Sigmoid(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Expression:
            return Sigmoid(self.args[0]) * Sigmoid(-self.args[0])

    class Softplus(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Expression:
            return Sigmoid(self.args[0])

    class NormalCDF(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Expression:
            return sp.exp(-(self.args[0] ** 2) / 2) / sp.sqrt(2 * sp.pi)

    class SechSquared(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Expression:
            return -2 * sp.tanh(self.args[0]) * self

    class LogCosh(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Expression:
            return sp.tanh(self.args[0])

    class ExpMinusOne(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Expression:
            return sp.exp(self.args[0])

    class LogOnePlus(sp.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Expression:
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


def stabilised(expression: Expression) -> Expression:
    """The same function, with the subexpressions that cancel or overflow replaced by `stable_functions`."""
    import sympy as sp

    sigmoid, softplus, phi, sech2, logcosh, expm1, log1p = (cls for cls, _ in stable_functions().values())

    def in_pair(total: Expression) -> Expression:
        terms = dict(reversed(term.as_coeff_Mul()) for term in sp.Add.make_args(total))
        for f, a in terms.items():
            if isinstance(f, sp.exp) and abs(a) == abs(b := terms.get(sp.exp(-f.args[0]), sp.S.Zero)) != 0:
                both = 2 * a * (sp.cosh if a == b else sp.sinh)(f.args[0])
                return total - a * f - b * sp.exp(-f.args[0]) + both
        return total

    def in_sum(total: Expression) -> Expression:
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

    def in_log(log: Expression) -> Expression:
        inside = log.args[0]
        if isinstance(inside, sp.cosh):
            return logcosh(inside.args[0])
        one, rest = inside.as_coeff_Add()
        if one != 1 or rest == 0:
            return log
        return softplus(rest.args[0]) if isinstance(rest, sp.exp) else log1p(rest)

    def in_power(power: Expression) -> Expression:
        one, rest = power.base.as_coeff_Add()
        if one == 1 and isinstance(rest, sp.exp) and power.exp.is_negative:
            return sigmoid(-rest.args[0]) ** (-power.exp)
        return power

    def in_ratio(product: Expression) -> Expression:
        for factor in product.args:
            if isinstance(factor, sp.sinh) and (1 / sp.cosh(factor.args[0])) in product.args:
                return product * sp.cosh(factor.args[0]) / factor * sp.tanh(factor.args[0])
            above, below = factor.as_independent(sp.exp, as_Add=True) if isinstance(factor, sp.Add) else (0, 0)
            if above and isinstance(below, sp.exp | sp.Mul) and below.as_coeff_Mul()[0] == -above:
                power = below.as_coeff_Mul()[1]
                if isinstance(power, sp.exp) and (quotient := 1 / (1 + power)) in product.args:
                    return product / factor / quotient * -above * sp.tanh(power.args[0] / 2)
        return product

    def in_product(product: Expression) -> Expression:
        for factor in product.args:
            if isinstance(factor, sp.exp) and product.has(mirror := sigmoid(-factor.args[0])):
                quotient = product / (factor * mirror)
                if not quotient.has(mirror):
                    return quotient * sigmoid(factor.args[0])
        return product

    rules = (
        *((sp.Add, in_pair), (sp.Mul, in_ratio), (sp.Add, in_sum)),
        *((sp.log, in_log), (sp.Pow, in_power), (sp.Mul, in_product)),
    )
    for kind, rule in rules:
        expression = everywhere(expression, kind, rule)
    return expression


def everywhere(expression: Expression, kind: type, rule: Callable[[Expression], Expression]) -> Expression:
    """The expression with `rule` applied to each of its parts of that kind, the innermost first."""
    return expression.replace(lambda part: isinstance(part, kind), rule)


@lru_cache(maxsize=4096)
def derivative(expression: Expression) -> Expression:
    """The derivative by the real x, part by part.

    It is what sympy's own diff gives, in a fraction of the time: sympy asks for the assumptions of every part.
    """
    import sympy as sp

    if real_x() not in expression.free_symbols:
        return sp.S.Zero
    if expression == real_x():
        return sp.S.One
    if isinstance(expression, where_class()):
        g, a, b, closed = expression.args
        return where(g, derivative(a), derivative(b), closed)
    slopes = [derivative(part) for part in expression.args]
    if expression.is_Add:
        return sp.Add(*slopes)
    if expression.is_Mul and len(slopes) >= MANY_FACTORS:  # of halves: the terms of all factors grow as their square
        half = len(slopes) // 2
        first, second = sp.Mul(*expression.args[:half]), sp.Mul(*expression.args[half:])
        return derivative(first) * second + first * derivative(second)
    if expression.is_Mul:
        return sp.Add(*(_replaced(expression.args, i, slope) for i, slope in enumerate(slopes) if slope != 0))
    if expression.is_Pow:
        (base, exponent), (d_base, d_exponent) = expression.args, slopes
        terms = [d_exponent * sp.log(base)] if d_exponent != 0 else []
        terms += [d_base * exponent / base] if d_base != 0 else []
        return expression * sp.Add(*terms)
    if "_eval_derivative" in vars(type(expression)):  # a class of our own
        return expression._eval_derivative(real_x())
    try:
        return sp.Add(*(expression.fdiff(i) * slope for i, slope in enumerate(slopes, 1) if slope != 0))
    except sp.core.function.ArgumentIndexError:  # a function without a derivative by this argument
        return expression.diff(real_x())


def _replaced(factors: tuple[Expression, ...], i: int, slope: Expression) -> Expression:
    return prod((*factors[:i], slope, *factors[i + 1 :]))
