"""The bias of a recurrent cell's gate at which gradients last for a wanted number of steps."""

from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.arguments import choice, number, positive
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, shown
from meanfield.numerics.solve.bracketed import root
from meanfield.theory.recurrence.cells import Cell

__all__ = ["forget_bias"]

CELLS = ("minimal", "gru", "lstm")
LOWEST = -60.0  # of the biases that are searched
WALK = 0.25  # step of the search for a bracket
LARGEST = 1e100  # standard deviation or second moment
LONGEST = 1e12  # steps
MOST_VARIANCE = 100.0  # of the arguments of gates


@own_error_state
def forget_bias(
    memory: Any, *, cell: str = "minimal", sigma_w: float = 1.0, sigma_v: float = 1.0, input_q: float = 1.0
) -> float | Floats:
    """The gate bias at which gradients of a recurrent cell last for `memory` steps.

    The mean squared gradient through the state falls by χ a step, and the memory is −1/ln χ steps. Weights are taken as
    drawn anew at each step ("untied"); with tied weights, as in use, the memory is somewhat longer.

    Parameters
    ----------
    memory : float or array_like
        Wanted memory in steps, > 0 and at most 1e12.
    cell : {"minimal", "gru"}
        "minimal": minimalRNN, h′ = u h + (1 − u) x with the update gate u. "gru": h′ = z h + (1 − z) tanh(…), with the
        bias on z (in torch and Keras z has this meaning too) and a reset gate of bias 0.
    sigma_w, sigma_v : float
        Standard deviations of the weights of the state and of the input (times √fan_in), of all gates.
    input_q : float
        Second moment of the inputs, ≥ 0, independent over time; for "minimal", of x in the state's space.

    Returns
    -------
    float or ndarray
        The bias, of the shape of `memory`, with an error below 1e-9.

    Raises
    ------
    InvalidInput
        If an argument is out of range, if no bias gives so short a memory, or for LSTMs, whose cell state is not
        Gaussian.

    References
    ----------
    Chen, Pennington & Schoenholz 2018 (arXiv:1806.05394) for the minimalRNN; Tallec & Ollivier 2018
    (arXiv:1804.11188) for ln(memory) as a rule of thumb.

    Examples
    --------
    >>> import meanfield as mf
    >>> print(f"{mf.forget_bias(100):.6f} {mf.forget_bias(100, cell='gru'):.4f}")
    5.780125 5.7812
    """
    kind = choice(cell, "cell", CELLS)
    if kind == "lstm":
        raise InvalidInput("no forget bias is computed for an LSTM, whose cell state is not Gaussian: take 'gru'")
    wanted = positive(memory, "memory")
    if np.any(wanted > LONGEST):
        raise InvalidInput(f"memory must be at most {LONGEST:g} steps, not {shown(memory)}")
    parts = {"sigma_w": sigma_w, "sigma_v": sigma_v, "input_q": input_q}
    numbers = {name: number(positive(value, name, zero=True), name) for name, value in parts.items()}
    for name, value in numbers.items():  # whose squares are floats
        if value > LARGEST:
            raise InvalidInput(f"{name} must be at most {LARGEST:g}, not {shown(parts[name])}")
    searched = Cell(kind, **numbers)
    if searched.most_variance > MOST_VARIANCE:
        raise InvalidInput(
            f"the arguments of gates may have a variance of {searched.most_variance:.3g} with these weights and "
            f"inputs, and at most {MOST_VARIANCE:g} is possible"
        )
    biases = np.array([_bias(searched, float(steps)) for steps in wanted.ravel()]).reshape(wanted.shape)
    return biases if biases.ndim else float(biases)


def _bias(cell: Cell, memory: float) -> float:
    """The largest bias at which the memory is as wanted; ln of −ln χ is nearly linear in the bias."""
    target = -np.log(memory)

    def excess(bias: float) -> float:
        loss = cell.fixed(bias).loss
        return float(np.log(-np.log1p(-loss)) - target) if 0.0 < loss < 1.0 else (-np.inf if loss <= 0.0 else np.inf)

    high = np.log(2.0 * memory) + 0.5 * cell.most_variance + 3.0  # where 1 − χ is below 2e^{variance/2 − bias}
    while high > LOWEST:
        low = high - WALK
        below = excess(low)
        if below >= 0.0:
            return float(root(lambda _, x: np.array([excess(float(x[0]))]), np.full(1, low), np.full(1, high))[0])
        if below == -np.inf:
            break
        high = low
    raise InvalidInput(
        f"no gate bias gives a memory of {memory:g} steps, since gradients last longer with these weights: a longer "
        "memory or a smaller sigma_w is possible"
    )
