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


#: Functions that sympy has, by their names there.
OF_SYMPY = {
    "exp": "exp", "log": "log", "ln": "log", "sqrt": "sqrt", "erf": "erf", "erfc": "erfc",
    "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
    "abs": "Abs", "fabs": "Abs", "absolute": "Abs", "sign": "sign", "floor": "floor", "ceil": "ceiling",
    "pow": "Pow", "power": "Pow", "float_power": "Pow",
    **{f"{a}{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh") for a in ("a", "arc")},
}  # fmt: skip
#: The others, made of sympy, the first argument.
MADE: dict[str, Callable[..., Expression]] = {
    # Unevaluated, since sympy's simplification of their arguments can take minutes.
    **dict.fromkeys(("max", "maximum"), lambda sp, *u: sp.Max(*u, evaluate=False)),
    **dict.fromkeys(("min", "minimum"), lambda sp, *u: sp.Min(*u, evaluate=False)),
    "heaviside": lambda sp, u, at_zero=None: sp.Heaviside(u, sp.S.Half if at_zero is None else at_zero),
    "sigmoid": lambda sp, u: 1 / (1 + sp.exp(-u)),
    "relu": lambda sp, u: sp.Max(u, sp.S.Zero, evaluate=False),
    "softplus": lambda sp, u: sp.log(1 + sp.exp(u)),
    "Phi": lambda sp, u: (1 + sp.erf(u / sp.sqrt(2))) / 2,
    "expm1": lambda sp, u: sp.exp(u) - 1,
    "log1p": lambda sp, u: sp.log(1 + u),
    "sech": lambda sp, u: 1 / sp.cosh(u),
    "csch": lambda sp, u: 1 / sp.sinh(u),
    "coth": lambda sp, u: 1 / sp.tanh(u),
    "square": lambda sp, u: u**2,
    "zeros_like": lambda sp, u: sp.S.Zero,
    "ones_like": lambda sp, u: sp.S.One,
    "exp2": lambda sp, u: 2**u,
    "log2": lambda sp, u: sp.log(u) / sp.log(2),
    "log10": lambda sp, u: sp.log(u) / sp.log(10),
    "logaddexp": lambda sp, a, b: a + sp.log(1 + sp.exp(b - a)),
    "round": lambda sp, u: sp.floor(u + sp.S.Half),
    "trunc": lambda sp, u: sp.sign(u) * sp.floor(sp.Abs(u)),
}
#: The names of the functions of the grammar, but for ``where`` and `CLIPS`.
FUNCTIONS = (*OF_SYMPY, *MADE, *SYNONYMS)


@cache
def vocabulary() -> dict[str, Callable[..., Expression]]:
    """The functions of the grammar, as makers of sympy expressions."""
    import sympy as sp

    made = {name: getattr(sp, own) for name, own in OF_SYMPY.items()}
    made |= {name: partial(f, sp) for name, f in MADE.items()}
    return made | {name: made[other] for name, other in SYNONYMS.items()}


def is_function(name: str) -> bool:
    """Whether a name is a function of the grammar."""
    return name in FUNCTIONS or name in ("where", *CLIPS)


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
