"""Functions of torch tensors and JAX arrays as functions of NumPy arrays; only frameworks already loaded are used."""

import copy
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield._types import Floats


def torch_is_loaded() -> bool:
    """Whether someone imported torch already."""
    return hasattr(sys.modules.get("torch"), "float64")


def is_torch_module(thing: object) -> bool:
    """Whether `thing` is an instance of torch.nn.Module."""
    return torch_is_loaded() and isinstance(thing, sys.modules["torch"].nn.Module)


def through_torch(function: Callable[..., Any]) -> Callable[[Floats], object]:
    """`function` on float64 CPU tensors, without gradients; of a Module, a copy in float64 and evaluation mode."""
    torch: Any = sys.modules["torch"]
    called: Any = function
    if is_torch_module(function):
        called = copy.deepcopy(called).cpu().double().eval()

    def on_arrays(x: Floats) -> object:
        with torch.no_grad():
            value = called(torch.tensor(x, dtype=torch.float64))
        return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value

    return on_arrays


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
