"""Draws of one torch tensor in place: a truncated normal law, delta-orthogonal kernels, and critical weights."""

import math
from typing import Any

from meanfield.arguments import number, positive
from meanfield.errors import InvalidInput, shown
from meanfield.initializers.truncated_normal import truncated_std
from meanfield.recommendation.recommend import recommend
from meanfield.torch.framework import framework


def trunc_normal_(tensor: Any, std: float = 1.0, bounds: float = 2.0, *, generator: Any = None) -> Any:
    """Fill a tensor from a normal law cut at ±`bounds` standard deviations; `std` is its deviation after the cut.

    `torch.nn.init.trunc_normal_` takes bounds in units of the weights, and its `std` is the standard deviation before
    the cut: with ``std=0.02`` and its default bounds ±2 nothing is cut, and with bounds at two standard deviations the
    entries have 0.88 times the `std`.

    Parameters
    ----------
    tensor : torch.Tensor
        A tensor of a floating dtype; it is changed in place.
    std : float
        Standard deviation of the entries, > 0.
    bounds : float
        Where the law is cut, in standard deviations before the cut, > 0.
    generator : torch.Generator, optional
        Source of randomness; torch's own by default.

    Returns
    -------
    torch.Tensor
        The tensor.

    Raises
    ------
    InvalidInput
        If the tensor is not of a floating dtype, or a number is out of its range.
    """
    torch = framework()
    _floating(tensor)
    scale, cut = _positive(std, "std"), _positive(bounds, "bounds")
    inside = math.erf(cut / math.sqrt(2.0))
    with torch.no_grad():
        drawn = torch.empty(tensor.shape, dtype=torch.float64).uniform_(-inside, inside, generator=generator)
        drawn.erfinv_().mul_(math.sqrt(2.0)).clamp_(-cut, cut).mul_(scale / truncated_std(cut))
        return tensor.copy_(drawn)


def delta_orthogonal_(tensor: Any, gain: float = 1.0, *, generator: Any = None) -> Any:
    """Fill a convolution's weight with `gain` times an orthogonal matrix at the centre of the kernel, and 0 elsewhere.

    Parameters
    ----------
    tensor : torch.Tensor, shape ``(C_out, C_in, *kernel)``
        The weight of a convolution without groups, C_out ≥ C_in; it is changed in place.
    gain : float
        The norm of the response to a unit vector of channels at one pixel, > 0.
    generator : torch.Generator, optional
        Source of randomness; torch's own by default.

    Returns
    -------
    torch.Tensor
        The tensor.

    Raises
    ------
    InvalidInput
        If the tensor is no such weight, or the kernel has an even side and thus no centre.

    References
    ----------
    Xiao et al. 2018 (arXiv:1806.05393), algorithm 1.
    """
    torch = framework()
    _floating(tensor)
    factor = _positive(gain, "gain")
    shape = tuple(tensor.shape)
    if len(shape) < 3 or shape[0] < shape[1]:
        raise InvalidInput(f"delta_orthogonal_ takes a weight (C_out, C_in, *kernel) with C_out ≥ C_in, not {shape}")
    if any(side % 2 == 0 for side in shape[2:]):
        raise InvalidInput(f"delta_orthogonal_ needs a kernel with a centre, so odd sides, not {shape[2:]}")
    with torch.no_grad():
        tensor.zero_()
        centre = (slice(None), slice(None), *(side // 2 for side in shape[2:]))
        matrix = torch.empty(shape[:2], dtype=torch.float64)
        tensor[centre] = torch.nn.init.orthogonal_(matrix, factor, generator=generator).to(tensor)
    return tensor


def critical_(tensor: Any, activation: Any, *, bias: Any = None, generator: Any = None) -> Any:
    """Fill the weight of a layer behind an activation with Gaussian entries at the activation's critical point.

    Parameters
    ----------
    tensor : torch.Tensor, shape (fan_out, fan_in) or ``(C_out, C_in, *kernel)``
        The weight; it is changed in place.
    activation : str, callable, torch.nn.Module, Activation
        The activation before the layer, as for `meanfield.recommend`, which says the scale.
    bias : torch.Tensor, optional
        The layer's bias, which gets the standard deviation sigma_b of the critical point. GELU and SiLU, for example,
        are critical with biases only.
    generator : torch.Generator, optional
        Source of randomness; torch's own by default.

    Returns
    -------
    torch.Tensor
        The tensor.

    Raises
    ------
    InvalidInput
        If the tensor is no weight, or no critical weights exist for the activation.
    """
    torch = framework()
    _floating(tensor)
    if tensor.ndim < 2:
        raise InvalidInput(f"critical_ takes a weight (fan_out, fan_in, *kernel), not a tensor of shape {tensor.shape}")
    found = recommend(activation)
    with torch.no_grad():
        tensor.normal_(0.0, float(found.sigma_w) / math.sqrt(math.prod(tensor.shape[1:])), generator=generator)
        if bias is not None:
            _floating(bias)
            bias.normal_(0.0, float(found.sigma_b), generator=generator) if found.sigma_b else bias.zero_()
    return tensor


def _floating(tensor: Any) -> None:
    torch = framework()
    if not (isinstance(tensor, torch.Tensor) and tensor.is_floating_point()):
        raise InvalidInput(f"tensor must be a torch.Tensor of a floating dtype, not {shown(tensor)}")


def _positive(value: object, name: str) -> float:
    return float(positive(number(value, name), name))
