"""Frameworks, imported when a function that needs one is first called."""

from importlib import import_module
from typing import Any

from meanfield.errors import MeanFieldError


def imported(module: str, user: str, install: str) -> Any:
    """The `module` of a framework that `user` needs.

    Raises
    ------
    MeanFieldError
        If it cannot be imported, with what to `install`.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MeanFieldError(f"{user} needs {module}, which cannot be imported ({error}): {install}") from None
