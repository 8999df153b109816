"""From Python's syntax tree to sympy: every node that is not named here is refused."""

import ast
import difflib
import math
import warnings
from collections.abc import Iterator

from meanfield._types import Expression
from meanfield.activations.catalogue.table import ENTRIES, find
from meanfield.activations.formulas.vocabulary import real_x, sizes, vocabulary
from meanfield.errors import BadActivation, MeanFieldError, UnknownActivation

LONGEST = 10_000  # characters
MOST_NODES = 3_000  # of the syntax tree, and of the function written by cases
MOST_NODES_OF_DERIVATIVE = 20_000
DEEPEST = 40  # nested parentheses and calls; a long sum or product is one level
LARGEST_EXPONENT = 100
LARGEST_DECADE = 300  # constants lie within 1e±300

NOT_ALLOWED = {
    ast.Attribute: "an attribute",
    ast.Call: "a call of something else than a function's name",
    ast.Lambda: "a lambda",
    ast.JoinedStr: "an f-string",
    ast.Subscript: "an index",
    ast.IfExp: "an if-expression (write where(condition, a, b))",
    ast.Compare: "a comparison outside of where(condition, a, b)",
    ast.BoolOp: "'and' or 'or' outside of where(condition, a, b)",
    ast.Starred: "a star",
    ast.NamedExpr: "an assignment",
}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


