"""Theory against simulation: one verdict over all layers and quantities, at a stated false-alarm rate."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meanfield.errors import InvalidInput
from meanfield.estimates import Sample
from meanfield.montecarlo.estimators import sample
from meanfield.montecarlo.simulation import Method, Simulation, simulate
from meanfield.montecarlo.weights import WeightLaw
from meanfield.networks.network import Network, as_block
from meanfield.numerics.largest_z import largest_z, z_beyond
from meanfield.theory.propagation import propagate
from meanfield.workers import Workers

__all__ = ["CrossCheck", "Row", "crosscheck"]

QUANTITIES = ("q", "one_minus_c", "gradient")
STEP = 1e-3  # of log(sigma_w), for the theory's slope


@dataclass(frozen=True)
class Row:
    """One quantity at one layer: theory, simulation, and how far apart they are.

    Attributes
    ----------
    layer : int
        0 (the input) to depth.
    quantity : {"q", "one_minus_c", "gradient"}
        What is compared: the attribute of that name of `Simulation` and of `Trajectory`.
    theory : float
        Value at infinite width.
    simulation, standard_error : float
        Mean over the networks and its standard error.
    z : float
        Difference of the logarithms beyond what finite width explains, in standard errors; > 0 where the simulation is
        above the theory.
    """

    layer: int
    quantity: str
    theory: float
    simulation: float
    standard_error: float
    z: float


@dataclass(frozen=True, repr=False)
class CrossCheck:
    """The outcome of `crosscheck`; true in a condition if it passed.

    Attributes
    ----------
    rows : tuple of Row
        Every quantity at every layer.
    threshold : float
        The largest |z| that passes.
    p_value : float
        Chance of a |z| at least as large as the largest one, if theory and simulation agree.
    alpha : float
        False-alarm rate of the verdict.
    sigma_w : Sample
        The factor on sigma_w that best explains the differences in all rows together; 1 if nothing is wrong.
    sigma_w_z : float
        How far that is from 1, as the z of a row.
    detectable : float
        The relative error in sigma_w that half of all simulations like this one detect; `inf` if above 100 %.
    simulation : Simulation
        The simulated side.
    """

    rows: tuple[Row, ...]
    threshold: float
    p_value: float
    alpha: float
    sigma_w: Sample
    sigma_w_z: float
    detectable: float
    simulation: Simulation

    @property
    def passed(self) -> bool:
        """Whether theory and simulation agree."""
        return self.largest_z <= self.threshold

    @property
    def largest_z(self) -> float:
        """The largest |z|, that of `sigma_w` among them: what the verdict is on."""
        return max(abs(self.sigma_w_z), abs(self.worst.z))

    @property
    def worst(self) -> Row:
        """The row with the largest |z|."""
        return max(self.rows, key=lambda row: abs(row.z))

    @property
    def z(self) -> dict[str, NDArray[np.float64]]:
        """The z of every layer by quantity, arrays of depth + 1."""
        names = dict.fromkeys(row.quantity for row in self.rows)
        return {name: np.array([row.z for row in self.rows if row.quantity == name]) for name in names}

    @property
    def summary(self) -> str:
        """The verdict in one sentence."""
        run, worst, factor = self.simulation, self.worst, self.sigma_w
        size = f"{run.networks} networks of {run.depth} blocks, {run.width} wide,"
        z = f"largest |z| = {self.largest_z:.1f}, {self.threshold:.1f} allowed"
        if self.passed:
            seen = (
                f"an error of {self.detectable:.1%}" if math.isfinite(self.detectable) else "not even an error of 100 %"
            )
            return f"passed: {size} agree with theory ({z}; {seen} in sigma_w would show)"
        values = f"{worst.simulation:.4g} ± {worst.standard_error:.1g} instead of {worst.theory:.4g}"
        scale = f"as if sigma_w were {factor.mean:.3f} ± {factor.standard_error:.3f} times what is described"
        where = f"{worst.quantity} at layer {worst.layer}"
        return f"failed: {size} differ from theory, most in {where} ({values}; {z}), {scale}"

    def plot(self, ax: Any = None) -> Any:
        """Draw theory and simulation by layer, and return the Axes: see `plot_crosscheck`."""
        from meanfield.plotting.crosscheck import plot_crosscheck

        return plot_crosscheck(self, ax)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the single networks' values, in JSON's types; an infinite `detectable` becomes None."""
        run = self.simulation
        return {
            "passed": self.passed,
            "summary": self.summary,
            "p_value": self.p_value,
            "alpha": self.alpha,
            "largest_z": self.largest_z,
            "threshold": self.threshold,
            "sigma_w_factor": float(self.sigma_w.mean),
            "sigma_w_factor_standard_error": float(self.sigma_w.standard_error),
            "sigma_w_z": self.sigma_w_z,
            "detectable": self.detectable if math.isfinite(self.detectable) else None,
            "depth": run.depth,
            "width": run.width,
            "networks": run.networks,
            "dtype": run.dtype,
            "rows": [asdict(row) for row in self.rows],
        }

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"<CrossCheck {self.summary}>"


