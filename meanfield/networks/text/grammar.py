"""From Python's syntax tree to layers. Every kind of node without a case here is refused."""

import ast
import difflib
import math
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.activations.catalogue.table import ENTRIES, find
from meanfield.activations.formulas.grammar import DEEPEST, LARGEST_DECADE, NOT_ALLOWED, Reader, shown
from meanfield.activations.formulas.parse import read
from meanfield.activations.formulas.vocabulary import vocabulary
from meanfield.activations.resolve import activation
from meanfield.errors import InvalidInput, MeanFieldError, UnknownActivation
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.network import Network
from meanfield.networks.text.words import ALIASES, LAYERS, REQUIRED, arguments_of, known


class Tree(Reader):
    """The checks of a text as a whole; `expression` returns its syntax tree."""

    def wrong(self, what: str) -> InvalidInput:
        """The error that says what is wrong with the text."""
        return InvalidInput(f"the network {shown(self.text)} {what}")

    def value(self, node: ast.expr, depth: int) -> ast.expr:
        """The tree."""
        return node


class NetworkReader:
    """One pass over the syntax tree of a line of text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def part(self, node: ast.expr) -> str:
        """The text of a node. The whole text is one line of ASCII, so that columns are characters."""
        return self.text[node.col_offset : node.end_col_offset]

    def wrong(self, node: ast.expr, what: str) -> InvalidInput:
        """The error that says what is wrong with a part."""
        return InvalidInput(f"in the network, {shown(self.part(node))} {what}")

    def unknown(self, name: str, names: list[str]) -> UnknownActivation:
        """The error for an unknown name, with the nearest of `names`."""
        near = tuple(difflib.get_close_matches(name[:40], names, n=3, cutoff=0.5))
        nearest = f"the nearest name{' is' if len(near) == 1 else 's are'} {', '.join(near)}"
        hint = nearest if near else f"the layers are {', '.join(LAYERS)}"
        return UnknownActivation(f"the network {shown(self.text)} has the unknown name {name[:40]!r}; {hint}", near)

    def network(self) -> Network:
        """The network of the whole text; a text that is a single `network(...)` gives this network itself."""
        if not self.text:
            raise InvalidInput("the text of the network is empty; a network is layers, as in 'relu, dense(1.4)'")
        tree = Tree(self.text).expression()
        layers = [self.layer(node, 0) for node in (tree.elts if isinstance(tree, ast.Tuple) else [tree])]
        if len(layers) == 1 and isinstance(layers[0], Network):
            return layers[0]
        return Network(*layers)

    def layer(self, node: ast.expr, depth: int) -> Layer:
        """The layer that a node describes."""
        if depth > DEEPEST:
            raise Tree(self.text).wrong(f"is nested too deeply; at most {DEEPEST} levels are allowed")
        match node:
            case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)) if layer := known(name):
                return self.built(layer, node, depth)
            case ast.Tuple() | ast.List():
                raise self.wrong(node, "is a list in a layer's place; write network(...)")
        return Elementwise(self.activation(node))

    def built(self, name: str, node: ast.expr, depth: int) -> Layer:
        """The layer `name` with the arguments in its parentheses."""
        defaults, around = arguments_of(name)
        inside, given = self.arguments(node, name, list(defaults), around)
        layers = [self.layer(argument, depth + 1) for argument in inside]
        if missing := [key for key, default in defaults.items() if default is REQUIRED and key not in given]:
            raise self.wrong(node, f"needs {' and '.join(missing)}: {name}({', '.join(defaults)})")
        try:
            return LAYERS[name](*layers, **{key: self.value(value, key) for key, value in given.items()})
        except MeanFieldError as error:
            raise InvalidInput(f"in the network, {shown(self.part(node))}: {error}") from error

    def activation(self, node: ast.expr) -> Activation:
        """The activation of a node: a name of the catalogue, with or without parameters, or a formula."""
        match node:
            case ast.Name(id=name) if name == "x" or find(name):
                return activation(name)
            case ast.Name(id=name):
                raise self.unknown(name, [*LAYERS, *ENTRIES])
            case ast.Call(func=ast.Name(id=name)) if (entry := find(name)) and not _has_x(node):
                _, given = self.arguments(node, name, list(entry.parameters), False)
                parameters: dict[str, Any] = {key: self.number(value) for key, value in given.items()}
                return activation(name, **parameters)
            case ast.Call(func=ast.Name(id=name)) if not find(name) and name not in [*vocabulary(), "where"]:
                raise self.unknown(name, [*LAYERS, *ENTRIES, *vocabulary(), "where"])
            case ast.Call(func=ast.Name()) | ast.BinOp() | ast.UnaryOp() | ast.Constant():
                if _has_x(node):
                    return activation(self.part(node))
                raise self.wrong(node, "is in a layer's place, where a layer, an activation or a formula in x belongs")
        what = NOT_ALLOWED.get(type(node), f"a {type(node).__name__.lower()}")
        raise self.wrong(node, f"is {what}, which is not allowed")

    def arguments(
        self, node: ast.expr, name: str, keys: list[str], around: bool
    ) -> tuple[list[ast.expr], dict[str, ast.expr]]:
        """The arguments in the parentheses: inner layers, if the layer is `around` some, and values by name."""
        if not isinstance(node, ast.Call):
            return [], {}
        if any(isinstance(argument, ast.Starred) for argument in node.args) or not all(k.arg for k in node.keywords):
            raise self.wrong(node, "has a star, which is not allowed")
        takes = f"{name} takes {', '.join(keys) or 'none'}"
        if not around and len(node.args) > len(keys):
            raise self.wrong(node, f"has {len(node.args)} argument{'s'[: len(node.args) > 1]}; {takes}")
        given = {} if around else dict(zip(keys, node.args, strict=False))
        for keyword in node.keywords:
            word = keyword.arg or ""
            key = word if word in keys else ALIASES.get(word, word)
            if key not in keys:
                near = difflib.get_close_matches(word[:40], [*keys, *(a for a in ALIASES if ALIASES[a] in keys)], n=1)
                raise self.wrong(
                    node, f"has the unknown argument {word[:40]!r}; {f'the nearest is {near[0]}' if near else takes}"
                )
            if key in given:
                raise self.wrong(node, f"gives {key} twice")
            given[key] = keyword.value
        return node.args if around else [], given

    def value(self, node: ast.expr, name: str) -> object:
        """The value of an argument: an activation, a number, a tuple of numbers, or a word."""
        match node:
            case _ if name == "activation":
                return self.activation(node)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return tuple(self.value(part, name) for part in parts)
            case ast.Constant(value=str() as word):
                raise InvalidInput(f"words go without quotes, not {shown(word)}")
            case ast.Name(id="inf"):
                return math.inf
            case ast.Name(id=word) if word not in ("x", "pi", "e", "E"):
                return word
        return self.number(node)

    def number(self, node: ast.expr) -> float:
        """The number that a node describes, as an int if it is whole."""
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                if abs(value) < 10.0**LARGEST_DECADE:
                    return value
        expression = read(self.part(node))
        if expression.free_symbols:
            raise InvalidInput(f"{shown(self.part(node))} has x in a number's place")
        return int(expression) if expression.is_Integer else float(expression)


def _has_x(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Name) and part.id == "x" for part in ast.walk(node))
