"""The functions of `scipy.special`, which takes a fifth of a second to import, loaded when one is first asked for."""

from collections.abc import Callable
from importlib import import_module

from meanfield._types import Floats


class _Special:
    def __getattr__(self, name: str) -> Callable[..., Floats]:
        function: Callable[..., Floats] = getattr(import_module("scipy.special"), name)
        setattr(self, name, function)
        return function


special = _Special()
