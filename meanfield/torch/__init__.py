"""Torch models: an audit of their initialisation, and draws of their weights. Needs the extra ``torch``.

Each name is imported from its module when it is first used.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "audit": "torch.auditing",
    "Audit": "audits.report",
    "Row": "audits.row",
    "Finding": "audits.finding",
    "Weight": "audits.weight",
    "critical_": "torch.tensors",
    "delta_orthogonal_": "torch.tensors",
    "initialize_": "torch.initialization",
    "Report": "torch.initialization",
    "from_torch": "torch.graph.network",
    "trunc_normal_": "torch.tensors",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'meanfield.torch' has no attribute {name!r}")
    value = getattr(import_module(f"meanfield.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
