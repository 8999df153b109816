"""From Python's syntax tree to sympy: every node that is not named here is refused."""

import ast
import difflib
import warnings
from collections.abc import Iterator

from meanfield._types import Expression
from meanfield.activations.catalogue.entry import Entry
from meanfield.activations.catalogue.meant import meant
from meanfield.activations.catalogue.qualified import find_path, unqualified
from meanfield.activations.catalogue.table import ENTRIES, find
from meanfield.activations.formulas.calls import has_x, path_of, row_and_parameters
from meanfield.activations.formulas.cases import comparison, every, opposite, some, where
from meanfield.activations.formulas.limits import (
    DEEPEST,
    LARGEST_DECADE,
    LONGEST,
    MOST_NODES,
    MOST_NODES_OF_DERIVATIVE,
    check_constant,
    check_terms,
    power,
)
from meanfield.activations.formulas.spelling import character_meant, habit_meant
from meanfield.activations.formulas.vocabulary import (
    CASTS,
    CLIPS,
    FUNCTIONS,
    HYPERBOLIC,
    SEVERAL,
    is_function,
    real_x,
    sizes,
    vocabulary,
)
from meanfield.errors import BadActivation, MeanFieldError, UnknownActivation, shown

NOT_ALLOWED = {
    ast.Attribute: "an attribute",
    ast.Call: "a call of something else than a function's name",
    ast.Lambda: "a lambda",
    ast.JoinedStr: "an f-string",
    ast.Subscript: "an index",
    ast.IfExp: "an if-expression",
    ast.Tuple: "several items (layers between commas are a network)",
    ast.Starred: "a star",
    ast.NamedExpr: "an assignment",
}
OPERATORS = {
    ast.BitXor: "; powers are written **",
    ast.Mod: "; write x - n*floor(x/n)",
    ast.FloorDiv: "; write floor(x/n)",
}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


