"""The variable and the functions of formulas, and the size of an expression once its cases are written out."""

from collections.abc import Callable
from functools import cache, partial

from meanfield._types import Expression

#: The least and the greatest number of arguments of functions that do not take exactly one.
SEVERAL = {
    **dict.fromkeys(("max", "maximum", "min", "minimum"), (2, 50)),
    **dict.fromkeys(("pow", "power", "float_power", "logaddexp"), (2, 2)),
    "heaviside": (1, 2),
}


CLIPS = ("clip", "clamp", "clip_by_value")  # clip(x, lowest, highest) of NumPy, torch and TensorFlow
CASTS = ("float", "double", "astype", "type_as")  # methods that change the type of what is a number here
HYPERBOLIC = ("sinh", "cosh", "tanh", "sech", "csch", "coth")
#: NumPy's other names.
SYNONYMS = {"ceiling": "ceil", "rint": "round", "around": "round", "fix": "trunc"}


@cache
def real_x() -> Expression:
    """The symbol for the argument while it is known to be real."""
    import sympy as sp

    return sp.Symbol("x", real=True)


@cache
def vocabulary() -> dict[str, Callable[..., Expression]]:
    """The functions of the grammar, as makers of sympy expressions."""
    import sympy as sp

    # Unevaluated, since sympy's simplification of their arguments can take minutes.
    largest, smallest = partial(sp.Max, evaluate=False), partial(sp.Min, evaluate=False)
    named = {
        "exp": sp.exp, "log": sp.log, "ln": sp.log, "sqrt": sp.sqrt, "erf": sp.erf, "erfc": sp.erfc,
        "sin": sp.sin, "cos": sp.cos, "tan": sp.tan, "sinh": sp.sinh, "cosh": sp.cosh, "tanh": sp.tanh,
        "abs": sp.Abs, "fabs": sp.Abs, "absolute": sp.Abs, "sign": sp.sign,
        "max": largest, "maximum": largest, "min": smallest, "minimum": smallest,
    }  # fmt: skip
    inverse = {"sin": sp.asin, "cos": sp.acos, "tan": sp.atan, "sinh": sp.asinh, "cosh": sp.acosh, "tanh": sp.atanh}
    derived: dict[str, Callable[..., Expression]] = {
        "heaviside": lambda u, at_zero=sp.S.Half: sp.Heaviside(u, at_zero),
        "sigmoid": lambda u: 1 / (1 + sp.exp(-u)),
        "relu": lambda u: largest(u, sp.S.Zero),
        "softplus": lambda u: sp.log(1 + sp.exp(u)),
        "Phi": lambda u: (1 + sp.erf(u / sp.sqrt(2))) / 2,
        "expm1": lambda u: sp.exp(u) - 1,
        "log1p": lambda u: sp.log(1 + u),
        "sech": lambda u: 1 / sp.cosh(u),
        "csch": lambda u: 1 / sp.sinh(u),
        "coth": lambda u: 1 / sp.tanh(u),
        "square": lambda u: u**2,
        "zeros_like": lambda u: sp.S.Zero,
        "ones_like": lambda u: sp.S.One,
        "exp2": lambda u: 2**u,
        "log2": lambda u: sp.log(u) / sp.log(2),
        "log10": lambda u: sp.log(u) / sp.log(10),
        "logaddexp": lambda a, b: a + sp.log(1 + sp.exp(b - a)),
        **dict.fromkeys(("pow", "power", "float_power"), sp.Pow),
        "floor": sp.floor,
        "ceil": sp.ceiling,
        "round": lambda u: sp.floor(u + sp.S.Half),
        "trunc": lambda u: sp.sign(u) * sp.floor(sp.Abs(u)),
    }
    derived |= {name: derived[other] for name, other in SYNONYMS.items()}
    return named | {f"{a}{name}": f for name, f in inverse.items() for a in ("a", "arc")} | derived


def is_function(name: str) -> bool:
    """Whether a name is a function of the grammar."""
    return name in vocabulary() or name in ("where", *CLIPS)


def example(name: str) -> str:
    """A call of a function of the grammar."""
    arguments = "x > 0, x, 0" if name == "where" else "x, -1, 1" if name in CLIPS else "x"
    return f"{name}({'x, 2' if SEVERAL.get(name, (1, 1))[0] == 2 else arguments})"


def sizes(expression: Expression, known: dict[Expression, tuple[int, int]]) -> tuple[int, int]:
    """About how many nodes an expression written by cases has, and its derivative; `known` caches subexpressions."""
    if expression not in known:
        parts = [sizes(part, known) for part in expression.args]
        size, slope = 1 + sum(s for s, _ in parts), sum(d for _, d in parts)
        match type(expression).__name__:
            case "Max" | "Min":
                size *= len(parts)
                slope += size
            case "Abs" | "sign" | "Heaviside":
                size, slope = 3 * size, 2 * slope + size
            case "Mul":
                slope += len(parts) * size
            case "Add":
                slope += 1
            case "Where":
                slope += parts[0][0]
            case _:
                slope += 2 * size
        known[expression] = (size, slope)
    return known[expression]
