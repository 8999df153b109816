"""flax modules in the place of an activation: a copy of an nnx module that draws nothing; no unbound linen module."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.errors import BadActivation


def is_flax_module(thing: object) -> bool:
    """Whether `thing` is an instance of flax.nnx.Module or of flax.linen.Module."""
    return _is(thing, "nnx") or _is(thing, "linen")


def drawing_nothing(module: Any) -> Callable[[Any], Any]:
    """A copy of an nnx module, so that calls leave the module as it is.

    Raises
    ------
    BadActivation
        If the module draws random numbers, as a Dropout that is not `deterministic` does, or if it is a linen module,
        which has no parameters of its own.
    """
    name = type(module).__name__
    if not _is(module, "nnx"):
        raise BadActivation(
            f"{name} is a flax.linen module without its parameters: give the function that applies it, as "
            "lambda x: module.apply(variables, x)"
        )
    nnx, jax = sys.modules["flax.nnx"], sys.modules["jax"]
    copied: Any = nnx.clone(module)

    def draws() -> list[int]:
        """How many keys each stream of random numbers has given."""
        return [int(np.sum(count)) for count in jax.tree.leaves(nnx.state(copied, nnx.RngCount))]

    before = draws()
    try:
        copied(np.linspace(-3.0, 3.0, 7, dtype=np.float32))
    except Exception:  # what it raises is reported where it is called
        return copied  # type: ignore[no-any-return]
    if draws() != before:
        raise BadActivation(
            f"{name} draws random numbers, and must depend on x alone: call its eval(), or put the noise into the "
            "block as a layer, as in mf.Network('gelu', mf.Dropout(0.1), mf.Dense())"
        )
    return copied  # type: ignore[no-any-return]


def _is(thing: object, library: str) -> bool:
    kind = getattr(sys.modules.get(f"flax.{library}"), "Module", None)
    return isinstance(kind, type) and isinstance(thing, kind)
