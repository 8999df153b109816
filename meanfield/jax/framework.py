"""The framework JAX, imported when a function of this room is first called."""

from typing import Any

from meanfield.audits.framework import imported

INSTALL = 'pip install "meanfield-nn[jax]"'


def framework() -> Any:
    """The module jax; raises if it is not installed.

    Raises
    ------
    MeanFieldError
        If jax cannot be imported.
    """
    return imported("jax", "meanfield.jax", INSTALL)


def flax_nnx() -> Any:
    """The module flax.nnx; raises if it is not installed.

    Raises
    ------
    MeanFieldError
        If flax.nnx cannot be imported.
    """
    return imported("flax.nnx", "an audit of modules", INSTALL)
