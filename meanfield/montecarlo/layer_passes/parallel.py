"""Branches whose outputs add."""

from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.parallel import Parallel


@forward.register
def parallel(layer: Parallel, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """The sum over the branches, each with its own weights; backwards the sum of their gradients."""
    outputs, pullbacks = zip(*(forward(branch, x, draw) for branch in layer.branches), strict=True)
    if len({y.shape for y in outputs}) > 1:
        shapes = " and ".join(str(y.shape[1:]) for y in outputs)
        raise InvalidInput(f"the branches of a Parallel must give signals of one shape, not {shapes}")
    total: Array = sum(outputs[1:], outputs[0])

    def pullback(gradient: Array) -> Array:
        first, *others = (back(gradient) for back in pullbacks)
        before: Array = sum(others, first)
        return before

    return total, pullback
