"""Independent random generators, one for each network."""

import numpy as np
from numpy.random import BitGenerator, Generator, SeedSequence

from meanfield.errors import InvalidInput, shown

#: Source of randomness, as in SciPy (SPEC 7).
RandomSource = int | SeedSequence | BitGenerator | Generator | None


def spawn(rng: RandomSource, networks: int) -> list[np.random.Generator]:
    """Spawn one independent generator for each network from `rng`."""
    try:
        return np.random.default_rng(rng).spawn(networks)
    except Exception:  # whatever the object's own code raises
        raise InvalidInput(
            f"rng must be None, an integer of at least 0, a SeedSequence or a Generator made from one, not {shown(rng)}"
        ) from None
