"""The audit of a Flax NNX module: its weights, signals and gradients, measured and judged."""

from typing import Any

from meanfield.arguments import false_alarm_rate
from meanfield.audits.kernels import judged
from meanfield.audits.report import Audit
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, shown
from meanfield.jax.framework import flax_nnx, framework
from meanfield.jax.interception import outputs_of, paths_of
from meanfield.jax.parameters import kernels_of
from meanfield.montecarlo.random_generators import RandomSource, spawn


@own_error_state
def audit(
    module: Any, inputs: Any, *, expect: str | None = None, alpha: float = 0.01, rng: RandomSource = None
) -> Audit:
    """Audit the initialisation of a Flax NNX module: weights, signals and gradients, with findings and a verdict.

    Parameters
    ----------
    module : flax.nnx.Module
        The model, freshly initialised.
    inputs : array, tuple or dict
        A batch of at least two inputs, as the model takes them.
    expect : str, optional
        The scheme that all hidden weights should have: "gpt2" or a name for `meanfield.initializer`. Other scales are
        then errors.
    alpha : float
        False-alarm rate of the tests of all weights together, 0 < alpha < 1.
    rng : None, int, Generator
        Source of the cotangent at the output from which gradients start, as in SciPy.

    Returns
    -------
    Audit
        `.passed` is whether there is no error among `.findings`.

    Raises
    ------
    InvalidInput
        If an argument is out of its range, or the model does not run on the inputs.
    MeanFieldError
        If jax or flax is not installed.

    Notes
    -----
    The findings are those of `meanfield.torch.audit` on weights, and on signals and gradients over layers of one name.
    There is no theory and no comparison with redrawn networks. The audit works on a copy of the module. Modules inside
    of Flax's own transformations, such as `nnx.scan` and `nnx.jit`, are not seen while they run; their weights are.
    """
    framework()
    nnx = flax_nnx()
    if not isinstance(module, nnx.Module):
        raise InvalidInput(f"module must be a flax.nnx.Module, not {shown(module)}; meanfield.measure takes parameters")
    alpha = false_alarm_rate(alpha)
    outputs, ends = outputs_of(module, inputs, spawn(rng, 1)[0])
    kernels = list(kernels_of(module, paths_of(module), outputs, ends))
    return judged(kernels, outputs, alpha, expect, type(module).__name__)