class Reader:
    """One pass over a syntax tree."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.known: dict[Expression, tuple[int, int]] = {}

    def wrong(self, what: str) -> MeanFieldError:
        """The error that says what is wrong with the formula."""
        return BadActivation(f"the formula {shown(self.text)} {what}")

    def expression(self) -> Expression:
        """The whole formula, in the symbol `real_x()`."""
        if len(self.text) > LONGEST:
            raise self.wrong(f"is too long; at most {LONGEST} characters are allowed")
        if not self.text.isascii():
            odd = next(character for character in self.text if not character.isascii())
            raise self.wrong(f"has the character {odd!a}; only ASCII is allowed")
        try:
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(self.text.strip(), mode="eval")
        except (SyntaxError, ValueError) as error:
            message = error.msg if isinstance(error, SyntaxError) else str(error)
            raise self.wrong(f"cannot be read: {message.splitlines()[0][:80]}") from None
        if sum(1 for _ in ast.walk(tree)) > MOST_NODES:
            raise self.wrong(f"has too many parts; at most {MOST_NODES} are allowed")
        return self.value(tree.body, 0)

    def value(self, node: ast.expr, depth: int) -> Expression:
        """A number or an expression in x."""
        if depth > DEEPEST:
            raise self.wrong(f"is nested too deeply; at most {DEEPEST} levels are allowed")
        result = self._value(node, depth)
        if _is_constant(node) or result.is_Number or result.is_infinite:
            self.check_constant(result)
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
                return real_x()
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
                return self.power(*((self.value(n, depth + 1), _is_constant(n)) for n in (base, exponent)))
            case ast.BinOp(op=operator):
                hint = "; powers are written **" if isinstance(operator, ast.BitXor) else ""
                raise self.wrong(f"has an operator that is not allowed: only + - * / ** are{hint}")
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
                if keywords or any(isinstance(argument, ast.Starred) for argument in arguments):
                    raise self.wrong(f"gives {name} a keyword or a star; write {name}(x)")
                return self.call(name, arguments, depth)
        raise self.wrong(f"has {NOT_ALLOWED.get(type(node), 'a ' + type(node).__name__.lower())}, which is not allowed")

    def signed(self, part: tuple[bool, ast.expr], depth: int, kind: int) -> Expression:
        """A term with its sign (kind −1), or a factor or its reciprocal (kind 0)."""
        import sympy as sp

        inverse, node = part
        inner = self.value(node, depth + 1)
        if inverse and kind == 0 and inner.is_zero:
            raise self.wrong("divides by zero")
        return inner if not inverse else -inner if kind == -1 else sp.Pow(inner, -1)

    def constant(self, name: str) -> Expression:
        """A name that is not x and not called."""
        import sympy as sp

        if name in ("pi", "e", "E"):
            return sp.pi if name == "pi" else sp.E
        if name in vocabulary() or find(name):
            raise self.wrong(f"has the function {name} without its argument; write {name}(x)")
        raise self.unknown(name, ["x", "pi", "e"], "the variable is x, and pi and e are the constants")

    def unknown(self, name: str, known: list[str], otherwise: str) -> UnknownActivation:
        """The error for a name that is not among those known."""
        near = tuple(difflib.get_close_matches(name[:40], known, n=3, cutoff=0.5))
        hint = f"the nearest names are {', '.join(near)}" if near else otherwise
        return UnknownActivation(f"the formula {shown(self.text)} has the unknown name {name[:40]!r}; {hint}", near)

    def call(self, name: str, arguments: list[ast.expr], depth: int) -> Expression:
        """A function of the vocabulary or of the catalogue, or where()."""
        import sympy as sp

        if name == "where":
            if len(arguments) != 3:
                raise self.wrong("needs where(condition, value if true, value if false)")
            condition = self.condition(arguments[0], depth + 1)
            yes, no = (self.value(argument, depth + 1) for argument in arguments[1:])
            if condition in (sp.true, sp.false):
                return yes if condition == sp.true else no
            return sp.Piecewise((yes, condition), (no, True), evaluate=False)
        entry = None if name in vocabulary() else find(name)
        if name not in vocabulary() and not (entry and entry.text(entry.values({}))):
            known = list(dict.fromkeys([*vocabulary(), "where", *ENTRIES]))
            raise self.unknown(name, known, f"the functions are {', '.join(vocabulary())} and where")
        values = [self.value(argument, depth + 1) for argument in arguments]
        if entry:
            if len(values) != 1:
                raise self.wrong(f"gives {name} {len(values)} arguments; it takes one")
            body = Reader(entry.text(entry.values({}))).expression()
            return body.xreplace({real_x(): values[0]})
        many = name in ("max", "maximum", "min", "minimum")
        most = 50 if many else 2 if name == "heaviside" else 1
        if not 1 <= len(values) <= most:
            raise self.wrong(f"gives {name} {len(values)} arguments; it takes {'two or more' if many else 'one'}")
        return vocabulary()[name](*values)

    def condition(self, node: ast.expr, depth: int) -> Expression:
        """The condition of a where()."""
        import sympy as sp

        if depth > DEEPEST:
            raise self.wrong(f"is nested too deeply; at most {DEEPEST} levels are allowed")
        match node:
            case ast.Compare(left=left, ops=operators, comparators=others):
                values = [self.value(part, depth + 1) for part in (left, *others)]
                if any(type(operator) not in COMPARISONS for operator in operators):
                    raise self.wrong("has a comparison other than < <= > >= == !=")
                triples = zip(values[:-1], operators, values[1:], strict=True)
                return sp.And(*(self.comparison(a, COMPARISONS[type(operator)], b) for a, operator, b in triples))
            case ast.BoolOp(op=operator, values=parts):
                conditions = [self.condition(part, depth + 1) for part in parts]
                return (sp.And if isinstance(operator, ast.And) else sp.Or)(*conditions)
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr() as operator, left=left, right=right):
                pair = self.condition(left, depth + 1), self.condition(right, depth + 1)
                return (sp.And if isinstance(operator, ast.BitAnd) else sp.Or)(*pair)
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
                return sp.Not(self.condition(operand, depth + 1))
        raise self.wrong("needs a comparison as the first argument of where, as in where(x > 0, x, 0)")

    def comparison(self, a: Expression, relation: str, b: Expression) -> Expression:
        """A comparison, evaluated if both sides are constants."""
        import sympy as sp

        return sp.Rel(a, b, relation, evaluate=not (a - b).free_symbols)

    def power(self, base_and_kind: tuple[Expression, bool], exponent_and_kind: tuple[Expression, bool]) -> Expression:
        """A power of two operands, each with whether it is a constant; huge ones are refused unexpanded."""
        import sympy as sp

        (base, base_is_constant), (exponent, exponent_is_constant) = base_and_kind, exponent_and_kind
        if exponent.is_Float and float(exponent).is_integer():
            exponent = sp.Integer(int(exponent))
        if exponent_is_constant or exponent.is_Number:
            size = abs(float(exponent))
            if not (base_is_constant or base.is_Number):
                if size > LARGEST_EXPONENT:
                    raise self.wrong(f"has an exponent beyond ±{LARGEST_EXPONENT}")
            else:
                if base.is_zero:
                    decades = 0.0 if exponent.is_nonnegative else math.inf
                else:
                    decades = size * abs(math.log10(abs(float(base))))
                if not decades <= LARGEST_DECADE:
                    raise self.wrong(f"has a power beyond 1e±{LARGEST_DECADE}")
        return sp.Pow(base, exponent)

    def check_constant(self, constant: Expression) -> None:
        """Refuse a constant that is not a real number of moderate size."""
        number = constant.evalf(15)
        if not (number.is_Float or number.is_Rational or number.is_Integer):
            raise self.wrong("has a constant that is not a real number")
        if not abs(number) < 10.0**LARGEST_DECADE:
            raise self.wrong(f"has a number beyond 1e{LARGEST_DECADE}")


def _is_constant(node: ast.expr) -> bool:
    return not any(isinstance(part, ast.Name) and part.id == "x" for part in ast.walk(node))


def _chain(node: ast.expr, plus: type, minus: type) -> Iterator[tuple[bool, ast.expr]]:
    """The terms of a sum or the factors of a product, with whether each is subtracted or divided by."""
    parts: list[tuple[bool, ast.expr]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, plus | minus):
        parts.append((isinstance(node.op, minus), node.right))
        node = node.left
    parts.append((False, node))
    return reversed(parts)


def shown(text: str) -> str:
    """`repr` of at most 40 characters of the formula."""
    return repr(text) if len(text) <= 50 else f"{text[:40]!r}… ({len(text)} characters)"
