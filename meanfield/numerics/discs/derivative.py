"""Derivatives of straight-line programs, as instructions of the same program (forward differentiation)."""

import math

from meanfield.numerics.discs.program import CLOSED, OPEN, UNIT, Constant, Program, X

ROOT_PI = Constant(2 / math.sqrt(math.pi), 4 * UNIT)
ROOT_2PI = Constant(1 / math.sqrt(2 * math.pi), 2 * UNIT)


def derivative(program: Program, index: int) -> int:
    """The index of the derivative of an instruction in x; at a change of cases, the derivative of the case."""
    known = program.derivatives
    with program.lock:
        for i in program.used(index):
            if i not in known:
                known[i] = _derivative(program, i)
    return known[index]


def _derivative(p: Program, i: int) -> int:
    operation, operands, parameter = p.instructions[i]
    if operation in ("constant", "floor"):
        return p.number(0.0)
    if i == X:
        return p.number(1.0)
    u, du = operands[0], p.derivatives[operands[0]]
    match operation:
        case "shift":
            return du
        case "scale" if isinstance(parameter, Constant):
            return p.scale(parameter, du)
        case "add":
            return p.add(du, p.derivatives[operands[1]])
        case "multiply":
            v = operands[1]
            return p.add(p.multiply(du, v), p.multiply(u, p.derivatives[v]))
        case "where":
            kind = CLOSED if parameter == CLOSED else OPEN
            return p.where(u, p.derivatives[operands[1]], p.derivatives[operands[2]], kind)
        case "integer_power" | "real_power" if isinstance(parameter, float):
            return p.multiply(p.scale(Constant(parameter), p.power(u, parameter - 1.0)), du)
    flat = _flat(p, u) if operation == "exp" else None
    return p.multiply(_slope(p, operation, u, i), du) if flat is None else flat


def _flat(p: Program, exponent: int) -> int | None:
    """The derivative of exp(c/t) for c < 0, −c t′ exp(c/t)/t², whose last factor is bounded at t = 0; else None."""
    operation, operands, c = p.instructions[exponent]
    if operation != "scale" or not isinstance(c, Constant) or c.value >= 0:
        return None
    inner = p.instructions[operands[0]]
    if inner.operation != "reciprocal":
        return None
    t = inner.operands[0]
    return p.scale(Constant(-c.value, c.error), p.multiply(p.derivatives[t], p.emit("flat", t, parameter=c)))


def _slope(p: Program, operation: str, u: int, value: int) -> int:
    """F′(u) of the function F of that name."""
    square = p.power(u, 2)
    one_minus = p.add(p.number(1.0), p.negative(square))
    match operation:
        case "reciprocal":
            return p.negative(p.power(value, 2))
        case "exp":
            return value
        case "expm1":
            return p.apply("exp", u)
        case "log":
            return p.reciprocal(u)
        case "log1p":
            return p.reciprocal(p.add(p.number(1.0), u))
        case "sin":
            return p.apply("cos", u)
        case "cos":
            return p.negative(p.apply("sin", u))
        case "sinh" | "cosh":
            return p.apply("cosh" if operation == "sinh" else "sinh", u)
        case "tanh":
            return p.apply("sech2", u)
        case "sech2":
            return p.scale(Constant(-2.0), p.multiply(p.apply("tanh", u), value))
        case "sigmoid":
            return p.multiply(value, p.apply("sigmoid", p.negative(u)))
        case "softplus":
            return p.apply("sigmoid", u)
        case "logcosh":
            return p.apply("tanh", u)
        case "erf" | "erfc":
            slope = p.scale(ROOT_PI, p.apply("exp", p.negative(square)))
            return slope if operation == "erf" else p.negative(slope)
        case "ndtr":
            return p.scale(ROOT_2PI, p.apply("exp", p.scale(Constant(-0.5), square)))
        case "atan":
            return p.reciprocal(p.add(p.number(1.0), square))
        case "asinh":
            return p.power(p.add(p.number(1.0), square), -0.5)
        case "atanh":
            return p.reciprocal(one_minus)
        case "asin" | "acos":
            slope = p.power(one_minus, -0.5)
            return slope if operation == "asin" else p.negative(slope)
        case "acosh":
            return p.power(p.add(p.number(-1.0), square), -0.5)
    raise ValueError(operation)
