"""Layers of residual networks over images."""

import math

from numpy.typing import ArrayLike

from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.elementwise import ActivationLike
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.residual import Residual

HE = 2**0.5


def resnet_v2(
    activation: ActivationLike = "relu",
    *,
    batch_size: float = math.inf,
    pixels: int | None = None,
    sigma_1: ArrayLike = HE,
    sigma_2: ArrayLike = HE,
) -> Network:
    """A pre-activation residual layer: x + conv(φ(BN(conv(φ(BN(x)))))), with He's weights.

    Kernels are 3 × 3 with a circular border, which keeps pixels alike; the zeros of torch's border change the growth of
    gradients on small maps.

    Parameters
    ----------
    activation : str, callable or Activation
        φ.
    batch_size : int or inf
        Images in a batch; the limit of large batches by default.
    pixels : int, optional
        Pixels of each image; a finite batch needs it.
    sigma_1, sigma_2 : float or array_like
        Standard deviations of the weights of both convolutions (times √fan_in).

    Returns
    -------
    Network
        One residual layer.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.

    References
    ----------
    He et al. 2016 (arXiv:1603.05027), figure 4e; He et al. 2015 (arXiv:1502.01852), eq. 14, for the weights.

    Examples
    --------
    Gradients grow like a power of depth that tends to (π/(π − 1))² = 2.152:

    >>> import meanfield as mf
    >>> gradient = mf.propagate(mf.blocks.resnet_v2(), 200, c=0.0).gradient
    >>> print(f"{math.log2(gradient[50] / gradient[100]):.3f}")
    2.091
    """
    inside = []
    for sigma in (sigma_1, sigma_2):
        inside += [BatchNorm(batch_size, pixels), activation, Conv(sigma, 0.0, (3, 3))]
    return Network(Residual(*inside))
