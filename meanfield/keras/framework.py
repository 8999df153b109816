"""The framework Keras, imported when a name of this room is first used."""

from typing import Any

from meanfield.audits.framework import imported

INSTALL = 'pip install "meanfield-nn[keras]", and one of its backends'


def framework() -> Any:
    """The module keras; raises if it, or its backend, is not installed.

    Raises
    ------
    MeanFieldError
        If keras cannot be imported.
    """
    return imported("keras", "meanfield.keras", INSTALL)
