"""A branch beside its input."""

import numpy as np

from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.concatenation import Concatenate

WHOLE = 1e-9  # tolerance for a whole number of units


@forward.register
def concatenate(layer: Concatenate, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """[x, branch(x)]; Dense layers of the branch have growth times the units of x. Backwards both gradients add."""
    kept, units = x.shape[1], layer.growth * x.shape[1]
    if abs(units - round(units)) > WHOLE:
        raise InvalidInput(
            f"a growth of {layer.growth:g} turns {kept} units into {units:g}: growth times units must be a whole number"
        )
    if round(units) == 0:
        return x, lambda gradient: gradient
    outside, draw.width = draw.width, round(units)
    y, through_branch = forward(layer.branch, x, draw)
    draw.width = outside
    if y.shape[1] != round(units):
        raise InvalidInput(
            f"the branch of a Concatenate must turn {kept} units into {round(units)}, its growth times as many, not "
            f"{y.shape[1]}"
        )
    output: Array = np.concatenate([x, y], axis=1)
    return output, lambda gradient: gradient[:, :kept] + through_branch(np.ascontiguousarray(gradient[:, kept:]))
