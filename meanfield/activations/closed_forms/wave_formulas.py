"""Formulas that are a wave of one frequency on a straight line, and their closed forms.

A formula is read as a·x + Σ A_ω e^{iωx}. Sums, products and whole powers of sines and cosines of linear arguments have
this form, as sin(x)² = ½ − ½ cos 2x.
"""

import cmath
from collections import defaultdict
from collections.abc import Mapping
from functools import reduce
from typing import NamedTuple

from meanfield._types import ArrayFunction, Expression
from meanfield.activations.closed_forms.form import ClosedForm
from meanfield.activations.closed_forms.trigonometric import wave
from meanfield.activations.formulas.formula_function import FormulaFunction
from meanfield.activations.formulas.vocabulary import real_x

MOST_MODES, LARGEST_POWER = 32, 8


class NotAWave(Exception):
    """The formula has another form, or more frequencies than are followed."""


class Wave(NamedTuple):
    """slope·x + Σ amplitude·e^{iωx}; `modes` maps ω to its amplitude, 0 included."""

    slope: complex
    modes: Mapping[float, complex]


def form_of_function(function: ArrayFunction) -> ClosedForm | None:
    """The closed form of a function made from a formula; None for other functions."""
    return wave_form(function.expression) if isinstance(function, FormulaFunction) else None


def wave_form(expression: Expression) -> ClosedForm | None:
    """The closed form of a·x + b + α sin ωx + β cos ωx with aα ≥ 0; None for other expressions.

    Examples
    --------
    >>> from meanfield.activations.formulas.parse import read
    >>> form = wave_form(read("x + sin(3*x)*cos(3*x)"))  # x + ½ sin 6x
    >>> round(float(form.second_moment(1e9)) - 1e9, 6)
    0.125
    >>> wave_form(read("sin(x) + sin(2*x)")) is None
    True
    """
    try:
        slope, modes = _waves(expression)
    except (NotAWave, ArithmeticError):
        return None
    frequencies = [omega for omega, amplitude in modes.items() if omega > 0 and amplitude != 0]
    if len(frequencies) != 1:
        return None
    omega = frequencies[0]
    sine, cosine, constant = -2 * modes[omega].imag, 2 * modes[omega].real, modes.get(0.0, 0j).real
    line = slope.real / omega
    if line * sine < 0:  # the line and the wave cancel, as in x − sin x
        return None
    return wave(omega, line, sine, cosine, constant)


def _waves(expression: Expression) -> Wave:
    if not expression.free_symbols:
        return Wave(0j, {0.0: complex(expression)})
    if expression == real_x():
        return Wave(1 + 0j, {})
    parts = expression.args
    match type(expression).__name__:
        case "Add":
            return reduce(_sum, map(_waves, parts))
        case "Mul":
            return reduce(_product, map(_waves, parts))
        case "Pow" if parts[1].is_Integer and 0 < parts[1] <= LARGEST_POWER:
            return reduce(_product, [_waves(parts[0])] * int(parts[1]))
        case "sin" | "cos" as name:
            return _of_line(name, _waves(parts[0]))
    raise NotAWave


def _sum(a: Wave, b: Wave) -> Wave:
    modes: defaultdict[float, complex] = defaultdict(complex, a.modes)
    for omega, amplitude in b.modes.items():
        modes[omega] += amplitude
    return Wave(a.slope + b.slope, modes)


def _product(a: Wave, b: Wave) -> Wave:
    slope = 0j
    for one, other in ((a, b), (b, a)):
        if one.slope:
            if other.slope or set(other.modes) - {0.0}:
                raise NotAWave
            slope = one.slope * other.modes.get(0.0, 0j)
    if len(a.modes) + len(b.modes) > MOST_MODES:
        raise NotAWave
    modes: defaultdict[float, complex] = defaultdict(complex)
    for first, one_amplitude in a.modes.items():
        for second, other_amplitude in b.modes.items():
            modes[first + second] += one_amplitude * other_amplitude
    return Wave(slope, modes)


def _of_line(name: str, argument: Wave) -> Wave:
    """The sine or cosine of slope·x + b."""
    omega = argument.slope.real
    if set(argument.modes) - {0.0} or argument.slope.imag:
        raise NotAWave
    turned = cmath.exp(1j * argument.modes.get(0.0, 0j).real) / 2
    if name == "sin":
        turned /= 1j
    if omega == 0:
        return Wave(0j, {0.0: 2 * turned.real + 0j})
    return Wave(0j, {omega: turned, -omega: turned.conjugate()})
