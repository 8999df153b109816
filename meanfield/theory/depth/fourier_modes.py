"""How deep differences between the pixels of convolutional networks reach, by Fourier mode (Xiao et al. 2018)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield._types import Axes, Floats
from meanfield.arguments import each_axis, whole
from meanfield.bounded import Bounded
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, NoFixedPoint, shown
from meanfield.json_types import json_types
from meanfield.networks.block import as_block
from meanfield.networks.images import check_alike, pixel_axes
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.network import Network
from meanfield.reports.numbers import number, numbers
from meanfield.reports.report import Report, Table
from meanfield.reports.result import Result
from meanfield.theory.fixed_points.analysis import analyze
from meanfield.theory.fixed_points.depth_scales import depth_scale
from meanfield.theory.layer_maps import one_point, pair_slope
from meanfield.theory.states import Pair, Point

__all__ = ["ModeDepthScales", "image_shape", "mode_depth_scales"]

LARGEST_IMAGE = 1_000_000  # pixels
MODES = 32  # rows of a table
ROUNDING = 1e-14  # a factor below it is none, nor is an imaginary part


@dataclass(frozen=True, repr=False)
class ModeDepthScales(Result):
    """Fourier modes of the deviations from the fixed point over the pixels of an image, in the order of `numpy.fft`.

    Attributes
    ----------
    omega : ndarray, shape (n,) or, of two axes, (n₁, n₂, 2)
        Angular frequency along each axis, in radians a pixel, in [−π, π).
    factor : ndarray, shape (n,) or (n₁, n₂)
        λ(ω) = Σ_β v_β e^{iωβ}, the product over the block's convolutions; real for kernels that are symmetric about
        their centre, else complex.
    xi : ndarray, shape of `factor` followed by the shape of the block's sigmas
        Depth scale of deviations of the correlation, −1/ln |λ χ_c| for a block of one activation and one convolution,
        in blocks; inf where they do not decay, negative where they grow, 0 where one block removes them.
    xi_q : ndarray, shape of `xi`
        The same of deviations of the second moment, with χ_∥ for χ_c.
    """

    omega: Floats
    factor: NDArray[Any]
    xi: Floats
    xi_q: Floats

    def to_dict(self) -> dict[str, Any]:
        """All numbers in JSON types; complex factors as pairs of real and imaginary part."""
        factor = np.stack([self.factor.real, self.factor.imag], -1) if np.iscomplexobj(self.factor) else self.factor
        converted: dict[str, Any] = json_types(
            {"omega": self.omega, "factor": factor, "xi": self.xi, "xi_q": self.xi_q}
        )
        return converted

    def report(self) -> Report:
        """One row for each mode, if there are few."""
        omega = self.omega.reshape(self.factor.size, -1)
        scales = (self.xi.reshape(self.factor.size, -1), self.xi_q.reshape(self.factor.size, -1))
        rows = tuple(
            (
                ", ".join(f"{each:.4g}" for each in omega[i]),
                number(abs(factor)),
                *(numbers(scale[i]) for scale in scales),
            )
            for i, factor in enumerate(self.factor.flat)
        )
        table = Table(("omega", "|factor|", "xi", "xi_q"), rows[:MODES])
        return [table] if len(rows) <= MODES else [table, f"and {len(rows) - MODES} modes more"]

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw the depth scales of one network against the frequency; of images, against its size."""
        from meanfield.plotting.axes import axes_for, named

        if self.xi.shape != self.factor.shape:
            raise InvalidInput("plot draws the modes of one network, not of several")
        ax = axes_for(ax)
        size = np.abs(self.omega) if self.factor.ndim == 1 else np.sqrt(np.sum(self.omega**2, axis=-1))
        order = np.argsort(size, axis=None)
        ax.plot(size.flat[order], self.xi.flat[order], marker=".", label=label)
        ax.set(xlabel=r"angular frequency $|\omega|$, radians a pixel", ylabel=r"depth scale $\xi$, blocks")
        return named(ax, label, title)


@dataclass(frozen=True, eq=False)
class OfMode(Conv):
    """A convolution as deviations of one Fourier mode see it: they are multiplied by `factor`, λ(ω), as well."""

    factor: Any = 1.0


@one_point.register
def _(layer: OfMode, x: Point) -> Point:
    after = one_point(Dense(layer.sigma_w, layer.sigma_b), x)
    return replace(after, slope=layer.factor * after.slope)


@pair_slope.register
def _(layer: OfMode, x: Pair) -> Bounded:
    return Bounded(layer.factor * np.asarray(layer.sigma_w) ** 2)


