"""The catalogue of named activations. To add one, add a row to one of its tables."""

import difflib

from meanfield.activations.catalogue.entry import Entry
from meanfield.activations.catalogue.jax_keras import JAX_AND_KERAS
from meanfield.activations.catalogue.literature import LITERATURE
from meanfield.activations.catalogue.torch_nn import TORCH
from meanfield.activations.catalogue.transformers_timm import TRANSFORMERS_AND_TIMM
from meanfield.error_state import own_error_state

__all__ = ["catalogue"]

_ROWS = (*TORCH, *JAX_AND_KERAS, *TRANSFORMERS_AND_TIMM, *LITERATURE)
ENTRIES: dict[str, Entry] = {
    entry.name: entry for entry in (*TORCH, *JAX_AND_KERAS, *TRANSFORMERS_AND_TIMM, *LITERATURE)
}


def normalised(name: str) -> str:
    """A name without letter case and the characters ``-_ ``."""
    return name.casefold().replace("-", "").replace("_", "").replace(" ", "")


_BY_NAME = {normalised(name): entry for entry in ENTRIES.values() for name in (entry.name, *entry.aliases)}


@own_error_state
def catalogue() -> tuple[str, ...]:
    """Names of all activations of the catalogue, torch's first.

    Returns
    -------
    tuple of str
        Each is a valid first argument of `meanfield.activation`, as are their aliases.

    Examples
    --------
    >>> import meanfield as mf
    >>> "gelu" in mf.catalogue(), len(mf.catalogue()) > 50
    (True, True)
    """
    return tuple(ENTRIES)


def find(name: str) -> Entry | None:
    """The row with this name or alias, else None."""
    return _BY_NAME.get(normalised(name))


def nearest_names(name: str, n: int = 3) -> tuple[str, ...]:
    """The catalogue's names that are most similar to `name`, the most similar first."""
    word = normalised(name)[:64]
    near = difflib.get_close_matches(word, _BY_NAME, n=2 * n, cutoff=0.6 if len(word) > 3 else 0.7)
    return tuple(dict.fromkeys(_BY_NAME[match].name for match in near))[:n]
