"""Skip connections."""

from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.residual import Residual


@forward.register
def residual(layer: Residual, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """skip_scale·x + branch_scale·branch(x); backwards the gradients of both terms add."""
    y, through_branch = forward(layer.branch, x, draw)
    if y.shape != x.shape:
        raise InvalidInput(f"a residual branch must keep the signal's shape, not turn {x.shape[1:]} into {y.shape[1:]}")
    skip, branch = draw.dtype.type(layer.skip_scale), draw.dtype.type(layer.branch_scale)
    return skip * x + branch * y, lambda gradient: skip * gradient + branch * through_branch(gradient)