def crosscheck(
    block: Any,
    depth: int,
    width: int,
    *,
    networks: int = 32,
    q: float = 1.0,
    c: float | None = None,
    inputs: ArrayLike | None = None,
    weights: WeightLaw = "gaussian",
    method: Method = "materialized",
    dtype: Literal["float64", "float32"] = "float64",
    rng: Any = None,
    workers: Workers = 1,
    progress: bool = False,
    alpha: float = 0.01,
) -> CrossCheck:
    """Simulate networks of finite width and test whether they do what the theory of infinite width says.

    Parameters
    ----------
    block, depth, width, networks, q, c, inputs, weights, method, dtype, rng, workers, progress
        As in `simulate`. Fewer than 8 networks find gross errors only.
    alpha : float
        False-alarm rate of the verdict as a whole, 0 < alpha < 1.

    Returns
    -------
    CrossCheck
        `.passed`, and by layer and quantity `.rows` and `.z`.

    Raises
    ------
    InvalidInput
        If an argument is outside its range.

    Notes
    -----
    q, 1 − c and the gradient are products of many random factors, so they are compared as logarithms. Let m and v be
    the mean and the variance between networks of such a logarithm, and se = √(v/networks). For a log-normal quantity
    the logarithm of its mean is m + v/2. Finite width shifts that mean, by an amount that is O(depth/width) as v
    itself is (Hanin 2018, arXiv:1801.03744), because q fluctuates and the maps of the theory are curved: half of v,
    plus half of the largest v of q in any layer, is allowed for it. z is what m + v/2 − log(theory) has beyond this,
    in units of se.

    One more z tests the combination of all rows that is most like a change of sigma_w: the weights are ∂
    log(theory)/∂ log(sigma_w), divided by what finite width is allowed. It estimates the factor by which sigma_w is
    wrong, and finds errors that are small at every layer.

    The verdict is on the largest |z|, against the value that it exceeds in a share `alpha` of all correct networks
    given the correlations between layers and quantities (`meanfield.numerics.largest_z`). A quantity that is infinite
    in theory, as the gradient is where φ jumps, is left out.

    Examples
    --------
    >>> import numpy as np
    >>> from meanfield.verdict import crosscheck
    >>> from meanfield.networks.network import mlp
    >>> block = mlp("tanh", 1.5, 0.1)
    >>> bool(crosscheck(block, depth=6, width=256, c=0.5, rng=0))
    True
    >>> wrong = lambda rng, fan_out, fan_in: 1.6 * rng.standard_normal((fan_out, fan_in)) / np.sqrt(fan_in)
    >>> bool(crosscheck(block, depth=6, width=256, c=0.5, rng=0, weights=wrong))
    False
    """
    if not 0 < alpha < 1:
        raise InvalidInput(f"alpha is a false-alarm rate and must lie between 0 and 1, not {alpha!r}")
    block = as_block(block)
    run = simulate(
        block, depth, width, networks=networks, q=q, c=c, inputs=inputs, weights=weights, method=method, dtype=dtype,
        rng=rng, workers=workers, progress=progress,
    )  # fmt: skip
    start = (depth, q, c, inputs, [name for name in QUANTITIES if name in run.raw])
    ideal, shifted = _theory(block, *start), _theory(_scaled(block, math.exp(STEP)), *start)
    names = [name for name, values in ideal.items() if np.isfinite(values).all()]

    eps = float(np.finfo(dtype).eps)
    rounding = max(1e-9, 100.0 * eps)  # smaller relative differences mean nothing, nor do values below the floor
    floor = np.array([[1e8 * eps**2 if name == "one_minus_c" else np.finfo(dtype).tiny] for name in names])
    theory = np.maximum([ideal[name] for name in names], floor)
    slope = np.log(np.maximum([shifted[name] for name in names], floor) / theory) / STEP
    values = np.stack([run.raw[name] for name in names], axis=1)
    logs = np.log(np.maximum(values, floor))
    v = logs.var(axis=0, ddof=1)
    distance = logs + v / 2 - np.log(theory)
    slack = (v + v[0].max()) / 2
    z = z_beyond(distance, slack, rounding)

    weight = slope / (slack + rounding**2)
    weight /= max(float(np.sum(weight * slope)), 1e-12)
    error = np.sum(weight * distance, axis=(1, 2))  # of log(sigma_w), as each network sees it
    error_slack = float(np.sum(np.abs(weight) * slack))
    error_z = float(z_beyond(error, error_slack, rounding))
    standard_error = float(error.std(ddof=1)) / math.sqrt(networks)
    factor = math.exp(np.clip(error.mean(), -100.0, 100.0))

    everything = np.column_stack([distance.reshape(networks, -1), error])
    threshold, p_value = largest_z(everything, max(float(np.abs(z).max()), abs(error_z)), alpha, rounding)
    limit = threshold * standard_error + error_slack if weight.any() else math.inf
    measured = sample(values)
    table = zip(theory.flat, measured.mean.flat, measured.standard_error.flat, z.flat, strict=True)
    places = ((layer, name) for name in names for layer in range(depth + 1))
    rows = tuple(Row(*place, *map(float, entry)) for place, entry in zip(places, table, strict=True))
    return CrossCheck(
        rows=rows,
        threshold=threshold,
        p_value=p_value,
        alpha=float(alpha),
        sigma_w=Sample(np.array(factor), np.array(factor * standard_error), networks),
        sigma_w_z=error_z,
        detectable=math.expm1(limit) if limit < math.log(2.0) else math.inf,
        simulation=run,
    )


