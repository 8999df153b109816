"""Signals that are normalised over the inputs of a batch, each unit by itself."""

import math
from dataclasses import dataclass
from typing import ClassVar

from meanfield.arguments import as_integer, whole
from meanfield.errors import InvalidInput, shown
from meanfield.networks.layers.base import Layer

__all__ = ["BatchNorm", "batch_size"]

LARGEST = 10**9  # inputs of a batch


@dataclass(frozen=True, eq=False, repr=False)
class BatchNorm(Layer):
    """Batch normalisation in training: each unit minus its mean over the batch, over its standard deviation there.

    The variance is the mean of squares over the batch. The gain is 1, the shift 0, and nothing is added to the
    variance. It belongs behind a Dense layer and before an activation, and a block, or the branch of a residual one,
    begins with it.

    Parameters
    ----------
    batch_size : int or inf
        Inputs B in a batch; ``math.inf`` is the limit of large batches.
    pixels : int, optional
        Pixels P of each image, over which it normalises too, as ``BatchNorm2d`` does. Convolutions with a circular
        border keep pixels alike, so it is then the same as for a batch of B·P inputs, exactly. Beside a convolution it
        must be given; elsewhere it is 1.

    Raises
    ------
    InvalidInput
        If B·P is no integer ≥ 4. With three values or fewer the spread of a unit over the batch is so often small that
        the gradient's second moment is infinite.

    References
    ----------
    Ioffe & Szegedy 2015 (arXiv:1502.03167); Yang et al. 2019 (arXiv:1902.08129) for the theory.

    Examples
    --------
    Gradients explode even in linear networks, by (B − 2)/(B − 3) a layer:

    >>> import meanfield as mf
    >>> from meanfield.networks.layers.batchnorm import BatchNorm
    >>> print(f"{mf.analyze(mf.Network(BatchNorm(8), mf.Dense(1.3))).chi_1:.12f}")
    1.200000000000
    """

    batch_size: float
    pixels: int | None = None

    keeps_mean: ClassVar[bool] = True
    keeps_gaussian: ClassVar[bool] = False
    needs_gaussian: ClassVar[bool] = True
    on_sphere: ClassVar[bool] = True

    @property
    def batch(self) -> float:
        """The number of values that it normalises over."""
        return self.batch_size * (self.pixels or 1)

    def __repr__(self) -> str:
        told = "" if self.pixels is None else f", pixels={self.pixels}"
        return f"{type(self).__name__}(batch_size={self.batch_size}{told})"

    @property
    def untold(self) -> bool:
        """Whether it matters beside a convolution how many pixels there are, and nothing says so."""
        return self.pixels is None and self.batch_size != math.inf

    def normalised_after(self, before: bool) -> bool:
        """True: its output has passed a BatchNorm."""
        return True

    def __post_init__(self) -> None:
        size, pixels = self.batch_size, self.pixels
        if pixels is not None:
            pixels = whole(pixels, "pixels", LARGEST)
            object.__setattr__(self, "pixels", pixels)
        inputs = as_integer(size)
        if inputs is not None and 1 <= inputs * (pixels or 1) <= 3:
            raise InvalidInput(
                f"batch_size times pixels must be at least 4, not {inputs * (pixels or 1)}: with three values or fewer "
                "the variance over the batch is so often near 0 that the second moment of the gradient is infinite"
            )
        if (inputs is None or not 1 <= inputs <= LARGEST) and not (isinstance(size, float) and size == math.inf):
            raise InvalidInput(
                f"batch_size must be an integer ≥ 4 and ≤ {LARGEST}, or inf for the limit of large ones, not "
                f"{shown(size)}"
            )
        object.__setattr__(self, "batch_size", math.inf if inputs is None else inputs)


def batch_size(*layers: Layer) -> float | None:
    """The batch size of the BatchNorms in these layers, nested ones included; None if there is no BatchNorm.

    Raises
    ------
    InvalidInput
        If two BatchNorms have different batch sizes.
    """
    sizes = {inner.batch for layer in layers for inner in layer.walk() if inner.batch is not None}
    if len(sizes) > 1:
        raise InvalidInput(
            f"all BatchNorms of a network must have one batch size, not {' and '.join(map(str, sorted(sizes)))}"
        )
    return sizes.pop() if sizes else None
