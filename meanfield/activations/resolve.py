"""The one door: a name, text, a callable or a sympy expression becomes an `Activation`."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.activations.callables.declared import check_derivative, points_of
from meanfield.activations.callables.guard import guarded
from meanfield.activations.callables.random_parts import slopes_of_channels
from meanfield.activations.catalogue.meant import layer_meant, meant
from meanfield.activations.catalogue.table import ENTRIES, find, nearest_names
from meanfield.activations.formulas.parse import called_row, is_expression
from meanfield.activations.formulas.vocabulary import example, is_function
from meanfield.activations.from_callable import from_callable
from meanfield.activations.from_catalogue import from_catalogue
from meanfield.activations.from_formula import from_formula, is_sympy
from meanfield.arguments import number
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, UnknownActivation, shown

__all__ = ["activation"]

NAME_AND_NUMBER = re.compile(r"(.*?)[\s_:=\[]+(-?\d*\.?\d+)\]?")


@own_error_state
def activation(
    spec: Any,
    *,
    derivative: Callable[..., Any] | None = None,
    breakpoints: Iterable[float] | None = None,
    name: str | None = None,
    surrogate: Any = None,
    **parameters: Any,
) -> Activation:
    """The activation that `spec` stands for.

    Parameters
    ----------
    spec : str, callable, sympy expression, torch.nn.Module or Activation
        A name or alias of the catalogue (case and ``-_ `` do not matter), also as code has it, as in
        ``"nn.LeakyReLU(0.2)"`` or ``"jax.nn.gelu"``; a formula in ``x`` (for the grammar see
        `meanfield.activations.formulas.parse`; it is parsed, never evaluated as Python); a function of arrays or of
        single floats, of torch tensors or of JAX arrays; or a sympy expression with one free symbol.
    derivative : callable, optional
        φ′ for a callable `spec`; if None, the derivative of a piecewise polynomial interpolant of φ.
    breakpoints : iterable of float, optional
        All the points where φ or one of its derivatives is not continuous, jumps included; ``()`` says that φ is
        smooth. If None, they follow from the algebra of a formula, and are searched for numerically in a callable.
    name : str, optional
        What to call it in tables, messages and figures.
    surrogate : str, callable, Activation or float, optional
        The function g that takes the place of φ′ in backward passes, as in spiking networks; 1 for the straight-through
        estimator. chi_1, gradients and the backward gain are of g; the correlation map, chi_c and the phase of φ.
    **parameters
        Parameters of the catalogue's entry, as ``negative_slope=0.2``; a text may have them in parentheses. A list has
        one value for each channel, as PReLU has: the units then differ, and moments are means over them.

    Returns
    -------
    Activation
        The same object each time for the same name and parameters.

    Raises
    ------
    UnknownActivation
        If no activation goes by that name; the message lists the nearest ones.
    BadActivation
        If the formula cannot be read, or the function raises, returns NaN, infinity, complex numbers or a wrong shape.
    InvalidInput
        If a parameter does not exist or is out of range, `derivative` or `breakpoints` go with a catalogue name, or
        the surrogate has a surrogate of its own.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.activation("swish", beta=1.5)
    activation('silu', beta=1.5)
    >>> mf.activation("leaky_relu(0.2)") is mf.activation("leaky_relu", negative_slope=0.2)
    True
    >>> print(f"{mf.moment(mf.activation('prelu', init=[0.1, 0.3]), 'ff'):.12f}")  # (1 + E a²)/2
    0.525000000000
    >>> phi = mf.activation("where(x > 0, x, 0.1*x)")
    >>> phi.breakpoints, float(phi(-2.0)), float(phi.derivative(-2.0))
    ((0.0,), -0.2, 0.1)
    >>> mf.activation(lambda x: x * abs(x), name="signed square").name
    'signed square'
    >>> print(f"{mf.gain(mf.activation('sign', surrogate='exp(-x**2)'), kind='backward'):.12f}")
    1.495348781221
    >>> mf.activation("geluu")
    Traceback (most recent call last):
    meanfield.errors.UnknownActivation: no activation is called 'geluu'; the nearest names are gelu, elu, gelu_10
    """
    if not isinstance(name, str | None):
        raise InvalidInput(f"name must be text, not {shown(name)}")
    if surrogate is not None:
        phi = activation(spec, derivative=derivative, breakpoints=breakpoints, name=name, **parameters)
        return replace(phi, surrogate=_surrogate_of(phi, surrogate))
    points = None if breakpoints is None else points_of(breakpoints)
    if isinstance(spec, str) and (found := called_row(spec)):
        entry, listed = found
        if derivative is not None or points is not None:
            raise InvalidInput(f"the catalogue knows the derivative and breakpoints of {entry.name}: leave them out")
        made = from_catalogue(entry, listed | parameters)
        return made if name is None else replace(made, name=name)
    if parameters:
        raise InvalidInput(
            f"parameters such as {next(iter(parameters))}= go with names of the catalogue; "
            "write them into the formula, or bind them with functools.partial"
        )
    if isinstance(spec, str):
        if not is_expression(spec):
            raise _unknown(spec)
        made = from_formula(spec)
    elif isinstance(spec, Activation):
        made = spec
    elif is_sympy(spec):
        made = from_formula(spec)
    elif (slopes := slopes_of_channels(spec)) is not None:
        made = replace(from_catalogue(ENTRIES["prelu"], {"init": slopes}), name="PReLU")
    elif callable(spec):
        return from_callable(spec, derivative, points, name)
    else:
        raise InvalidInput(f"an activation is a name, a formula, a function or an expression, not {shown(spec)}")
    return _changed(made, derivative, points, name)


def _unknown(name: str) -> UnknownActivation:
    near = nearest_names(name.rpartition(".")[2])
    what = f"no activation is called {shown(name)}" if name.strip() else "the name of the activation is empty"
    if hint := _meant(name):
        return UnknownActivation(f"{what}; {hint}")
    path, _, last = name.strip().rpartition(".")
    if near:
        hint = f"the nearest names are {', '.join(near)}"
    elif path and all(part.isidentifier() for part in (*path.split("."), last)):
        hint = f"a function of your own is given itself in Python, as {path}:{last} in commands"
    else:
        hint = "meanfield.catalogue() lists the names"
    return UnknownActivation(f"{what}; {hint}", near)


def _meant(name: str) -> str:
    """What is meant by a text that is neither a name nor a formula; "" if nothing is known of it."""
    words = name.split()
    listed = len(words) > 1 and all(find(word) or layer_meant(word) for word in words)
    if listed or any(mark in name for mark in (",", ";", "->")):
        return "layers between commas are a network, which meanfield.network reads"
    if (number := NAME_AND_NUMBER.fullmatch(name.strip())) and (row := find(number[1])) and row.parameters:
        return f"write {row.name}({number[2]})"
    if ":" in name:
        return "a function of a module is given itself in Python, as module:name in commands"
    if is_function(function := name.strip().rpartition(".")[2]):
        return f"it is a function of formulas, as in {example(function)}"
    return meant(name) or ("the variable of a formula is x" if len(name.strip()) == 1 else "")


def _surrogate_of(phi: Activation, spec: Any) -> Activation:
    if isinstance(spec, int | float | np.floating) and not isinstance(spec, bool):
        value = number(spec, "surrogate")
        if not np.isfinite(value):
            raise InvalidInput(f"the surrogate of {phi.name} must be finite, not {shown(spec)}")
        return from_callable(partial(_constant, value=value), np.zeros_like, (), f"{value:g}")
    own = f"the surrogate of {phi.name}" if callable(spec) and not isinstance(spec, Activation) else None
    surrogate = activation(spec, name=own)
    if surrogate.surrogate is not None:
        raise InvalidInput(f"the surrogate of {phi.name} must be a plain function, not one with its own surrogate")
    return surrogate


def _constant(x: Floats, value: float) -> Floats:
    return np.full(x.shape, value)


def _changed(
    made: Activation, derivative: Callable[..., Any] | None, points: tuple[float, ...] | None, name: str | None
) -> Activation:
    """`made` with each of the three that is given in the place of its own."""
    if derivative is None and points is None and name is None:
        return made
    name = made.name if name is None else name
    slope, breakpoints, jumps = made.derivative_function, made.declared_breakpoints, made.declared_jumps
    if derivative is not None:
        slope = guarded(derivative, f"the derivative of {name}")
        check_derivative(made.function, slope, points or breakpoints or (), name)
    if points is not None:
        breakpoints, jumps = points, tuple(x for x in jumps if x in points)
    return replace(made, name=name, derivative_function=slope, declared_breakpoints=breakpoints, declared_jumps=jumps)
