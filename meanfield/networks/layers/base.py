"""The base of all layer descriptions: a frozen value that answers questions about itself and does no arithmetic."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np

from meanfield._types import Parameter
from meanfield.activations.activation import Activation
from meanfield.errors import InvalidInput


class Mean(NamedTuple):
    """A mean over units that need not be 0: the layer that causes it, and whether that layer is in an earlier block.

    Blocks pass on second moments only, so the size of a mean from an earlier block is not known.
    """

    layer: "Layer"
    earlier: bool = False


class Layer:
    """Base of all layer descriptions. Theory and simulation ask a layer for its properties; they keep no list of kinds.

    A subclass names its numeric `parameters` and overrides the answers whose default is wrong for it. A layer that
    contains other layers also defines `inner` and `rebuilt`. In what follows a *signal* is the vector of units of one
    point, a *point* is an input, or a pixel or token of an input, and means, variances and second moments are taken
    over units in the limit of infinite width.

    Attributes
    ----------
    linear : bool
        Whether the output is a linear map of the input plus a bias, with the same map for all inputs.
    keeps_mean : bool
        Whether an input of zero mean gives an output of zero mean.
    needs_mean : bool
        Whether the second moment of the output depends on the mean of the input.
    centres : bool
        Whether the output has zero mean for every input.
    keeps_gaussian : bool
        Whether Gaussian units give Gaussian units. For a `fresh` layer: whether the output is Gaussian for every input.
    needs_gaussian : bool
        Whether its map is known for Gaussian units only.
    reads_points : bool
        Whether an output point depends on several points of the same input.
    joins_points : bool
        Whether the units of all points of an input become the units of one point. A `fresh` layer must follow it in the
        same block.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.Dense(1.5).fresh, mf.LayerNorm().centres, mf.AveragePool(2).reads_points
    (True, True, True)
    >>> mf.Dropout(0.1).carries, mf.Dense(1.5).carries, mf.Network("relu").carries
    (1.0, 0.0, None)
    """

    linear: ClassVar[bool] = False
    keeps_mean: ClassVar[bool] = False
    needs_mean: ClassVar[bool] = False
    centres: ClassVar[bool] = False
    keeps_gaussian: ClassVar[bool] = True
    needs_gaussian: ClassVar[bool] = False
    reads_points: ClassVar[bool] = False
    joins_points: ClassVar[bool] = False

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the attributes that are numbers or arrays, which broadcast against those of other layers."""
        return ()

    @property
    def fresh(self) -> bool:
        """Whether it multiplies by independent weights of zero mean: the output is uncorrelated with signals before."""
        return False

    @property
    def on_sphere(self) -> bool:
        """Whether units are a point on a sphere, as behind BatchNorm; activations have a map for such units too."""
        return False

    @property
    def passed_on(self) -> "Layer":
        """What stands for this layer, as the one that makes units non-Gaussian, behind a further layer."""
        return self

    @property
    def label(self) -> str:
        """The name of the layer in messages."""
        return type(self).__name__

    @property
    def inner(self) -> "tuple[Layer, ...]":
        """The layers that it contains."""
        return ()

    @property
    def activations(self) -> tuple[Activation, ...]:
        """All activations in it, in order, including those of the layers that it contains."""
        return tuple(phi for layer in self.inner for phi in layer.activations)

    @property
    def carries(self) -> Parameter | None:
        """The factor a in E[output | input] = a·input, a mean over its own weights and noise; None if there is none.

        A skip connection around the layer needs it: the covariance of input and output is then a·q.
        """
        return 0.0 if self.fresh else None

    @property
    def draws_noise(self) -> bool:
        """Whether it draws independent noise for each input, so that two equal inputs become different."""
        return False

    @property
    def reads_sphere(self) -> bool:
        """Whether its map is known directly behind a BatchNorm, where units are not Gaussian."""
        return self.fresh

    @property
    def inert(self) -> bool:
        """Whether the output is the input, as for Dropout(0)."""
        return False

    @property
    def batch(self) -> float | None:
        """Number of inputs that it normalises over; None if it reads each input by itself."""
        return None

    @property
    def width_ratio(self) -> Parameter:
        """Number of output units divided by number of input units, where no weights of its own set it."""
        return 1.0

    @property
    def window(self) -> tuple[int, ...]:
        """Points along each axis that one output point reads; ``()`` if it reads single points or all points."""
        return ()

    @property
    def tells_apart(self) -> str:
        """Why one point of an image does not represent all points behind this layer, as a sentence; "" if it does."""
        if not self.reads_points:
            return ""
        return f"{self.label} depends on the covariances between pixels: follow them with propagate_pixels"

    @property
    def needs_same_points(self) -> bool:
        """Whether one point represents all points only if all points of an input have the same signal."""
        return False

    @property
    def orders_points(self) -> bool:
        """Whether points that are alike before the layer differ behind it by their place, as in causal attention."""
        return False

    @property
    def overlaps(self) -> bool:
        """Whether it multiplies points with each other, so that their chance overlaps at finite width accumulate."""
        return False

    def images_after(self, images: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of images behind the layer, given their shape before it; ``()`` where each input is one point.

        Raises
        ------
        InvalidInput
            If the layer, or one that it contains, cannot read images of this shape, or if the branch of a container
            changes the shape.
        """
        after = images
        for layer in self.inner:
            after = layer.images_after(after)
        if after != images:
            raise InvalidInput(
                f"the branch of a {self.label} must keep the image's shape, not turn {images} into {after}"
            )
        return images

    def units_after(self, before: "Layer | None") -> "Layer | None":
        """The layer that makes the units behind this layer non-Gaussian; None where they are Gaussian.

        Parameters
        ----------
        before : Layer or None
            The same for the units that this layer reads.

        Raises
        ------
        InvalidInput
            If a layer that needs Gaussian units reads other units.
        """
        if self.needs_gaussian and before:
            raise self._not_gaussian(before)
        if self.fresh:
            return None if self.keeps_gaussian else self
        if self.inert:
            return before
        inside = before
        for layer in self.inner:
            inside = layer.units_after(inside)
        return (before and before.passed_on) or inside or (None if self.keeps_gaussian else self)

    def _not_gaussian(self, before: "Layer", instead: str = "") -> InvalidInput:
        return InvalidInput(
            f"{self.label} needs Gaussian units, and the output of {before.label} is not Gaussian: put a Dense layer "
            f"between them{instead}"
        )

    def mean_after(self, before: Mean | None) -> Mean | None:
        """The mean over units behind this layer, if it may differ from 0; None where it is 0.

        Parameters
        ----------
        before : Mean or None
            The same for the units that this layer reads.

        Raises
        ------
        InvalidInput
            If a layer depends on a mean from an earlier block, whose size is not known.
        """
        self._refuse_unknown(before)
        if self.fresh or self.centres:
            return None
        inside = before
        for layer in self.inner:
            inside = layer.mean_after(inside)
        return before or inside or (None if self.keeps_mean or self.inner else Mean(self))

    def _refuse_unknown(self, before: Mean | None) -> None:
        """Raise InvalidInput if the layer depends on a mean from an earlier block."""
        if self.needs_mean and before and before.earlier:
            raise InvalidInput(
                f"{self.label} depends on the mean over units, and the mean behind {before.layer.label} in the "
                "previous block is not known here, where blocks pass on second moments only: propagate tracks it, and "
                "a Dense layer at the end of the block removes it"
            )

    def normalised_after(self, before: bool) -> bool:
        """Whether the whole signal behind this layer has passed a BatchNorm; `before` is the same for its input.

        Only blocks with batch normalisation are asked. The gradient with respect to the input of a BatchNorm sums to
        zero over the batch. Linear layers before the BatchNorm preserve this, so other layers must stand behind one.

        Raises
        ------
        InvalidInput
            If the layer stands before the first BatchNorm and is not linear, or no map is known for it in such a block.
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
        """Number of weight matrices of its own, without the layers that it contains."""
        return 0

    def rebuilt(self, inner: "tuple[Layer, ...]", **parameters: Parameter) -> "Layer":
        """A copy that contains the layers `inner` and has the given parameters; parameters not given stay."""
        changed: Layer = replace(cast(Any, self), **parameters) if parameters else self  # layers are dataclasses
        return changed

    def walk(self) -> "Iterator[Layer]":
        """This layer and all layers within it, in order; a container comes before its content."""
        yield self
        for layer in self.inner:
            yield from layer.walk()

    def mapped(self, parameters: "Callable[[Layer], Mapping[str, Parameter]]") -> "Layer":
        """A copy in which every layer of `walk` has the parameters that the function returns for it."""
        return self.rebuilt(tuple(layer.mapped(parameters) for layer in self.inner), **parameters(self))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape to which the parameters of all layers of `walk` broadcast; ``()`` if all are numbers.

        Raises
        ------
        InvalidInput
            If they do not broadcast.
        """
        named = [(name, np.shape(getattr(layer, name))) for layer in self.walk() for name in layer.parameters]
        try:
            return np.broadcast_shapes(*(shape for _, shape in named))
        except ValueError:
            shapes = ", ".join(f"{name} {shape}" for name, shape in named if shape)
            raise InvalidInput(f"the shapes of a network's parameters do not broadcast: {shapes}") from None
