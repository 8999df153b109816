"""The audit of a Keras model: its weights and signals, measured and judged."""

from typing import Any

from meanfield.arguments import false_alarm_rate
from meanfield.audits.kernels import judged
from meanfield.audits.report import Audit
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, shown
from meanfield.keras.framework import framework
from meanfield.keras.interception import as_array, layers_of, outputs_of
from meanfield.keras.parameters import kernels_of


@own_error_state
def audit(model: Any, inputs: Any, *, expect: str | None = None, alpha: float = 0.01) -> Audit:
    """Audit the initialisation of a Keras model: its weights and its signals, with findings and a verdict.

    Parameters
    ----------
    model : keras.Model
        The model, freshly initialised.
    inputs : array, or list or dict of arrays
        A batch of at least two inputs, as the model takes them.
    expect : str, optional
        The scheme that all hidden weights should have: "gpt2" or a name for `meanfield.initializer`. Other scales are
        then errors.
    alpha : float
        False-alarm rate of the tests of all weights together, 0 < alpha < 1.

    Returns
    -------
    Audit
        `.passed` is whether there is no error among `.findings`.

    Raises
    ------
    InvalidInput
        If an argument is out of its range, or the model does not run on the inputs.
    MeanFieldError
        If keras is not installed.

    Notes
    -----
    The findings are those of `meanfield.torch.audit` on weights, and on signals over layers of one name. There
    are no gradients, no theory and no comparison with redrawn networks. The model runs once, with ``training=False``.
    """
    keras = framework()
    if not isinstance(model, keras.Model):
        raise InvalidInput(f"model must be a keras.Model, not {shown(model)}")
    alpha = false_alarm_rate(alpha)
    outputs, ends = outputs_of(model, inputs)
    arrays = {id(variable): as_array(variable.value) for variable in model.trainable_variables}
    kernels = list(kernels_of(layers_of(model), arrays, outputs, ends))
    return judged(kernels, outputs, alpha, expect, type(model).__name__)
