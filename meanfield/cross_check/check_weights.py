"""Signal and gradient of a given network against random networks with weights of the same scale."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.arguments import false_alarm_rate, real, whole
from meanfield.cross_check.comparisons import SIGNALS, log_values
from meanfield.cross_check.doubts import refuse_other_networks, starts_with_vector
from meanfield.cross_check.given_network import GivenWeights, RandomOfSameShape, given_network
from meanfield.cross_check.prediction import predict
from meanfield.cross_check.result import CheckResult, Row
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.montecarlo.forward_backward import run_network
from meanfield.montecarlo.input_states import draw_state, input_root
from meanfield.montecarlo.random_generators import RandomSource, spawn
from meanfield.networks.block import as_block
from meanfield.numerics.statistics.multiple_testing import largest_z
from meanfield.weights.axis_order import Layout
from meanfield.weights.copies import copies
from meanfield.weights.loading import Tensor, read

__all__ = ["WeightCheck", "check_weights"]


@dataclass(frozen=True, repr=False)
class WeightCheck(CheckResult):
    """The outcome of `check_weights`; true in a boolean context if the weights act like random ones of their scale.

    Attributes
    ----------
    rows : tuple of Row
        Each signal at each layer: in theory, in the given network (`simulation`), its standard deviation over random
        networks (`standard_error`), and its distance from their mean in these standard deviations (`z`).
    largest_z, threshold, p_value, alpha : float
        As in `CrossCheck`.
    sigma_w, sigma_b : ndarray, shape (matrices,)
        Scales of the given weights and biases, in the theory and the random networks too.
    names : tuple of str
        Names of the weights, in order.
    run : str
        The network that was run, in words.
    not_run : mapping of str to str
        Entries that were not run, and why; the state of optimizers is not among them.
    findings : tuple of str
        Weights that are copies of others: a check with such weights does not pass, because random networks have
        independent weights.
    """

    sigma_w: Floats
    sigma_b: Floats
    names: tuple[str, ...]
    run: str
    not_run: Mapping[str, str]
    findings: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether signal and gradient agree with those of random networks, and no weight is a copy of another one."""
        return super().passed and not self.findings

    @property
    def summary(self) -> str:
        """The verdict in one sentence."""
        z, left_out = self._compared(), f"; not run: {shortened(self.not_run)}" if self.not_run else ""
        if self.findings:
            more = f" and {len(self.findings) - 1} more" if len(self.findings) > 1 else ""
            agree = "agree with" if super().passed else "differ from"
            return (
                f"failed: with {self.run}, weights are copies and not independent ({self.findings[0]}{more}); signal "
                f"and gradient {agree} random weights of the same scales ({z}){left_out}"
            )
        if self.passed:
            agree = "signal and gradient agree with random weights of the same scales"
            return f"passed: with {self.run}, {agree} ({z}){left_out}"
        worst = next(row for row in self.rows if abs(row.z) > self.threshold)
        name = {"one_minus_c": "1 - c", "gradient": "the squared gradient"}.get(worst.quantity, worst.quantity)
        return (
            f"failed: with {self.run}, the signal differs from random weights of the same scales: {name} at layer "
            f"{worst.layer} is {worst.simulation:.4g}, {worst.theory:.4g} in theory ({z}){left_out}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The verdict, its rows, the scales of the weights and what was run, in JSON types."""
        names, sigma_w, sigma_b = list(self.names), self.sigma_w.tolist(), self.sigma_b.tolist()
        said = {"run": self.run, "not_run": dict(self.not_run), "findings": list(self.findings)}
        return {**super().to_dict(), "names": names, "sigma_w": sigma_w, "sigma_b": sigma_b, **said}


def shortened(names: Iterable[str], most: int = 3) -> str:
    """The first names, and how many more there are.

    Examples
    --------
    >>> shortened("abcde")
    'a, b, c and 2 more'
    """
    every = list(names)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")


@own_error_state
def check_weights(
    weights: Any,
    activation: Any,
    *,
    inputs: ArrayLike | None = None,
    q: float = 1.0,
    c: float = 0.5,
    networks: int = 64,
    layout: Layout | None = None,
    rng: RandomSource = None,
    alpha: float = 0.01,
) -> WeightCheck:
    """Run a network of given dense layers and compare it with theory and with random networks of the same scales.

    Parameters
    ----------
    weights : path, mapping or list of array_like
        Weights of the dense layers in their order, as for `measure`: an ``.npz`` file, a state dict or a list. Biases
        are used if present. Names that a framework sorted as text, 10 before 2, are put in the order of their numbers.
    activation : str, callable, Activation, Network, Layer, or list of them
        The activation between two dense layers; or the block that the network repeats, perhaps behind an input layer,
        such as ``"residual(layernorm, gelu, dense)"``; or a list of all blocks. Their sigmas are replaced by the scales
        of the weights.
    inputs : array_like, shape (N, fan_in of the first layer), optional
        Inputs of the network. By default two random inputs of second moment `q` and correlation `c`.
    q, c : float
        Second moment and correlation of the two random inputs.
    networks : int
        Number of random networks, ≥ 8.
    layout : {"torch", "keras"}, optional
        Whether matrices have shape (fan_out, fan_in) or (fan_in, fan_out); by default as their names or biases tell.
    rng : None, int, Generator
        Source of randomness, as in SciPy.
    alpha : float
        False-alarm rate of the verdict as a whole, 0 < alpha < 1.

    Returns
    -------
    WeightCheck
        `.passed`; `.rows` and `.z` by layer and quantity. Layer 0 is the input, layer l the output of block l. `.run`
        says what was run, `.not_run` which entries were not, `.findings` which weights are copies.

    Raises
    ------
    InvalidInput
        If the weights cannot be read or do not fit the network, an entry shows a layer that the network does not have
        (a normalisation, attention, an embedding, a skip connection by its name), a block has weights in other than
        Dense layers, or an argument is out of range.

    Notes
    -----
    The theory and the random networks have the sigma_w = √(fan_in · mean W²) and sigma_b of each given layer. A single
    network fluctuates about the theory; the spread of random Gaussian networks of the same widths measures by how much.
    A failure therefore means that the structure of the weights, not their scale, determines the signal. Freshly
    initialised weights pass; trained weights often fail.

    Examples
    --------
    >>> import numpy as np
    >>> import meanfield as mf
    >>> rng = np.random.default_rng(0)
    >>> weights = [rng.standard_normal((200, 200)) * (2 / 200) ** 0.5 for _ in range(5)]
    >>> bool(mf.check_weights(weights, "relu", rng=0))
    True
    >>> weights[2] += 0.02  # a mean
    >>> bool(mf.check_weights(weights, "relu", rng=0))
    False
    >>> weights[2] = weights[1].T
    >>> mf.check_weights(weights, "relu", rng=0).findings
    ('2: it is equal to the transpose of 1',)
    """
    alpha, networks = false_alarm_rate(alpha), whole(networks, "networks", 1_000_000, least=8)
    collection = read(weights, layout)
    tensors = _in_order(collection.tensors)
    several = isinstance(activation, list | tuple)
    described = [as_block(block) for block in (activation if several else [activation])]
    not_run = refuse_other_networks(collection, described)
    starts = starts_with_vector(collection)
    given = given_network(tensors, described, not several, None if starts is None else not starts)
    blocks, widths = given.blocks, given.widths
    inputs = None if inputs is None else real(inputs, "inputs", "an (N, d) array of real numbers, one row an input")
    if inputs is not None and np.shape(inputs)[-1:] != (widths[0],):
        raise InvalidInput(
            f"inputs must be an (N, {widths[0]}) array for these weights, not of shape {np.shape(inputs)}"
        )

    own, others = spawn(rng, 2)
    start_q, start_c = (q, c) if inputs is None else (1.0, None)
    root, dtype = input_root(start_q, start_c, inputs), np.dtype("float64")
    x = draw_state(root, widths[0], own, dtype) if inputs is None else np.asarray(inputs, dtype=float)
    values = run_network(blocks, widths, x, GivenWeights(own, tensors))
    raw = np.array(
        [
            run_network(blocks, widths, draw_state(root, widths[0], one, dtype), RandomOfSameShape(one, tensors))
            for one in spawn(others, networks)
        ]
    )

    theory = predict(blocks, widths, start_q, start_c, inputs)
    eps, rounding = float(np.finfo(np.float64).eps), 1e-9
    row = {"q": 0, "gradient": 1} | ({"one_minus_c": 2} if len(x) > 1 else {})
    names = [name for name in SIGNALS if name in row and np.isfinite(theory[name]).all()]
    sample = np.column_stack([log_values(name, raw[:, row[name]], eps) for name in names])
    found = np.concatenate([log_values(name, values[row[name]], eps) for name in names])
    spread = np.hypot(sample.std(axis=0, ddof=1) * math.sqrt(1.0 + 1.0 / networks), rounding)
    z = (found - sample.mean(axis=0)) / spread
    z[np.abs(found - sample.mean(axis=0)) < 100 * rounding] = 0.0
    largest = float(np.abs(z).max())
    threshold, p_value = largest_z(sample, largest, alpha, rounding)
    rows = []
    for name, zs, spreads in zip(names, np.split(z, len(names)), np.split(spread, len(names)), strict=True):
        own_values = values[row[name]]
        columns = zip(theory[name], own_values, own_values * spreads, zs, strict=True)
        rows += [Row(layer, name, *map(float, numbers)) for layer, numbers in enumerate(columns)]
    findings = tuple(f"{name}: {phrase}" for name, phrase in copies(tensors).items())
    return WeightCheck(
        tuple(rows), largest, threshold, p_value, alpha, given.sigma_w, given.sigma_b,
        names=tuple(tensor.name for tensor in tensors), run=given.words, not_run=not_run, findings=findings,
    )  # fmt: skip


def _in_order(tensors: list[Tensor]) -> list[Tensor]:
    """The weights in the order of the numbers in their names if a framework sorted these as text: 10 before 2."""
    names = [tensor.name for tensor in tensors]
    if names != sorted(names):
        return tensors
    return sorted(tensors, key=lambda tensor: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", tensor.name)])
