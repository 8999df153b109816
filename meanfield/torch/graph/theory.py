"""Theory along the graph of a pass."""

from collections.abc import Sequence
from typing import Any

from meanfield.torch.rows import Row
from meanfield.torch.weights import Weight
from meanfield.torch.wiring import Wiring


def predicted(model: Any, wiring: Wiring, weights: Sequence[Weight], rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Rows with predictions."""
    return rows
