"""A row of the catalogue as an activation."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.activations.catalogue.entry import Entry
from meanfield.activations.catalogue.table import ENTRIES


def from_catalogue(entry: Entry, parameters: Mapping[str, Any]) -> Activation:
    """The activation of a row; the same object for the same parameters, so that its moments are computed once."""
    return _make(entry.name, tuple(entry.values(parameters).items()))


@lru_cache(maxsize=512)
def _make(name: str, parameters: tuple[tuple[str, float], ...]) -> Activation:
    entry, values = ENTRIES[name], dict(parameters)
    breakpoints, jumps = entry.breakpoints_at(values)
    return Activation(
        function=RowFunction(name, "function", values),
        name=name,
        derivative_function=RowFunction(name, "derivative", values),
        declared_breakpoints=breakpoints,
        declared_jumps=jumps,
        parameters=MappingProxyType(values),
        formula=entry.text(values),
        source=entry.source,
        entry=name,
    )


class RowFunction:
    """φ or φ′ of a row at given parameters; it is pickled as the name of the row."""

    def __init__(self, name: str, which: Literal["function", "derivative"], values: Mapping[str, float]) -> None:
        self.name, self.which, self.values = name, which, dict(values)
        self._function: Callable[..., ArrayLike] = getattr(ENTRIES[name], which)

    def __call__(self, x: Floats) -> Floats:
        """Values at `x`, of any shape; infinite where they overflow."""
        with np.errstate(all="ignore"):
            values: Floats = np.asarray(self._function(x, **self.values), dtype=np.float64)[()]
        return values

    def __reduce__(self) -> tuple[type["RowFunction"], tuple[str, str, dict[str, float]]]:
        return RowFunction, (self.name, self.which, self.values)
