"""Keras 3: critical weights as an initializer, and audits of models. Needs the extra ``keras`` and one of its backends.

Importing this package registers `Critical` with Keras, if Keras is installed, so that saved models load.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

_HOME = {
    "audit": "auditing",
    "Critical": "initializers",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'meanfield.keras' has no attribute {name!r}")
    value = getattr(import_module(f"meanfield.keras.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if find_spec("keras"):
    import_module("meanfield.keras.initializers").critical_class()