@own_error_state
def mode_depth_scales(block: Any, pixels: int | Sequence[int]) -> ModeDepthScales:
    """Depth scale of every Fourier mode of differences between pixels, about the fixed point of the block.

    Parameters
    ----------
    block : Network or Layer
        What is repeated in depth, with a convolution in it.
    pixels : int or sequence of int
        Size of the image: one integer for each axis of the kernel.

    Returns
    -------
    ModeDepthScales

    Raises
    ------
    InvalidInput
        If the block has no convolution, `pixels` has not one integer for each of its axes, or the block's second
        moments do not determine what it does.
    NoFixedPoint
        If the second moment grows without limit.

    References
    ----------
    Xiao et al. 2018 (arXiv:1806.05393), section 2.

    Examples
    --------
    Only the mean over the image goes deep at criticality, unless all of the variance is at the centre of the kernel:

    >>> import meanfield as mf
    >>> from meanfield.networks.layers.convolution import Conv
    >>> mode_depth_scales(mf.Network("relu", Conv(2**0.5, 0.0)), 16).factor[:5].round(6)
    array([1.      , 0.949253, 0.804738, 0.588456, 0.333333])
    >>> mode_depth_scales(mf.Network("relu", Conv(2**0.5, 0.0, weights="delta")), 4).xi
    array([inf, inf, inf, inf])
    """
    block = as_block(block)
    shape = image_shape(pixels, block)
    check_alike(block)
    if any(layer.needs_same_points for layer in block.walk()):
        raise InvalidInput("Attention leaves no differences between tokens: there are modes of convolutions alone")
    omega = np.stack(np.meshgrid(*(2 * np.pi * np.fft.fftfreq(size) for size in shape), indexing="ij"), axis=-1)
    settled = analyze(block)
    if not np.all(np.isfinite(settled.q_star) & np.isfinite(settled.c_star)):
        raise NoFixedPoint("the second moment grows without limit, so there is no fixed point to deviate from")

    def of_mode(layer: Conv) -> Layer:
        factor = _spectrum(layer, omega)
        given = {field.name: getattr(layer, field.name) for field in fields(Conv)}
        return OfMode(**given, factor=factor.reshape(*factor.shape, *[1] * len(block.shape)))

    modes = _with_convolutions(block, of_mode)
    spectra = [_spectrum(layer, omega) for layer in block.walk() if isinstance(layer, Conv)]
    q = np.asarray(settled.q_star)
    chi_c = pair_slope(modes, Pair.at(q, q * (1.0 - settled.c_star))).value
    chi_parallel = one_point(modes, Point.at(q)).slope.value
    full = (*shape, *block.shape)
    xi, xi_q = (depth_scale(np.broadcast_to(np.abs(chi), full)) for chi in (chi_c, chi_parallel))
    return ModeDepthScales(omega[..., 0] if len(shape) == 1 else omega, np.prod(spectra, axis=0), xi, xi_q)


def image_shape(pixels: int | Sequence[int], *blocks: Network) -> tuple[int, ...]:
    """`pixels` as one integer for each axis of the blocks' convolutions."""
    given = each_axis(pixels)
    axes = len(pixel_axes(blocks, len(given)))
    if not axes:
        raise InvalidInput("a block without a convolution does not connect pixels: it needs a Conv, as in Conv(1.5)")
    if len(given) != axes:
        raise InvalidInput(
            f"pixels must be one integer for each axis of the kernel, {axes} of them, not {shown(pixels)}"
        )
    shape = tuple(whole(size, "pixels", LARGEST_IMAGE) for size in given)
    if np.prod(shape, dtype=float) > LARGEST_IMAGE:
        raise InvalidInput(f"an image may have at most {LARGEST_IMAGE} pixels, not {' x '.join(map(str, shape))}")
    return shape


def _with_convolutions(layer: Layer, change: Callable[[Conv], Layer]) -> Layer:
    """The same layer with every convolution in it replaced."""
    if isinstance(layer, Conv):
        return change(layer)
    return layer.rebuilt(tuple(_with_convolutions(inner, change) for inner in layer.inner))


def _spectrum(layer: Conv, omega: Floats) -> NDArray[Any]:
    """λ(ω) of one convolution."""
    offsets, shares = layer.taps
    factor = sum(share * np.exp(1j * (omega @ beta)) for beta, share in zip(offsets, shares, strict=True))
    factor = np.where(np.abs(factor) < ROUNDING, 0.0, factor)
    return np.real_if_close(factor, tol=ROUNDING / np.finfo(float).eps)
