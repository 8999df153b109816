"""Functions of torch tensors and JAX arrays as functions of NumPy arrays; only frameworks already loaded are used."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.activations.callables.random_parts import choices
from meanfield.activations.callables.torch_modules import draws, held_weights, is_torch_module, name_of_module
from meanfield.errors import BadActivation


def torch_is_loaded() -> bool:
    """Whether someone imported torch already."""
    return hasattr(sys.modules.get("torch"), "float64")


def through_torch(function: Callable[..., Any]) -> Callable[[Floats], object]:
    """`function` on float64 CPU tensors, without gradients; of a Module, a copy in float64 and in its own mode.

    Raises
    ------
    BadActivation
        If a module is not elementwise, or chooses between several functions of x. The first call raises it if random
        numbers are drawn, which values at some points need not show, or if a module that holds weights fails.
    """
    torch: Any = sys.modules["torch"]
    called, name, held = function, getattr(function, "__name__", type(function).__name__), ""
    if is_torch_module(function):
        called, name, held = _one_choice(function), name_of_module(function), held_weights(function)
    untried = True

    def on_arrays(x: Floats) -> object:
        nonlocal untried
        tensor = torch.tensor(x, dtype=torch.float64)
        try:
            drawn = untried and draws(called, tensor.clone())
            with torch.no_grad():
                value = None if drawn else called(tensor)
        except Exception as error:
            if not held:
                raise
            raise BadActivation(f"{name} holds {held} and does not act on each entry by itself") from error
        if drawn:
            instead = (
                ": call its eval(), or put the noise into the block as a layer" if is_torch_module(function) else ""
            )
            raise BadActivation(f"{name} draws random numbers, and must depend on x alone{instead}")
        untried = False
        return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value

    return on_arrays


def _one_choice(module: Any) -> Callable[..., Any]:
    found = choices(module)
    if len(found) == 1:
        return found[0][1]
    raise BadActivation(
        f"{name_of_module(module)} is random, so it is no function of x alone: mf.gain takes it, and a block takes "
        "dropout and RReLU, as in mf.Network(module, mf.Dense())"
    )


def is_jax_array(value: object) -> bool:
    """Whether `value` came out of JAX."""
    return "jax" in sys.modules and isinstance(value, sys.modules["jax"].Array)


def through_jax(function: Callable[..., Any]) -> Callable[[Floats], object]:
    """`function` with JAX's 64-bit mode on while it runs."""
    jax: Any = sys.modules["jax"]
    enable_x64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64

    def on_arrays(x: Floats) -> object:
        with enable_x64(True):
            return np.asarray(function(jax.numpy.asarray(x, dtype="float64")))

    return on_arrays
