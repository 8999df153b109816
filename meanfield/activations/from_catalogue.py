"""A row of the catalogue as an activation, or several rows as one whose units differ."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.activations.catalogue.entry import Entry
from meanfield.activations.catalogue.table import ENTRIES
from meanfield.activations.mixture import Mixture, Parts
from meanfield.arguments import is_several, real
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.read_only import ReadOnly

#: Rows that are linear in their one parameter, so that moments of n factors are polynomials of degree n in it.
LINEAR = ("prelu", "leaky_relu")
MEANING = "a number or a list of numbers"
NODES = 3  # of the Gauss rule that stands for many slopes; exact for polynomials of degree 5


def from_catalogue(entry: Entry, parameters: Mapping[str, Any]) -> Activation:
    """The activation of a row; the same object for the same parameters, so that its moments are computed once.

    Parameters may be arrays with one entry for each channel; the units then differ.
    """
    tensors = {name: value.detach() for name, value in parameters.items() if hasattr(value, "detach")}  # of torch
    parameters = {**parameters, **tensors}
    if any(is_several(value) or getattr(value, "ndim", 0) for value in parameters.values()):
        return _per_channel(entry, parameters)
    return _make(entry.name, tuple(entry.values(parameters).items()))


def _per_channel(entry: Entry, parameters: Mapping[str, Any]) -> Mixture | Activation:
    given = {name: real(value, f"{entry.name}: {name}", MEANING) for name, value in parameters.items()}
    columns: list[Floats] = []
    with suppress(ValueError):
        columns = [*np.broadcast_arrays(*given.values())]
    if not columns or columns[0].ndim != 1:
        shapes = ", ".join(f"{name} of shape {value.shape}" for name, value in given.items())
        raise InvalidInput(f"{entry.name}: parameters must be numbers or lists of one length, not {shapes}")
    rows, channels, counts = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True, return_counts=True)
    kinds = [from_catalogue(entry, dict(zip(parameters, row.tolist(), strict=True))) for row in rows]
    if len(kinds) == 1:
        return kinds[0]
    few: Parts = ()
    if entry.name in LINEAR and len(kinds) > NODES:
        slopes, shares = _gauss(rows[:, 0], counts / counts.sum())
        (name,) = parameters
        nodes = zip(shares.tolist(), slopes.tolist(), strict=True)
        few = tuple((share, from_catalogue(entry, {name: slope})) for share, slope in nodes)
    return Mixture.of(kinds, channels.ravel().tolist(), few)


def _gauss(values: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """Nodes and shares with the same means of polynomials of degree 2·NODES − 1, by Lanczos' method (Gautschi 2004)."""
    basis = np.zeros((NODES + 1, values.size))
    basis[0] = np.sqrt(shares)
    jacobi = np.zeros((NODES, NODES))
    for k in range(NODES):
        image = values * basis[k]
        jacobi[k, k] = image @ basis[k]
        for _ in range(2):  # twice is enough to make it orthogonal
            image = image - basis[: k + 1].T @ (basis[: k + 1] @ image)
        if k + 1 < NODES:
            jacobi[k, k + 1] = jacobi[k + 1, k] = norm = np.linalg.norm(image)
            basis[k + 1] = image / norm
    nodes, vectors = np.linalg.eigh(jacobi)
    return nodes, vectors[0] ** 2


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
        parameters=ReadOnly(values),
        formula=entry.text(values),
        source=entry.source,
        entry=name,
    )


class RowFunction:
    """φ or φ′ of a row at given parameters; it is pickled as the name of the row."""

    def __init__(self, name: str, which: Literal["function", "derivative"], values: Mapping[str, float]) -> None:
        self.name, self.which, self.values = name, which, dict(values)
        self._function: Callable[..., ArrayLike] = getattr(ENTRIES[name], which)

    @own_error_state
    def __call__(self, x: Floats) -> Floats:
        """Values at `x`, of any shape; infinite where they overflow."""
        values: Floats = np.asarray(self._function(x, **self.values), dtype=np.float64)[()]
        return values

    def __reduce__(self) -> tuple[type["RowFunction"], tuple[str, str, dict[str, float]]]:
        return RowFunction, (self.name, self.which, self.values)
