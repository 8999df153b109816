"""The framework JAX, imported when a function of this room is first called."""

from typing import Any

from meanfield.errors import MeanFieldError

INSTALL = 'pip install "meanfield-nn[jax]"'


def framework() -> Any:
    """The module jax; raises if it is not installed.

    Raises
    ------
    MeanFieldError
        If jax cannot be imported.
    """
    try:
        import jax
    except ImportError as error:
        raise MeanFieldError(f"meanfield.jax needs jax, which cannot be imported ({error}): {INSTALL}") from None
    return jax


def flax_nnx() -> Any:
    """The module flax.nnx; raises if it is not installed.

    Raises
    ------
    MeanFieldError
        If flax.nnx cannot be imported.
    """
    try:
        from flax import nnx
    except ImportError as error:
        raise MeanFieldError(f"audits of modules need flax, which cannot be imported ({error}): {INSTALL}") from None
    return nnx
