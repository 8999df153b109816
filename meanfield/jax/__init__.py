"""JAX and Flax: schemes in the form of `jax.nn.initializers`, and audits of NNX modules. Needs the extra ``jax``.

Each name is imported from its module when it is first used.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "audit": "auditing",
    "critical": "initializers",
    "initializer": "initializers",
    "KernelInitializer": "initializers",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'meanfield.jax' has no attribute {name!r}")
    value = getattr(import_module(f"meanfield.jax.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
