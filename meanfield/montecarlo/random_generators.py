"""One independent stream of random numbers a network."""

from typing import Any

import numpy as np

from meanfield.errors import InvalidInput


def spawn(rng: Any, networks: int) -> list[np.random.Generator]:
    """One generator a network from `rng`: None, a seed, a SeedSequence, a BitGenerator or a Generator (SPEC 7)."""
    try:
        return np.random.default_rng(rng).spawn(networks)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"rng must be None, an integer of at least 0, a SeedSequence or a Generator made from one, not {rng!r}"
        ) from None
