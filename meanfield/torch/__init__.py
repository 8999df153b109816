"""Torch models: an audit of their initialisation, and draws of their weights. Needs the extra ``torch``.

Each name is imported from its module when it is first used.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "audit": "auditing",
    "Audit": "report",
    "Row": "rows",
    "Finding": "findings.finding",
    "Weight": "weights",
    "critical_": "tensors",
    "delta_orthogonal_": "tensors",
    "initialize_": "initialization",
    "Report": "initialization",
    "from_torch": "graph.network",
    "trunc_normal_": "tensors",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'meanfield.torch' has no attribute {name!r}")
    value = getattr(import_module(f"meanfield.torch.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
