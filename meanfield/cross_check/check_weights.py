"""Signal and gradient of a given network against random networks with weights of the same scale."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats, Reals
from meanfield.arguments import false_alarm_rate, whole
from meanfield.cross_check.comparisons import SIGNALS, log_values
from meanfield.cross_check.prediction import predict
from meanfield.cross_check.result import CheckResult, Row
from meanfield.errors import InvalidInput
from meanfield.montecarlo.forward_backward import run_network
from meanfield.montecarlo.input_states import draw_state, input_root
from meanfield.montecarlo.materialized import Materialized
from meanfield.montecarlo.random_generators import RandomSource, spawn
from meanfield.montecarlo.simulation import simulate
from meanfield.montecarlo.weight_laws import Sampler
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.network import Network
from meanfield.numerics.statistics.multiple_testing import largest_z
from meanfield.weights.axis_order import Layout
from meanfield.weights.loading import Tensor, read

__all__ = ["WeightCheck", "check_weights"]


MATRICES = 10_000


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
    sigma_w, sigma_b : ndarray, shape (depth,)
        Scales of the weights and biases of each layer, in the theory and the random networks too.
    names : tuple of str
        Names of the weights, in order.
    """

    sigma_w: Floats
    sigma_b: Floats
    names: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The verdict in one sentence."""
        z = self._compared()
        size = f"{len(self.names)} weight matri{'x' if len(self.names) == 1 else 'ces'} in a row"
        if self.passed:
            return f"passed: with {size}, signal and gradient agree with random weights of the same scales ({z})"
        worst = next(row for row in self.rows if abs(row.z) > self.threshold)
        name = {"one_minus_c": "1 - c", "gradient": "the squared gradient"}.get(worst.quantity, worst.quantity)
        return (
            f"failed: with {size}, the signal differs from random weights of the same scales: {name} at layer "
            f"{worst.layer} is {worst.simulation:.4g}, {worst.theory:.4g} in theory ({z})"
        )

    def to_dict(self) -> dict[str, Any]:
        """The verdict, its rows and the scales of the weights in JSON types."""
        names, sigma_w, sigma_b = list(self.names), self.sigma_w.tolist(), self.sigma_b.tolist()
        return {**super().to_dict(), "names": names, "sigma_w": sigma_w, "sigma_b": sigma_b}


def check_weights(
    weights: Any,
    activation: Any,
    *,
    inputs: ArrayLike | None = None,
    q: float = 1.0,
    c: float = 0.5,
    networks: int = 64,
    layout: Layout = "torch",
    rng: RandomSource = None,
    alpha: float = 0.01,
) -> WeightCheck:
    """Run a given fully connected network and compare it with theory and with random networks of the same scales.

    Parameters
    ----------
    weights : path, mapping or list of array_like
        Weights of the dense layers in their order, as for `measure`: an ``.npz`` file, a state dict or a list. Biases
        are used if present.
    activation : str, callable or Activation
        Activation between two dense layers.
    inputs : array_like, shape (N, fan_in of the first layer), optional
        Inputs of the network. By default two random inputs of second moment `q` and correlation `c`.
    q, c : float
        Second moment and correlation of the two random inputs.
    networks : int
        Number of random networks, ≥ 8.
    layout : {"torch", "keras"}
        Whether matrices have shape (fan_out, fan_in) or (fan_in, fan_out).
    rng : None, int, Generator
        Source of randomness, as in SciPy.
    alpha : float
        False-alarm rate of the verdict as a whole, 0 < alpha < 1.

    Returns
    -------
    WeightCheck
        `.passed`; `.rows` and `.z` by layer and quantity. Layer 0 is the input, layer l the output of the l-th weights.

    Raises
    ------
    InvalidInput
        If the weights cannot be read, their shapes do not match, or an argument is out of range.

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
    """
    alpha, networks = false_alarm_rate(alpha), whole(networks, "networks", 1_000_000, least=8)
    tensors = read(weights, layout).tensors
    _refuse_misfits(tensors)
    widths = [tensors[0].matrix.shape[1], *(len(tensor.matrix) for tensor in tensors)]
    sigma_w = np.array([math.sqrt(np.mean(np.square(t.matrix, dtype=np.float64)) * t.matrix.shape[1]) for t in tensors])
    sigma_b = np.array([0.0 if t.bias is None else math.sqrt(np.mean(t.bias**2)) for t in tensors])
    layers = [Dense(*sigmas) for sigmas in zip(sigma_w, sigma_b, strict=True)]
    blocks = [Network(layers[0]), *(Network(activation, layer) for layer in layers[1:])]
    if inputs is not None and np.shape(inputs)[-1:] != (widths[0],):
        raise InvalidInput(
            f"inputs must be an (N, {widths[0]}) array for these weights, not of shape {np.shape(inputs)}"
        )

    own, others = spawn(rng, 2)
    start_q, start_c = (q, c) if inputs is None else (1.0, None)
    root = input_root(start_q, start_c, inputs)
    x = draw_state(root, widths[0], own, np.dtype("float64")) if inputs is None else np.asarray(inputs, dtype=float)
    given = run_network(blocks, widths, x, GivenWeights(own, widths[0], tensors))
    random = simulate(
        blocks, len(blocks), widths, networks=networks, q=start_q, c=start_c, inputs=inputs, method="exact_law",
        rng=others,
    )  # fmt: skip

    theory = predict(blocks, widths, start_q, start_c, inputs)
    eps, rounding = float(np.finfo(np.float64).eps), 1e-9
    names = [name for name in SIGNALS if name in random.raw and np.isfinite(theory[name]).all()]
    values = dict(zip(("q", "gradient", "one_minus_c"), given[:3], strict=True))
    sample = np.column_stack([log_values(name, random.raw[name], eps) for name in names])
    found = np.concatenate([log_values(name, values[name], eps) for name in names])
    spread = np.hypot(sample.std(axis=0, ddof=1) * math.sqrt(1.0 + 1.0 / networks), rounding)
    z = (found - sample.mean(axis=0)) / spread
    z[np.abs(found - sample.mean(axis=0)) < 100 * rounding] = 0.0
    largest = float(np.abs(z).max())
    threshold, p_value = largest_z(sample, largest, alpha, rounding)
    rows = []
    for name, zs, spreads in zip(names, np.split(z, len(names)), np.split(spread, len(names)), strict=True):
        columns = zip(theory[name], values[name], values[name] * spreads, zs, strict=True)
        rows += [Row(layer, name, *map(float, numbers)) for layer, numbers in enumerate(columns)]
    names_of_weights = tuple(tensor.name for tensor in tensors)
    return WeightCheck(tuple(rows), largest, threshold, p_value, alpha, sigma_w, sigma_b, names_of_weights)


class GivenWeights(Materialized):
    """The matrices and biases of a given network, in their order."""

    def __init__(self, rng: np.random.Generator, width: int, tensors: Sequence[Tensor]) -> None:
        super().__init__(rng, width, np.dtype("float64"), [GivenTensor(tensor) for tensor in tensors])


@dataclass(frozen=True)
class GivenTensor:
    """A sampler that always returns one given matrix, with a sampler of its biases if it has any."""

    tensor: Tensor

    def __call__(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Reals:
        return self.tensor.matrix

    @property
    def bias(self) -> Sampler | None:
        """A sampler that returns the biases; None without biases."""
        bias = self.tensor.bias
        return None if bias is None else lambda rng, fan_out, fan_in: bias


def _refuse_misfits(tensors: Sequence[Tensor]) -> None:
    for tensor in tensors:
        if len(tensor.shape) != 2:
            raise InvalidInput(
                f"{tensor.name} has shape {tensor.shape}: only dense layers can be run, not convolutions"
            )
    for before, after in itertools.pairwise(tensors):
        if after.matrix.shape[1] != len(before.matrix):
            raise InvalidInput(
                f"{after.name} takes {after.matrix.shape[1]} inputs, {before.name} has {len(before.matrix)} outputs: "
                "weights must belong to dense layers in their order (layout='keras' if they are transposed)"
            )
