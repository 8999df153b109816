"""Initialisation schemes as functions (key, shape, dtype) -> array, the form of `jax.nn.initializers`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from meanfield.arguments import whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, shown
from meanfield.initializers.initializer import WIDEST, Initializer
from meanfield.initializers.resolve import initializer as named_initializer
from meanfield.jax.draws import Source, entries, fans, kernel
from meanfield.jax.framework import framework


@dataclass(frozen=True)
class BiasInitializer:
    """A function (key, shape, dtype) -> array for the biases of a layer.

    Attributes
    ----------
    scheme : meanfield.Initializer
        The scheme.
    fan_in : int or None
        Inputs of a unit, where the scale depends on them.
    """

    scheme: Initializer
    fan_in: int | None = None

    @property
    def std(self) -> float:
        """Standard deviation of the biases; 0 where the scheme has none.

        Raises
        ------
        InvalidInput
            If it depends on fan_in, which was not given.
        """
        biases = self.scheme.biases
        if biases is None:
            return 0.0
        if biases.mode != "fixed" and self.fan_in is None:
            raise InvalidInput(f"biases of {self.scheme.name} depend on the inputs of a unit: say bias(fan_in)")
        fan_in = self.fan_in or 1
        return biases.std(fan_in, fan_in)

    def __call__(self, key: Any, shape: Sequence[int], dtype: Any = None) -> Any:
        """Draw the biases.

        Parameters
        ----------
        key : jax.Array
            A key of `jax.random`.
        shape : tuple of int
            Their shape.
        dtype : dtype, optional
            A floating dtype; by default JAX's own, float32 or float64.

        Returns
        -------
        jax.Array
        """
        sizes, target, wide = _checked(shape, dtype)
        biases, _ = self.scheme.biases, self.std
        if biases is None:
            return framework().numpy.zeros(sizes, target)
        fan_in = self.fan_in or 1
        return entries(biases.law, Source(key, wide), sizes, biases.nominal(fan_in, fan_in)).astype(target)


@dataclass(frozen=True, repr=False)
class KernelInitializer:
    """A scheme as a function (key, shape, dtype) -> array, as `kernel_init` of Flax takes it.

    Kernels are (…, in, out): (in, out) of dense layers, (\\*sides, in, out) of convolutions, whose fans count the taps.
    One key gives the same draw under `jax.jit` and `jax.vmap`, and in every dtype up to rounding.

    Attributes
    ----------
    scheme : meanfield.Initializer
        The scheme, with its formula and its source.
    """

    scheme: Initializer

    def __call__(self, key: Any, shape: Sequence[int], dtype: Any = None) -> Any:
        """Draw a kernel.

        Parameters
        ----------
        key : jax.Array
            A key of `jax.random`.
        shape : tuple of int
            Shape (…, in, out).
        dtype : dtype, optional
            A floating dtype; by default JAX's own, float32 or float64.

        Returns
        -------
        jax.Array

        Raises
        ------
        InvalidInput
            If the shape has fewer than two axes, the dtype is not floating, or the scheme does not exist for the shape.
        """
        sizes, target, wide = _checked(_kernel_shape(shape), dtype)
        return kernel(self.scheme.weights, Source(key, wide), sizes).astype(target)

    def std(self, shape: Sequence[int]) -> float:
        """Exact standard deviation of an entry of a kernel (…, in, out); for delta-orthogonal ones, of its centre."""
        sizes = _kernel_shape(shape)
        return self.scheme.std(*fans(self.scheme.weights, sizes))

    def bias(self, fan_in: int | None = None) -> BiasInitializer:
        """The initializer of the biases, as `bias_init` of Flax takes it; `fan_in` where their scale depends on it."""
        return BiasInitializer(self.scheme, None if fan_in is None else whole(fan_in, "fan_in", WIDEST))

    def __repr__(self) -> str:
        return f"meanfield.jax.{self.scheme.call}"


@own_error_state
def critical(activation: Any, *, law: str | None = None) -> KernelInitializer:
    """Kernels at the critical point of an activation, as `meanfield.recommend` says.

    Parameters
    ----------
    activation : str, callable, Activation
        The activation before the layer.
    law : str, optional
        Law of the entries, as for `meanfield.initializer`; Gaussian by default.

    Returns
    -------
    KernelInitializer
        A function (key, shape, dtype) -> array. Its `.bias()` draws biases: GELU and SiLU, for example, are critical
        with biases only.

    Raises
    ------
    InvalidInput
        If there are no critical weights for the activation.
    UnknownActivation, BadActivation
        If `activation` is not usable.

    Examples
    --------
    >>> import meanfield.jax
    >>> init = meanfield.jax.critical("gelu")
    >>> init
    meanfield.jax.initializer('critical', activation='gelu')
    >>> f"{init.std((3, 3, 64, 128)) * (9 * 64) ** 0.5:.6f}", f"{init.bias().std:.6f}"
    ('1.408211', '0.415839')
    """
    return KernelInitializer(named_initializer("critical", activation=activation, law=law))


@own_error_state
def initializer(
    name: str,
    *,
    activation: Any = None,
    gain: float | None = None,
    mode: str | None = None,
    law: str | None = None,
    **parameters: Any,
) -> KernelInitializer:
    """A named scheme in the form of `jax.nn.initializers`; the arguments are those of `meanfield.initializer`.

    Parameters
    ----------
    name, activation, gain, mode, law, **parameters
        As for `meanfield.initializer`. The kernel size of "delta_orthogonal" is the one of the shape that is drawn.

    Returns
    -------
    KernelInitializer
        A function (key, shape, dtype) -> array.

    Raises
    ------
    InvalidInput
        If there is no such scheme, an argument is out of range, or the scheme needs data, as LSUV.

    Examples
    --------
    >>> import meanfield.jax
    >>> meanfield.jax.initializer("orthogonal", gain=2.0).std((50, 200))
    0.141421356237309...
    """
    options = {"activation": activation, "gain": gain, "mode": mode, "law": law}
    made = named_initializer(name, **options, **parameters)
    if made.name == "lsuv":
        raise InvalidInput(
            "lsuv rescales weights with data, which an initializer of JAX does not see: use 'orthogonal'"
        )
    return KernelInitializer(made)


def _kernel_shape(shape: Sequence[int]) -> tuple[int, ...]:
    sizes = _sizes(shape)
    if len(sizes) < 2:
        raise InvalidInput(f"a kernel has a shape (…, in, out), not {sizes}: .bias() draws biases")
    return sizes


def _sizes(shape: Sequence[int]) -> tuple[int, ...]:
    try:
        sizes = tuple(shape)
    except TypeError:
        raise InvalidInput(f"shape must be a tuple of sizes, not {shown(shape)}") from None
    return tuple(whole(size, "shape", WIDEST) for size in sizes)


def _checked(shape: Sequence[int], dtype: Any) -> tuple[tuple[int, ...], Any, Any]:
    """The sizes, the dtype, and the dtype in which scales are computed."""
    jax = framework()
    try:
        target = jax.dtypes.canonicalize_dtype(float if dtype is None else dtype)
    except TypeError:
        raise InvalidInput(f"dtype must be a floating dtype, not {shown(dtype)}") from None
    if not jax.numpy.issubdtype(target, jax.numpy.floating):
        raise InvalidInput(f"dtype must be a floating dtype, not {target}")
    return _sizes(shape), target, jax.numpy.float64 if target == jax.numpy.float64 else jax.numpy.float32
