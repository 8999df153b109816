"""The block that is repeated in depth, made from a network, a layer, an activation or text."""

from numpy.typing import ArrayLike

from meanfield.error_state import own_error_state
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.elementwise import ActivationLike, LayerLike
from meanfield.networks.layers.network import Network
from meanfield.networks.text.text import is_network, network

__all__ = ["as_block", "mlp"]


@own_error_state
def mlp(spec: ActivationLike, sigma_w: ArrayLike = 1.0, sigma_b: ArrayLike = 0.0) -> Network:
    """The repeated block of a fully connected network: the activation, then a dense layer.

    Parameters
    ----------
    spec : str, callable, Activation
        The activation, as `meanfield.activation` takes it.
    sigma_w, sigma_b : float or array_like
        Standard deviations of the weights (times √fan_in) and of the biases, ≥ 0.

    Returns
    -------
    Network
        ``Network(spec, Dense(sigma_w, sigma_b))``. Its state is the pre-activation: q is E h².

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.mlp("gelu", 1.4, 0.4)
    Network('gelu', Dense(sigma_w=1.4, sigma_b=0.4))
    """
    return Network(spec, Dense(sigma_w, sigma_b))


def as_block(spec: LayerLike) -> Network:
    """`spec` as a block: a network or its text as it is, a layer as a network of one, an activation as its MLP."""
    if isinstance(spec, Network):
        return spec
    if isinstance(spec, str) and is_network(spec):
        return network(spec)
    return Network(spec) if isinstance(spec, Layer) else mlp(spec)
