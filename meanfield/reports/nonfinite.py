"""Results that say why some of their numbers are infinite or NaN."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from meanfield._types import Bools
from meanfield.reports.result import Result

#: Reasons for one field, each with a mask of where it holds; the first that holds counts.
Reasons: TypeAlias = Iterable[tuple[Bools | bool, str]]


class Explained(Result):
    """A result whose numbers may be infinite or NaN, for reasons that `reasons` gives."""

    @abstractmethod
    def reasons(self) -> Mapping[str, Reasons]:
        """The possible reasons by the name of the field, in the order in which they are tried."""

    @property
    def not_finite(self) -> dict[str, NDArray[np.str_]]:
        """Why numbers are infinite or NaN: by field, an array of its shape with a reason or "" for each entry.

        Fields of which all numbers are finite are left out.
        """
        found = {}
        for name, reasons in self.reasons().items():
            value = getattr(self, name)
            if value is None:
                continue
            infinite = ~np.isfinite(np.asarray(value, dtype=np.float64))
            if infinite.any():
                masks, texts = zip(*reasons, strict=True)
                shaped = [np.broadcast_to(mask, infinite.shape) for mask in masks]
                found[name] = np.where(infinite, np.select(shaped, texts, default=""), "")
        return found

    def why(self) -> list[str]:
        """The reasons of `not_finite` as sentences, each once."""
        told: dict[str, list[str]] = {}
        for name, reasons in self.not_finite.items():
            for reason in np.unique(reasons).tolist():
                if reason:
                    told.setdefault(reason, []).append(name)
        return [f"{', '.join(names)}: {reason}." for reason, names in told.items()]
