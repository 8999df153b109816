"""What every layer description answers: frozen values without any arithmetic."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Parameter
from meanfield.activations.activation import Activation
from meanfield.errors import InvalidInput


class Mean(NamedTuple):
    """A mean over units: the layer that leaves it, and whether in an earlier block, so that its size is not known."""

    layer: "Layer"
    earlier: bool = False


class Layer:
    """Base of every layer description, and what each answers about itself.

    A kind of layer names its `parameters`. One that contains layers also defines `inner` and `rebuilt`. The other
    attributes and methods are what theory and simulation ask of a layer: nobody keeps lists of kinds of layers.

    Attributes
    ----------
    parameters : tuple of str
        The attributes that are numbers and may be arrays.
    fresh : bool
        Whether it has zero-mean weights of its own, whatever its input: then the output has zero mean and is
        uncorrelated with all that came before.
    linear : bool
        Whether the output is a linear map of the input plus a bias, the same map for all inputs.
    keeps_mean : bool
        Whether the output has zero mean over units if the input has.
    needs_mean : bool
        Whether its map depends on the input's mean over units.
    centres : bool
        Whether the output has zero mean over units whatever the input.
    keeps_gaussian : bool
        Whether the output is Gaussian if the input is; of a layer that is `fresh`, if the input is anything.
    needs_gaussian : bool
        Whether its map is known for Gaussian units alone.
    on_sphere : bool
        Whether its output is that of a BatchNorm, whose law activations know.
    reads_points : bool
        Whether it reads several points (pixels, tokens) of an input.
    joins_points : bool
        Whether points become units of one point: a `fresh` layer behind it must weigh them.
    """

    parameters: ClassVar[tuple[str, ...]] = ()
    fresh: ClassVar[bool] = False
    linear: ClassVar[bool] = False
    keeps_mean: ClassVar[bool] = False
    needs_mean: ClassVar[bool] = False
    centres: ClassVar[bool] = False
    keeps_gaussian: ClassVar[bool] = True
    needs_gaussian: ClassVar[bool] = False
    on_sphere: ClassVar[bool] = False
    reads_points: ClassVar[bool] = False
    joins_points: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """What messages call it."""
        return type(self).__name__

    @property
    def inner(self) -> "tuple[Layer, ...]":
        """The layers that it contains."""
        return ()

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The activations in it, in order, those within other layers included."""
        return tuple(phi for layer in self.inner for phi in layer.activations)

    @property
    def carries(self) -> Parameter | None:
        """The a of E[output | input] = a·input over its own weights and noise; None if there is no such a."""
        return 0.0 if self.fresh else None

    @property
    def draws_noise(self) -> bool:
        """Whether it draws noise of each input's own, so that equal inputs part."""
        return False

    @property
    def reads_sphere(self) -> bool:
        """Whether it can follow a BatchNorm: weights sum over its units, activations know their law."""
        return self.fresh

    @property
    def inert(self) -> bool:
        """Whether the output is the input."""
        return False

    @property
    def batch(self) -> float | None:
        """The batch size that it normalises over; None if it reads each input by itself."""
        return None

    @property
    def width_ratio(self) -> Parameter:
        """Units of the output for each unit of the input, where it has no weights that decide this."""
        return 1.0

    @property
    def window(self) -> tuple[int, ...]:
        """Points along each axis of the windows that it reads; ``()`` if it reads single points, or all of them."""
        return ()

    @property
    def tells_apart(self) -> str:
        """Why one point of an image does not represent all of them behind it, as a sentence; "" if it does."""
        if not self.reads_points:
            return ""
        return f"{self.label} depends on the covariances between pixels: follow them with propagate_pixels"

    @property
    def needs_same_points(self) -> bool:
        """Whether one point represents all of them only where all points of an input have the same signal."""
        return False

    @property
    def overlaps(self) -> bool:
        """Whether it multiplies points with each other, so that chance overlaps at finite width add up."""
        return False

    def images_after(self, images: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that images have behind it; ``()`` once a point is an input.

        Raises
        ------
        InvalidInput
            If it, or a layer within it, cannot read them, or a branch changes them.
        """
        after = images
        for layer in self.inner:
            after = layer.images_after(after)
        if after != images:
            raise InvalidInput(
                f"the branch of a {self.label} must keep the image's shape, not turn {images} into {after}"
            )
        return images

    def units_after(self, left: "Layer | None") -> "Layer | None":
        """The layer that keeps units from being Gaussian behind this one; None where they are Gaussian.

        `left` is the same before it.

        Raises
        ------
        InvalidInput
            If a layer that needs Gaussian units reads others.
        """
        if self.needs_gaussian and left:
            raise self._not_gaussian(left)
        if self.fresh:
            return None if self.keeps_gaussian else self
        if self.inert:
            return left
        inside = left
        for layer in self.inner:
            inside = layer.units_after(inside)
        return left or inside or (None if self.keeps_gaussian else self)

    def _not_gaussian(self, left: "Layer", instead: str = "") -> InvalidInput:
        return InvalidInput(
            f"{self.label} would act on what {left.label} left, which is not Gaussian: put a Dense layer between them"
            + instead
        )

    def mean_after(self, left: Mean | None) -> Mean | None:
        """The mean over units behind it; None where it is 0. `left` is the mean before it.

        Raises
        ------
        InvalidInput
            If a layer depends on a mean whose size is not known.
        """
        if self.needs_mean and left and left.earlier:
            raise InvalidInput(
                f"{self.label} would subtract the mean that {left.layer.label} leaves in the block before, which "
                "second moments do not tell: begin the block one layer later, so that both are in the same one"
            )
        if self.fresh or self.centres:
            return None
        inside = left
        for layer in self.inner:
            inside = layer.mean_after(inside)
        return left or inside or (None if self.keeps_mean or self.inner else Mean(self))

    def leaves_mean(self, q: ArrayLike) -> bool:
        """Whether the output may have a mean over units where the input has none and second moments q."""
        return not self.keeps_mean

    def normalised_after(self, before: bool) -> bool:
        """Whether all of the signal behind it has gone through a BatchNorm; `before` is the same before it.

        Asked of networks with batch normalisation. Gradients that come out of a BatchNorm sum to zero over the batch,
        which linear layers keep; other layers may only act behind a BatchNorm.

        Raises
        ------
        InvalidInput
            If gradients would be others, or no map is known.
        """
        if self.reads_points or self.inner:
            raise InvalidInput(f"no map is known for {self.label} and BatchNorm in one network")
        if not before and not self.linear:
            raise InvalidInput(
                f"{self.label} comes before the first BatchNorm of its block or residual branch: begin with BatchNorm, "
                "as in Network(BatchNorm(32), 'relu', Dense())"
            )
        return before

    @property
    def matrices(self) -> int:
        """Weight matrices of its own."""
        return 0

    def rebuilt(self, inner: "tuple[Layer, ...]", **parameters: Parameter) -> "Layer":
        """The same layer around others and with other parameters, where these are given."""
        changed: Layer = replace(cast(Any, self), **parameters) if parameters else self  # a dataclass, if it has any
        return changed

    def walk(self) -> "Iterator[Layer]":
        """This layer and all within it, in order, each before what it contains."""
        yield self
        for layer in self.inner:
            yield from layer.walk()

    def mapped(self, parameters: "Callable[[Layer], Mapping[str, Parameter]]") -> "Layer":
        """The same with every layer of `walk` given the parameters that the function returns for it."""
        return self.rebuilt(tuple(layer.mapped(parameters) for layer in self.inner), **parameters(self))

    @property
    def shape(self) -> tuple[int, ...]:
        """Broadcast shape of the parameters of all layers within it; ``()`` if all are scalars."""
        named = [(name, np.shape(getattr(layer, name))) for layer in self.walk() for name in layer.parameters]
        try:
            return np.broadcast_shapes(*(shape for _, shape in named))
        except ValueError:
            shapes = ", ".join(f"{name} {shape}" for name, shape in named if shape)
            raise InvalidInput(f"the shapes of a network's parameters do not broadcast: {shapes}") from None