def _scaled(layer: Any, factor: float) -> Any:
    """The same layers with every sigma_w multiplied by `factor`."""
    if isinstance(layer, Network):
        return Network(*(_scaled(inner, factor) for inner in layer))
    return replace(layer, sigma_w=factor * layer.sigma_w) if hasattr(layer, "sigma_w") else layer


def _theory(
    block: Network, depth: int, q: float, c: float | None, inputs: ArrayLike | None, names: list[str]
) -> dict[str, NDArray[np.float64]]:
    """The theory's values by layer, averaged over inputs and pairs of them as in the simulation."""
    if inputs is None:
        run = propagate(block, depth, q=q, c=c)
        return {name: getattr(run, name) for name in names}
    x = np.asarray(inputs, dtype=np.float64)
    moments = x @ x.T / x.shape[1]
    own = np.diagonal(moments)
    single = propagate(block, depth, q=own)
    values: dict[str, Any] = {"q": single.q, "gradient": single.gradient}
    if len(x) > 1:
        a, b = np.tril_indices(len(x), -1)
        correlation = np.clip(moments[a, b] / np.sqrt(own[a] * own[b]), -1.0, 1.0)
        values["one_minus_c"] = propagate(block, depth, q=own[a], q2=own[b], c=correlation).one_minus_c
    return {name: np.mean(values[name], axis=1) for name in names}
