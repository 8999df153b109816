"""From Python's syntax tree to layers. Every kind of node without a case here is refused."""

import ast
import difflib
import math
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.activations.catalogue.entry import Entry
from meanfield.activations.catalogue.meant import layer_meant, meant
from meanfield.activations.catalogue.qualified import find_path
from meanfield.activations.catalogue.table import ENTRIES, normalised
from meanfield.activations.formulas.calls import bound, has_x, path_of, row_and_parameters
from meanfield.activations.formulas.grammar import NOT_ALLOWED, Reader
from meanfield.activations.formulas.limits import DEEPEST, LARGEST_DECADE
from meanfield.activations.formulas.parse import read
from meanfield.activations.formulas.vocabulary import FUNCTIONS
from meanfield.activations.resolve import activation
from meanfield.errors import InvalidInput, MeanFieldError, UnknownActivation, shown
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.network import Network
from meanfield.networks.text.words import ALIASES, LAYERS, REQUIRED, WORDS, arguments_of, known


class Tree(Reader):
    """The checks of a text as a whole."""

    def wrong(self, what: str) -> InvalidInput:
        """The error that says what is wrong with the text."""
        return InvalidInput(f"the network {shown(self.text)} {what}")

    def habit(self) -> str:
        """The end of the message about a text that cannot be read."""
        return "; layers go between commas and their arguments in parentheses, as in 'relu, dense(1.4)'"


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
        if what := f"write {layer}" if (layer := layer_meant(name)) else meant(name):
            return UnknownActivation(f"the network {shown(self.text)} has {name[:40]!r}: {what}")
        near = tuple(difflib.get_close_matches(name[:40], names, n=3, cutoff=0.6))
        nearest = f"the nearest name{' is' if len(near) == 1 else 's are'} {', '.join(near)}"
        hint = nearest if near else f"the layers are {', '.join(LAYERS)}"
        return UnknownActivation(f"the network {shown(self.text)} has the unknown name {name[:40]!r}; {hint}", near)

    def network(self) -> Network:
        """The network of the whole text; a text that is a single `network(...)` gives this network itself."""
        if not self.text:
            raise InvalidInput("the text of the network is empty; a network is layers, as in 'relu, dense(1.4)'")
        tree = Tree(self.text).tree()
        layers = [self.layer(node, 0) for node in (tree.elts if isinstance(tree, ast.Tuple) else [tree])]
        if len(layers) == 1 and isinstance(layers[0], Network):
            return layers[0]
        made = Network(*layers)
        if not any("sigma_w" in layer.parameters for layer in made.walk()):
            for node in ast.walk(tree):
                if isinstance(node, ast.Name) and normalised(node.id) == "linear":
                    raise self.identity(node)
        return made

    def identity(self, node: ast.expr) -> InvalidInput:
        """The error for a Linear that is meant as the layer with weights."""
        return self.wrong(node, "is the identity in a text; the layer with weights is dense(sigma_w, sigma_b)")

    def layer(self, node: ast.expr, depth: int) -> Layer:
        """The layer that a node describes."""
        if depth > DEEPEST:
            raise Tree(self.text).wrong(f"is nested too deeply; at most {DEEPEST} levels are allowed")
        match node:
            case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)) if layer := known(name):
                return self.built(layer, node, depth)
            case ast.Tuple() | ast.List():
                raise self.wrong(node, "is a list in a layer's place; write network(...)")
        path = path_of(node.func) if isinstance(node, ast.Call) else path_of(node)
        if path.rpartition(".")[2] in ("Linear", "LazyLinear") or (path == "linear" and isinstance(node, ast.Call)):
            raise self.identity(node)
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
        called = isinstance(node, ast.Call)
        path = path_of(node.func) if isinstance(node, ast.Call) else path_of(node)
        if path == "x" and not called:
            return activation("x")
        if (found := find_path(path)) and not (called and has_x(node)):
            return self.named(node, *found)
        if "." in path and not (called and has_x(node)) and (layer_meant(path) or meant(path)):
            raise self.unknown(path, [])
        match node:
            case ast.Name(id=name):
                raise self.unknown(name, [*LAYERS, *ENTRIES])
            case ast.Call(func=ast.Name(id=name)) if not find_path(name) and name not in [*FUNCTIONS, "where"]:
                raise self.unknown(name, [*LAYERS, *ENTRIES, *FUNCTIONS, "where"])
            case ast.Call() | ast.BinOp() | ast.UnaryOp() | ast.Constant():
                if has_x(node):
                    return activation(self.part(node))
                if path or not called:
                    raise self.wrong(
                        node, "is in a layer's place, where a layer, an activation or a formula in x belongs"
                    )
            case ast.IfExp() | ast.Compare() if has_x(node):
                return activation(self.part(node))
        what = NOT_ALLOWED.get(type(node), f"a {type(node).__name__.lower()}")
        raise self.wrong(node, f"is {what}, which is not allowed")

    def named(self, node: ast.expr, row: Entry, parameters: dict[str, float]) -> Activation:
        """The activation of a row of the catalogue, with or without parameters in parentheses."""
        if isinstance(node, ast.Call):
            row, parameters = row_and_parameters(
                row, parameters, node, self.number, lambda what: self.wrong(node, what)
            )
        given: dict[str, Any] = {**parameters}
        return activation(row.name, **given)

    def arguments(
        self, node: ast.expr, name: str, keys: list[str], around: bool
    ) -> tuple[list[ast.expr], dict[str, ast.expr]]:
        """The arguments in the parentheses: inner layers, if the layer is `around` some, and values by name."""
        if not isinstance(node, ast.Call):
            return [], {}
        inside = node.args if around else []
        keywords = [*node.keywords]
        placed = [argument for argument in node.args if not self.bare(argument, name, keywords)]
        plain = ast.copy_location(ast.Call(node.func, placed, keywords), node)
        return inside, bound(plain, name, keys, lambda what: self.wrong(node, what), len(inside), ALIASES)

    def bare(self, argument: ast.expr, name: str, keywords: list[ast.keyword]) -> bool:
        """Whether an argument is a bare word of the layer `name`; its meaning is then added to `keywords`."""
        match argument:
            case ast.Name(id=word) if word in WORDS.get(name, {}):
                key, value = WORDS[name][word]
                meaning = argument if isinstance(value, str) else ast.copy_location(ast.Constant(value), argument)
                keywords.append(ast.keyword(key, meaning))
                return True
        return False

    def value(self, node: ast.expr, name: str) -> object:
        """The value of an argument: an activation, a number, a tuple of numbers, or a word."""
        match node:
            case _ if name == "activation":
                return self.activation(node)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return tuple(self.value(part, name) for part in parts)
            case ast.Constant(value=bool() as truth) if any((name, True) in words.values() for words in WORDS.values()):
                return truth
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
