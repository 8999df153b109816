"""The same families of layer as in the theory, as NumPy forward and backward passes."""

from meanfield.montecarlo.kernels import dense, dropout, elementwise, network, residual
from meanfield.montecarlo.kernels.kernel import forward

__all__ = ["dense", "dropout", "elementwise", "forward", "network", "residual"]
