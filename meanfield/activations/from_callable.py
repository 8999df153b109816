"""A callable as an activation: tried at construction, guarded at every call."""

from collections.abc import Callable
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.activations.callables.declared import check_derivative
from meanfield.activations.callables.guard import guarded, name_of
from meanfield.activations.callables.torch_modules import is_torch_module, mode_of, name_of_module


def from_callable(
    function: Callable[..., Any],
    derivative: Callable[..., Any] | None = None,
    breakpoints: tuple[float, ...] | None = None,
    name: str | None = None,
) -> Activation:
    """An activation from a function of arrays, of floats, of torch tensors or of JAX arrays.

    Raises
    ------
    BadActivation
        If it raises, returns NaN, infinity, complex or no numbers, a wrong shape, or different values from call
        to call, on a fixed grid in [−10, 10]; or if `derivative` is not its derivative there. `.x` says where.
    """
    of_module = is_torch_module(function)
    name = name or (name_of_module(function) if of_module else name_of(function))
    phi = guarded(function, name)
    slope = None
    if derivative is not None:
        slope = guarded(derivative, f"the derivative of {name}")
        check_derivative(phi, slope, breakpoints or (), name)
    return Activation(phi, name, slope, breakpoints, mode=mode_of(function) if of_module else "")
