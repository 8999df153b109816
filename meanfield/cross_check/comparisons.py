"""What each network says about each quantity of each layer, in a form that one test can be made of."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.montecarlo.simulation import Simulation
from meanfield.numerics.statistics.multiple_testing import z_beyond

SIGNALS = ("q", "one_minus_c", "gradient")
WEIGHTS = ("sigma_w", "mean", "correlation")
PAIR = 2  # points that are averaged as if they were one
NOTHING: Mapping[str, Floats] = MappingProxyType({})


@dataclass(frozen=True)
class Evidence:
    """One quantity in every layer of every network.

    Attributes
    ----------
    quantity : str
        One of `SIGNALS` or `WEIGHTS`.
    layers : tuple of int
        The layers, one a column.
    theory : ndarray, shape (columns,)
        What the quantity should be.
    values : ndarray, shape (networks, columns)
        What it is.
    distance : ndarray, shape (networks, columns)
        How far apart they are, on a scale on which its mean over networks is 0 if all is right.
    slack : ndarray, shape (columns,)
        How far that mean may be from 0 for reasons that are not an error.
    rounding : float
        Distances below it mean nothing.
    one_sided : bool
        Whether only a positive distance is an error.
    """

    quantity: str
    layers: tuple[int, ...]
    theory: Floats
    values: Floats
    distance: Floats
    slack: Floats
    rounding: float
    one_sided: bool = False

    @property
    def z(self) -> Floats:
        """Standard errors by which the mean distance exceeds the slack, one a column."""
        z = z_beyond(self.distance, self.slack, self.rounding)
        return np.maximum(z, 0.0) if self.one_sided else z

    def detectable(self, threshold: float) -> float:
        """The least distance, the same in every network, that a |z| beyond `threshold` is to be expected from."""
        error = self.distance.std(axis=0, ddof=1) / math.sqrt(len(self.distance))
        return float(np.min(self.slack + threshold * np.hypot(error, self.rounding)))

    def together(self, columns: Any = slice(None)) -> "Evidence":
        """The mean over `columns` as one, which shows what is small but the same in all of them."""
        parts = (self.theory, self.values, self.distance, self.slack)
        theory, values, distance, slack = (part[..., columns].mean(axis=-1, keepdims=True) for part in parts)
        return replace(self, layers=self.layers[:1], theory=theory, values=values, distance=distance, slack=slack)


def logarithms(name: str, values: Floats, eps: float) -> Floats:
    """Logarithms of a signal's values, floored where they are rounding."""
    floor = 1e8 * eps**2 if name == "one_minus_c" else float(np.finfo(np.float32 if eps > 1e-10 else np.float64).tiny)
    return np.log(np.maximum(values, floor))


def of_signals(
    run: Simulation, theory: Mapping[str, Floats], eps: float, rounding: float, beyond: Mapping[str, Floats] = NOTHING
) -> list[Evidence]:
    """q, 1 − c and the gradient of every layer, compared as logarithms.

    They are products of many random factors. Let m and v be the mean and the variance between networks of such a
    logarithm. For a log-normal quantity the logarithm of its mean is m + v/2. Finite width shifts that mean, by an
    amount that is O(depth/width) as v itself is (Hanin 2018, arXiv:1801.03744), because q fluctuates and the maps of
    the theory are curved: half of v, plus half of the largest v of q in any layer, is the slack, and what is `beyond`.
    A mean over many points varies less than they do, while what is shifted in each is so in the mean: for q and the
    gradient v is then that of one point.
    """
    logs = {name: logarithms(name, run.raw[name], eps) for name in theory}
    v = {name: log.var(axis=0, ddof=1) for name, log in logs.items()}
    widest = v["q"].max()
    shifts = dict(v)
    if run.points > PAIR:
        several = [name for name in ("q", "gradient") if name in theory]
        shifts |= {name: logarithms(name, run.of_one[name], eps).var(axis=0, ddof=1) for name in several}
    return [
        Evidence(
            name,
            tuple(range(run.depth + 1)),
            theory[name],
            run.raw[name],
            logs[name] + v[name] / 2 - logarithms(name, theory[name], eps),
            (shifts[name] + widest) / 2 + beyond.get(name, 0.0),
            rounding,
        )
        for name in theory
    ]


def of_weights(run: Simulation, rounding: float) -> list[Evidence]:
    """Scale, mean and correlation of the entries of every matrix that a caller's sampler drew.

    The slacks are what matters as little as finite width does. The scale is compared as a logarithm, and may be off by
    1/fan_in, which conventions such as fan_in − 1 differ by. The mean is in units of the standard deviation that it has
    in one matrix of independent entries, and may be one: that of a QR without Mezzadri's signs is 0.6. Of the
    correlation only an excess is an error, as the rows of orthogonal matrices have less of it than independent ones.
    """
    if not run.matrices:
        return []
    layers = tuple(matrix.layer for matrix in run.matrices)
    fan_in = np.array([matrix.fan_in for matrix in run.matrices], dtype=np.float64)
    fan_out = np.array([matrix.fan_out for matrix in run.matrices], dtype=np.float64)
    sigma_w = np.array([matrix.sigma_w for matrix in run.matrices])
    tiny = math.sqrt(np.finfo(np.float64).tiny)
    logs = np.log(np.maximum(run.weights["sigma_w"], tiny) / np.maximum(sigma_w, tiny))
    v = logs.var(axis=0, ddof=1)
    mean, correlation = run.weights["mean"], run.weights["correlation"]
    zero, one = np.zeros_like(sigma_w), np.ones_like(sigma_w)
    return [
        Evidence("sigma_w", layers, sigma_w, run.weights["sigma_w"], logs + v / 2, 1.0 / fan_in + v / 2, rounding),
        Evidence("mean", layers, zero, mean / np.sqrt(fan_in * fan_out), mean, one, rounding),
        Evidence("correlation", layers, zero, correlation, correlation * fan_out, 2 / fan_in, rounding, one_sided=True),
    ]
