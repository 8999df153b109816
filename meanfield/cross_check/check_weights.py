"""What the weights of one given network do to signal and gradient, beside random weights of the same scale."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meanfield._types import Floats
from meanfield.arguments import whole
from meanfield.cross_check.comparisons import SIGNALS, logarithms
from meanfield.cross_check.prediction import trajectory
from meanfield.cross_check.result import Row, shown
from meanfield.errors import InvalidInput
from meanfield.montecarlo.forward_backward import run_network
from meanfield.montecarlo.input_states import draw_state, input_root
from meanfield.montecarlo.materialized import Materialized
from meanfield.montecarlo.random_generators import spawn
from meanfield.montecarlo.simulation import simulate
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.network import Network
from meanfield.numerics.statistics.multiple_testing import largest_z
from meanfield.weights.loading import Layout, Tensor, read

__all__ = ["WeightCheck", "check_weights"]


MATRICES = 10_000


@dataclass(frozen=True, repr=False)
class WeightCheck:
    """The outcome of `check_weights`; true in a condition if the weights do what random ones of their scale would.

    Attributes
    ----------
    rows : tuple of Row
        Each signal at each layer: in theory, in the given network (`simulation`), the standard deviation of that
        between random networks (`standard_error`), and how many of them it is away from their mean (`z`).
    sigma_w, sigma_b : ndarray, shape (depth,)
        Scales of the weights and biases of each layer, which the theory and the random networks were given.
    names : tuple of str
        The weights, in order.
    threshold, p_value, alpha : float
        As in `CrossCheck`.
    """

    rows: tuple[Row, ...]
    sigma_w: Floats
    sigma_b: Floats
    names: tuple[str, ...]
    threshold: float
    p_value: float
    alpha: float

    @property
    def passed(self) -> bool:
        """Whether signal and gradient are as with random weights."""
        return abs(self.worst.z) <= self.threshold

    @property
    def worst(self) -> Row:
        """The row with the largest |z|."""
        return max(self.rows, key=lambda row: abs(row.z))

    @property
    def z(self) -> dict[str, Floats]:
        """The z of every layer by quantity, arrays of depth + 1."""
        names = dict.fromkeys(row.quantity for row in self.rows)
        return {name: np.array([row.z for row in self.rows if row.quantity == name]) for name in names}

    @property
    def summary(self) -> str:
        """The verdict in one sentence."""
        z = f"largest |z| = {shown(abs(self.worst.z))}, {shown(self.threshold)} allowed"
        size = f"{len(self.names)} weight matri{'x' if len(self.names) == 1 else 'ces'} in a row"
        if self.passed:
            return f"passed: with {size}, signal and gradient are as with random ones of the same scales ({z})"
        worst = next(row for row in self.rows if abs(row.z) > self.threshold)
        name = {"one_minus_c": "1 - c", "gradient": "the squared gradient"}.get(worst.quantity, worst.quantity)
        return (
            f"failed: with {size}, the signal is not as with random ones of the same scales: {name} at layer "
            f"{worst.layer} is {worst.simulation:.4g}, {worst.theory:.4g} in theory ({z})"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw theory and network by layer, and return the Axes: see `plot_crosscheck`."""
        from meanfield.plotting.crosscheck import plot_crosscheck

        return plot_crosscheck(self, ax)

    def to_dict(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        return {
            "passed": self.passed,
            "summary": self.summary,
            "p_value": self.p_value,
            "alpha": self.alpha,
            "threshold": self.threshold,
            "names": list(self.names),
            "sigma_w": self.sigma_w.tolist(),
            "sigma_b": self.sigma_b.tolist(),
            "rows": [asdict(row) for row in self.rows],
        }

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"<WeightCheck {self.summary}>"


def check_weights(
    weights: Any,
    activation: Any,
    *,
    inputs: ArrayLike | None = None,
    q: float = 1.0,
    c: float = 0.5,
    networks: int = 64,
    layout: Layout = "torch",
    rng: Any = None,
    alpha: float = 0.01,
) -> WeightCheck:
    """Run a given fully connected network and compare it with random networks of the same scales, and with theory.

    Parameters
    ----------
    weights : path, mapping or list of array_like
        The weights of the dense layers in their order, as `measure` takes them: an ``.npz`` file, a state dict, a list.
        Biases are used where they are there.
    activation : str, callable or Activation
        What stands between two dense layers.
    inputs : array_like, shape (N, fan_in of the first layer), optional
        The inputs to run. By default two random ones of second moment `q` and correlation `c`.
    q, c : float
        Second moment and correlation of the two random inputs.
    networks : int
        Random networks to compare with, ≥ 8.
    layout : {"torch", "keras"}
        Whether a matrix is (fan_out, fan_in), or transposed.
    rng : None, int, Generator
        Source of randomness, as in SciPy.
    alpha : float
        False-alarm rate of the verdict as a whole, 0 < alpha < 1.

    Returns
    -------
    WeightCheck
        `.passed`, and by layer and quantity `.rows` and `.z`. Layer 0 is the input, layer l what the l-th weights make.

    Raises
    ------
    InvalidInput
        If the weights cannot be read or do not fit one another, or an argument is outside its range.

    Notes
    -----
    The theory and the random networks know sigma_w = √(fan_in · mean W²) and sigma_b of each layer. One network differs
    from the theory's mean by chance; how much is seen from the random ones, which have Gaussian weights and the same
    widths. So a failure means: not its scale but its structure makes the signal what it is. Weights as they were drawn
    pass; trained ones often do not.

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
    if not 0 < alpha < 1:
        raise InvalidInput(f"alpha is a false-alarm rate and must lie between 0 and 1, not {alpha!r}")
    if whole(networks, "networks", 1_000_000) < 8:
        raise InvalidInput(f"networks must be at least 8, not {networks}")
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
    start: dict[str, Any] = {"q": q, "c": c} if inputs is None else {"inputs": inputs}
    root = input_root(q, c, None) if inputs is None else input_root(1.0, None, inputs)
    x = draw_state(root, widths[0], own, np.dtype("float64")) if inputs is None else np.asarray(inputs, dtype=float)
    given = run_network(blocks, widths, x, Given(own, widths[0], tensors))
    random = simulate(blocks, len(blocks), widths, networks=networks, method="exact_law", rng=others, **start)

    theory = trajectory(blocks, widths, q, None if inputs is not None else c, inputs)
    eps, rounding = float(np.finfo(np.float64).eps), 1e-9
    names = [name for name in SIGNALS if name in random.raw and np.isfinite(theory[name]).all()]
    values = dict(zip(("q", "gradient", "one_minus_c"), given[:3], strict=True))
    sample = np.column_stack([logarithms(name, random.raw[name], eps) for name in names])
    found = np.concatenate([logarithms(name, values[name], eps) for name in names])
    spread = np.hypot(sample.std(axis=0, ddof=1) * math.sqrt(1.0 + 1.0 / networks), rounding)
    z = (found - sample.mean(axis=0)) / spread
    z[np.abs(found - sample.mean(axis=0)) < 100 * rounding] = 0.0
    threshold, p_value = largest_z(sample, float(np.abs(z).max()), alpha, rounding)
    rows = []
    for name, zs, spreads in zip(names, np.split(z, len(names)), np.split(spread, len(names)), strict=True):
        columns = zip(theory[name], values[name], values[name] * spreads, zs, strict=True)
        rows += [Row(layer, name, *map(float, numbers)) for layer, numbers in enumerate(columns)]
    return WeightCheck(
        tuple(rows), sigma_w, sigma_b, tuple(tensor.name for tensor in tensors), threshold, p_value, float(alpha)
    )


class Given(Materialized):
    """The matrices and biases of a given network, in their order."""

    def __init__(self, rng: np.random.Generator, width: int, tensors: Sequence[Tensor]) -> None:
        super().__init__(rng, width, np.dtype("float64"), [Own(tensor) for tensor in tensors])


@dataclass(frozen=True)
class Own:
    """The sampler that always draws one given matrix, and its biases if there are any."""

    tensor: Tensor

    def __call__(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> NDArray[Any]:
        return self.tensor.matrix

    @property
    def bias(self) -> Any:
        """A sampler of the biases; None without."""
        return None if self.tensor.bias is None else lambda rng, fan_out, fan_in: self.tensor.bias


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
                "weights must be those of dense layers in their order (layout='keras' if they are transposed)"
            )
