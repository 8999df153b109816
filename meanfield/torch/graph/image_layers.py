"""Convolutions and averages over pixels as layers."""

from typing import Any

import numpy as np

from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.pooling import AveragePool, GlobalAveragePool
from meanfield.torch.graph.operations import Operation

CONVOLUTION = "a convolution is a layer with odd kernels, padding (k - 1)/2 and no dilation"


def convolution(one: Operation, module: Any, sigma_w: float, sigma_b: float) -> list[Layer]:
    """The layer of a convolution; none where the sentence `CONVOLUTION` says why."""
    size, stride = tuple(module.kernel_size), tuple(module.stride)
    same = all(2 * p + 1 == k for p, k in zip(_sides(module, len(size)), size, strict=True))
    if set(size) == {1} and set(stride) == {1}:
        return [Dense(sigma_w, sigma_b)]
    if not same or set(module.dilation) != {1} or len(size) > 2:
        return []
    return [Conv(sigma_w, sigma_b, size, padding="zeros", stride=stride)]


def _sides(module: Any, axes: int) -> tuple[int, ...]:
    """The padding of a convolution along each axis."""
    if module.padding == "same":
        return tuple((k - 1) // 2 for k in module.kernel_size)
    return (0,) * axes if isinstance(module.padding, str) else tuple(module.padding)


def pool(one: Operation, before: tuple[int, ...], after: tuple[int, ...]) -> Layer | None:
    """An average over windows or over all points, where an operation is one."""
    if one.call.function in ("adaptive_avg_pool1d", "adaptive_avg_pool2d") and set(after[2:]) == {1}:
        return GlobalAveragePool()
    if one.call.function == "mean" and len(before) - len(after) == len(before) - 2 and len(after) == 2:
        return GlobalAveragePool()
    if one.call.function in ("avg_pool1d", "avg_pool2d") and not np.any(np.mod(before[2:], after[2:])):
        return AveragePool(tuple(x // y for x, y in zip(before[2:], after[2:], strict=True)))
    return None