class Reader:
    """One pass over a syntax tree, with the expression that the name x stands for."""

    def __init__(self, text: str, x: Expression = None) -> None:
        self.text, self.x = text, x
        self.known: dict[Expression, tuple[int, int]] = {}

    def wrong(self, what: str) -> MeanFieldError:
        """The error that says what is wrong with the formula."""
        return BadActivation(f"the formula {shown(self.text)} {what}")

    def expression(self) -> Expression:
        """The whole formula, in the symbol `real_x()`."""
        return self.value(self.tree(), 0)

    def habit(self) -> str:
        """The end of the message about a text that cannot be read."""
        return habit_meant(self.text)

    def tree(self) -> ast.expr:
        """The syntax tree."""
        if len(self.text) > LONGEST:
            raise self.wrong(f"is too long; at most {LONGEST} characters are allowed")
        if not self.text.isascii():
            odd = next(character for character in self.text if not character.isascii())
            raise self.wrong(f"has the character {odd!a}; only ASCII is allowed{character_meant(odd)}")
        try:
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(self.text.strip(), mode="eval")
        except (SyntaxError, ValueError) as error:
            message = error.msg if isinstance(error, SyntaxError) else str(error)
            hint = "" if "never closed" in message or "unmatched" in message else self.habit()
            raise self.wrong(f"cannot be read: {message.splitlines()[0][:80]}{hint}") from None
        if sum(1 for _ in ast.walk(tree)) > MOST_NODES:
            raise self.wrong(f"has too many parts; at most {MOST_NODES} are allowed")
        return tree.body

    def value(self, node: ast.expr, depth: int) -> Expression:
        """A number or an expression in x."""
        if depth > DEEPEST:
            raise self.wrong(f"is nested too deeply; at most {DEEPEST} levels are allowed")
        result = self._value(node, depth)
        if not has_x(node) or result.is_number:
            check_constant(result, self.wrong)
        parts, slope = sizes(result, self.known)
        if parts > MOST_NODES or slope > MOST_NODES_OF_DERIVATIVE:
            raise self.wrong(f"has too many parts once it and its derivative are written out (about {parts + slope})")
        return result

    def _value(self, node: ast.expr, depth: int) -> Expression:
        import sympy as sp

        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                if not abs(value) < 10.0**LARGEST_DECADE:
                    raise self.wrong(f"has a number beyond 1e{LARGEST_DECADE}")
                return sp.Integer(value) if isinstance(value, int) else sp.Float(value)
            case ast.Constant():
                raise self.wrong(f"has {shown(repr(node.value))}, which is not a real number")
            case ast.Name(id="x"):
                return real_x() if self.x is None else self.x
            case ast.Name(id=name):
                return self.constant(name)
            case ast.UnaryOp(op=ast.UAdd() | ast.USub() as sign, operand=operand):
                inner = self.value(operand, depth + 1)
                return -inner if isinstance(sign, ast.USub) else inner
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return sp.Add(*(self.signed(part, depth, -1) for part in _chain(node, ast.Add, ast.Sub)))
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return sp.Mul(*(self.signed(part, depth, 0) for part in _chain(node, ast.Mult, ast.Div)))
            case ast.BinOp(op=ast.Pow(), left=base, right=exponent):
                a, b = ((self.value(operand, depth + 1), not has_x(operand)) for operand in (base, exponent))
                return power(a, b, self.wrong)
            case ast.BinOp(op=operator):
                hint = OPERATORS.get(type(operator), "")
                raise self.wrong(f"has an operator that is not allowed: only + - * / ** are{hint}")
            case ast.Call():
                return self.call(node, depth)
            case ast.IfExp(test=test, body=yes, orelse=no):
                return self.where(test, yes, no, depth)
            case ast.Compare() | ast.BoolOp():
                return self.where(node, ast.Constant(1), ast.Constant(0), depth)
        body = "; write its body alone" if isinstance(node, ast.Lambda) else ""
        what = NOT_ALLOWED.get(type(node), f"a {type(node).__name__.lower()}")
        raise self.wrong(f"has {what}, which is not allowed{body}")

    def signed(self, part: tuple[bool, ast.expr], depth: int, kind: int) -> Expression:
        """A term with its sign (kind −1), or a factor or its reciprocal (kind 0)."""
        import sympy as sp

        inverse, node = part
        inner = self.value(node, depth + 1)
        if inverse and kind == 0 and inner.is_Number and inner.is_zero:
            raise self.wrong("divides by zero")
        return inner if not inverse else -inner if kind == -1 else sp.Pow(inner, -1)

    def constant(self, name: str) -> Expression:
        """A name that is not x and not called."""
        import sympy as sp

        if name in ("pi", "e", "E"):
            return sp.pi if name == "pi" else sp.E
        if name in FUNCTIONS or find(name):
            raise self.wrong(f"has the function {name} without its argument; write {name}(x)")
        raise self.unknown(name, ["x", "pi", "e"], "the variable is x, and pi and e are the constants")

    def unknown(self, name: str, known: list[str], otherwise: str) -> UnknownActivation:
        """The error for a name that is not among those known."""
        if what := meant(name):
            return UnknownActivation(f"the formula {shown(self.text)} has {name[:40]!r}: {what}")
        near = tuple(difflib.get_close_matches(name[:40], known, n=3, cutoff=0.6))
        hint = f"the nearest names are {', '.join(near)}" if near else otherwise
        return UnknownActivation(f"the formula {shown(self.text)} has the unknown name {name[:40]!r}; {hint}", near)

    def call(self, node: ast.Call, depth: int) -> Expression:
        """A function of the vocabulary or of the catalogue, a method of an expression, or where()."""
        import sympy as sp

        path, arguments, keywords = path_of(node.func), node.args, node.keywords
        _, name = unqualified(path) or ("", path)
        if name == "x" or isinstance(node.func, ast.BinOp | ast.Constant):
            raise self.wrong("has a call of something else than a function's name; a product is written with *")
        if "." in name or not name:
            match node.func:
                case ast.Call() as inner if found := find_path(path_of(inner.func)):  # nn.LeakyReLU(0.2)(x)
                    return self.of_row(*row_and_parameters(*found, inner, self.number, self.wrong), node, depth)
                case ast.Attribute(value=value, attr=method) if method in CASTS:
                    return self.value(value, depth + 1)
                case ast.Attribute(value=value, attr=method) if is_function(method) or find(method):
                    path, name, arguments = method, method, [value, *arguments]  # (x + 3).clip(0, 6)
                case _:
                    raise self.wrong("has a call of something else than a function's name")
        if name == "where":
            if len(arguments) != 3 or keywords:
                raise self.wrong("needs where(condition, value if true, value if false)")
            test, yes, no = arguments
            return self.where(test, yes, no, depth)
        if name in CLIPS:
            return self.clip(arguments, keywords, depth)
        if name not in FUNCTIONS and (found := find_path(path)):
            return self.of_row(*found, ast.Call(node.func, arguments, keywords), depth)
        if name not in FUNCTIONS:
            known = list(dict.fromkeys([*FUNCTIONS, *CLIPS, "where", *ENTRIES]))
            raise self.unknown(name, known, f"the functions are {', '.join(FUNCTIONS)}, clip and where")
        if keywords or any(isinstance(argument, ast.Starred) for argument in arguments):
            if len(arguments) == 1 and (found := find_path(path)) and found[0].parameters:
                return self.of_row(*found, ast.Call(node.func, arguments, keywords), depth)
            raise self.wrong(f"gives {name} a keyword or a star; write {name}(x)")
        least, most = SEVERAL.get(name, (1, 1))
        if not least <= len(arguments) <= most:
            takes = {1: "one", 2: "two"}[least] + ("" if most == least else " or more" if most > 3 else f" to {most}")
            count = f"{len(arguments)} argument{'s'[: len(arguments) != 1]}"
            raise self.wrong(f"gives {name} {count}; it takes {takes}")
        if vocabulary()[name] is sp.Pow:
            return self._value(ast.BinOp(arguments[0], ast.Pow(), arguments[1]), depth)
        values = [self.value(argument, depth + 1) for argument in arguments]
        if name in HYPERBOLIC:
            check_terms(values[0], self.wrong)
        return vocabulary()[name](*values)

    def clip(self, arguments: list[ast.expr], keywords: list[ast.keyword], depth: int) -> Expression:
        """clip(x, lowest, highest), either of which may be missing or None."""
        ends = dict(zip(("min", "max"), arguments[1:], strict=False))
        ends |= {str(keyword.arg).removeprefix("a_"): keyword.value for keyword in keywords}
        if not arguments or len(arguments) > 3 or not set(ends) <= {"min", "max"}:
            raise self.wrong("needs clip(x, lowest, highest)")
        value = self.value(arguments[0], depth + 1)
        for end, function in (("min", "max"), ("max", "min")):
            bound = ends.get(end, ast.Constant(None))
            if not (isinstance(bound, ast.Constant) and bound.value is None):
                value = vocabulary()[function](value, self.value(bound, depth + 1))
        return value

    def of_row(self, row: Entry, defaults: dict[str, float], node: ast.Call, depth: int) -> Expression:
        """A row of the catalogue, as leaky_relu(x) or leaky_relu(x, 0.2)."""
        if not node.args or not has_x(node.args[0]):
            raise self.wrong(f"needs an argument with x for {row.name}; write {row.name}(x)")
        row, parameters = row_and_parameters(row, defaults, node, self.number, self.wrong, skip=1)
        inner = self.value(node.args[0], depth + 1)
        if not (text := row.text(row.values(parameters))):
            raise self.wrong(f"has {row.name}, which has no formula for these parameters")
        return _ReaderOfRow(text, inner, self).expression()

    def number(self, node: ast.expr) -> float:
        """The number that a node describes."""
        value = self.value(node, 0)
        if value.free_symbols:
            raise self.wrong("has x in a number's place")
        return int(value) if value.is_Integer else float(value)

    def where(self, test: ast.expr, yes: ast.expr, no: ast.expr, depth: int) -> Expression:
        """One of two values."""
        condition = self.condition(test, depth + 1)
        return where(condition, *(self.value(argument, depth + 1) for argument in (yes, no)))

    def condition(self, node: ast.expr, depth: int) -> Expression:
        """The condition of a where(), as an expression that is > 0 where it holds."""
        if depth > DEEPEST:
            raise self.wrong(f"is nested too deeply; at most {DEEPEST} levels are allowed")
        match node:
            case ast.Compare(left=left, ops=operators, comparators=others):
                values = [self.value(part, depth + 1) for part in (left, *others)]
                if any(type(operator) not in COMPARISONS for operator in operators):
                    raise self.wrong("has a comparison other than < <= > >= == !=")
                triples = zip(values[:-1], operators, values[1:], strict=True)
                return every([comparison(a, COMPARISONS[type(operator)], b) for a, operator, b in triples])
            case ast.BoolOp(op=operator, values=parts):
                conditions = [self.condition(part, depth + 1) for part in parts]
                return (every if isinstance(operator, ast.And) else some)(conditions)
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr() as operator, left=left, right=right):
                pair = [self.condition(left, depth + 1), self.condition(right, depth + 1)]
                return (every if isinstance(operator, ast.BitAnd) else some)(pair)
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
                return opposite(self.condition(operand, depth + 1))
        raise self.wrong("needs a comparison as the first argument of where, as in where(x > 0, x, 0)")


class _ReaderOfRow(Reader):
    """The reader of a row's formula inside of another formula, whose messages are about the other one."""

    def __init__(self, text: str, x: Expression, outer: Reader) -> None:
        super().__init__(text, x)
        self.outer, self.known = outer, outer.known

    def wrong(self, what: str) -> MeanFieldError:
        """The error that says what is wrong with the outer formula."""
        return self.outer.wrong(what)


def _chain(node: ast.expr, plus: type, minus: type) -> Iterator[tuple[bool, ast.expr]]:
    """The terms of a sum or the factors of a product, with whether each is subtracted or divided by."""
    parts: list[tuple[bool, ast.expr]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, plus | minus):
        parts.append((isinstance(node.op, minus), node.right))
        node = node.left
    parts.append((False, node))
    return reversed(parts)
