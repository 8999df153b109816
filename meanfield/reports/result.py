"""The base of results: a short repr, a text for people, JSON types for machines."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Self

import numpy as np

from meanfield.json_types import json_types
from meanfield.reports.report import Report, as_html, as_text

ROOM = 120  # characters of a repr, about
LONGEST = 60  # characters of a text in it
FEW = 4  # numbers of an array that a repr shows


class Result(ABC):
    """A frozen dataclass that functions return; ``print`` shows its text, notebooks the same as HTML."""

    __slots__ = ("_of",)  # what the result is of: no field, not compared, not pickled

    more: ClassVar[tuple[str, ...]] = ()  # properties that `to_dict` has beside the fields

    def remembering(self, of: object) -> Self:
        """The result itself, which from now on knows what it is `of`, for what is drawn later."""
        object.__setattr__(self, "_of", of)
        return self

    @property
    def of(self) -> object | None:
        """What the result is of; None where it was pickled, copied or made by hand."""
        return getattr(self, "_of", None)

    def __getstate__(self) -> dict[str, Any]:
        return dict(vars(self))

    @abstractmethod
    def report(self) -> Report:
        """Sentences and tables that say what the result is."""

    def to_dict(self) -> dict[str, Any]:
        """All numbers in JSON types: infinities and NaN become None, with reasons under "not_finite"."""
        names = [field.name for field in fields(self) if not field.name.startswith("_")]  # type: ignore[arg-type]
        found = {name: getattr(self, name) for name in (*names, *self.more)}
        why = getattr(self, "not_finite", None)
        converted: dict[str, Any] = json_types({**found, "not_finite": why} if why else found)
        return converted

    def __str__(self) -> str:
        return as_text(self.report())

    def _repr_html_(self) -> str:
        return as_html(self.report())

    def __repr__(self) -> str:
        shown = ""
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if field.name.startswith("_") or not field.repr or value is None:
                continue
            if len(shown) > ROOM:
                return f"{type(self).__name__}({shown}, …)"
            shown += f"{', ' if shown else ''}{field.name}={_short(value)}"
        return f"{type(self).__name__}({shown})"


def _short(value: object) -> str:
    """A value in a few characters."""
    if isinstance(value, str):
        return repr(str(value) if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…")
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, float | int | np.number):
        return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
    if isinstance(value, np.ndarray):
        few = value.ndim == 1 and value.size <= FEW and value.dtype.kind in "fiu"
        return f"[{', '.join(f'{one:.6g}' for one in value)}]" if few else f"array[{' × '.join(map(str, value.shape))}]"
    if hasattr(value, "error") and hasattr(value, "value"):  # an Estimate
        return _short(value.value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(map(str, value))}}}"
    if isinstance(value, tuple | list):
        return f"{len(value)} entries" if len(value) > FEW else f"({', '.join(map(_short, value))})"
    return repr(value)
