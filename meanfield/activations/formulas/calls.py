"""Arguments in parentheses: by place or by name, as ``leaky_relu(0.2)`` and ``leaky_relu(negative_slope=0.2)``."""

import ast
import difflib
from collections.abc import Callable, Mapping

from meanfield.activations.catalogue.entry import Entry
from meanfield.activations.catalogue.table import ENTRIES
from meanfield.errors import MeanFieldError

Wrong = Callable[[str], MeanFieldError]

TANH_OF_GELU = {"tanh": "gelu_tanh", True: "gelu_tanh", "none": "gelu", False: "gelu"}  # torch's, JAX's and Keras' word
WITHOUT_EFFECT = ("inplace", "num_parameters")  # on the values


def path_of(node: ast.expr) -> str:
    """The dotted name that a node is; "" if it is anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute) if path := path_of(value):
            return f"{path}.{attribute}"
    return ""


def has_x(node: ast.AST) -> bool:
    """Whether the variable occurs in a syntax tree."""
    return any(isinstance(part, ast.Name) and part.id == "x" for part in ast.walk(node))


def bound(
    node: ast.Call, name: str, keys: list[str], wrong: Wrong, skip: int = 0, aliases: Mapping[str, str] | None = None
) -> dict[str, ast.expr]:
    """The arguments of a call by key; the first `skip` ones are no parameters."""
    if any(isinstance(argument, ast.Starred) for argument in node.args) or not all(k.arg for k in node.keywords):
        raise wrong("has a star, which is not allowed")
    placed, aliases = node.args[skip:], aliases or {}
    takes = f"{name} takes {', '.join(keys) or 'none'}"
    if len(placed) > len(keys):
        raise wrong(f"has {len(placed)} argument{'s'[: len(placed) > 1]}; {takes}")
    given = dict(zip(keys, placed, strict=False))
    for keyword in node.keywords:
        word = keyword.arg or ""
        key = word if word in keys else aliases.get(word, word)
        if key not in keys:
            near = difflib.get_close_matches(word[:40], [*keys, *(a for a in aliases if aliases[a] in keys)], n=1)
            raise wrong(f"has the unknown argument {word[:40]!r}; {f'the nearest is {near[0]}' if near else takes}")
        if key in given:
            raise wrong(f"gives {key} twice")
        given[key] = keyword.value
    return given


def row_and_parameters(
    row: Entry,
    defaults: Mapping[str, float],
    node: ast.Call,
    number: Callable[[ast.expr], float],
    wrong: Wrong,
    skip: int = 0,
) -> tuple[Entry, dict[str, float]]:
    """The row and the parameters of a call of a row's name, in which the first `skip` arguments are no parameters."""
    args = [argument for argument in node.args[skip:] if not is_switch(argument)]
    if row.name == "linear" and args:
        raise wrong("gives numbers to the identity; the layer with weights is dense(sigma_w, sigma_b) in a network")
    if row.name == "prelu" and args and path_of(node.func).startswith(("nn.", "torch.")):
        raise wrong("gives PReLU's number of slopes by place; write init=0.25")
    keywords = [keyword for keyword in node.keywords if keyword.arg not in WITHOUT_EFFECT]
    for keyword in keywords:
        if keyword.arg == "approximate" and row.name in ("gelu", "gelu_tanh"):
            match keyword.value:
                case ast.Constant(value=str() | bool() as kind) if kind in TANH_OF_GELU:
                    row, keywords = ENTRIES[TANH_OF_GELU[kind]], [other for other in keywords if other is not keyword]
                case _:
                    raise wrong("has an approximate= other than 'tanh' and 'none'")
    given = bound(ast.Call(node.func, args, keywords), row.name, list(row.parameters), wrong)
    return row, {**defaults, **{key: number(value) for key, value in given.items()}}


def is_switch(node: ast.expr) -> bool:
    """Whether an argument is True or False, as torch's inplace."""
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)
