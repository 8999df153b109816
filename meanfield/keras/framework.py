"""The framework Keras, imported when a name of this room is first used."""

from typing import Any

from meanfield.errors import MeanFieldError

INSTALL = 'pip install "meanfield-nn[keras]", and one of its backends'


def framework() -> Any:
    """The module keras; raises if it, or its backend, is not installed.

    Raises
    ------
    MeanFieldError
        If keras cannot be imported.
    """
    try:
        import keras
    except ImportError as error:
        raise MeanFieldError(f"meanfield.keras needs keras, which cannot be imported ({error}): {INSTALL}") from None
    return keras
