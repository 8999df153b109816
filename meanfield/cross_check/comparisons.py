"""Deviations of simulated networks from the theory, by quantity and layer, with an allowance for finite width."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.montecarlo.simulation import Simulation
from meanfield.numerics.statistics.multiple_testing import z_beyond

SIGNALS = ("q", "one_minus_c", "one_minus_token_c", "gradient")
WEIGHTS, BIASES = ("sigma_w", "mean", "correlation", "tail"), ("sigma_b", "mean of biases")
INFINITE = 0.25  # 1/α of the tail P(|W| > w) ~ w^−α beyond which the fourth moment is infinite
CURVED = 0.05  # largest excess of Hill's estimate of 1/α, since only part of a matrix is in the tail
PAIR = 2  # the largest number of points whose mean counts as one point
NONE: Mapping[str, Floats] = MappingProxyType({})


@dataclass(frozen=True)
class Comparison:
    """One quantity in theory and in every layer of every network.

    Attributes
    ----------
    quantity : str
        One of `SIGNALS`, `WEIGHTS` or `BIASES`.
    layers : tuple of int
        The layer of each column.
    theory : ndarray, shape (columns,)
        Values in theory.
    values : ndarray, shape (networks, columns)
        Values in simulation.
    deviation : ndarray, shape (networks, columns)
        Deviations from theory, on a scale on which their mean over networks is 0 if theory and simulation agree.
    allowance : ndarray, shape (columns,)
        Largest |mean deviation| that finite width explains.
    rounding : float
        Deviations below it are rounding errors.
    one_sided : bool
        Whether only a positive deviation is an error.
    """

    quantity: str
    layers: tuple[int, ...]
    theory: Floats
    values: Floats
    deviation: Floats
    allowance: Floats
    rounding: float
    one_sided: bool = False

    @property
    def z(self) -> Floats:
        """The excess of |mean deviation| over the allowance in standard errors, for each column."""
        z = z_beyond(self.deviation, self.allowance, self.rounding)
        return np.maximum(z, 0.0) if self.one_sided else z

    def detectable(self, threshold: float) -> float:
        """The smallest deviation, common to all networks, whose expected |z| exceeds `threshold`."""
        error = self.deviation.std(axis=0, ddof=1) / math.sqrt(len(self.deviation))
        return float(np.min(self.allowance + threshold * np.hypot(error, self.rounding)))

    def mean(self, columns: slice | Ints = slice(None)) -> "Comparison":
        """The mean over `columns` as one column: sensitive to a small deviation common to all of them."""
        parts = (self.theory, self.values, self.deviation, self.allowance)
        theory, values, deviation, allowance = (part[..., columns].mean(axis=-1, keepdims=True) for part in parts)
        return replace(
            self, layers=self.layers[:1], theory=theory, values=values, deviation=deviation, allowance=allowance
        )


def log_values(name: str, values: Floats, eps: float) -> Floats:
    """Logarithms of a signal's values; values at rounding level are raised to a floor."""
    floor = (
        1e8 * eps**2
        if name.startswith("one_minus")
        else float(np.finfo(np.float32 if eps > 1e-10 else np.float64).tiny)
    )
    return np.log(np.maximum(values, floor))


def compare_signals(
    run: Simulation, theory: Mapping[str, Floats], eps: float, rounding: float, excess: Mapping[str, Floats] = NONE
) -> list[Comparison]:
    """Compare the logarithms of q, 1 − c and the gradient of every layer with the theory.

    These quantities are products of many random factors. Let m and v be the mean and the variance of such a logarithm
    over networks. The logarithm of the mean of a log-normal quantity is m + v/2. Finite width shifts this mean, since q
    fluctuates and the theory's maps are curved; the shift is O(depth/width), as is v (Hanin 2018, arXiv:1801.03744).
    The allowance is v/2, plus half of the largest v of q in any layer, plus `excess`. The mean over many points
    fluctuates less than a single point but is shifted as much; v is therefore the variance of one point for q and the
    gradient, and of one pair of tokens for their 1 − c.
    """
    logs = {name: log_values(name, run.raw[name], eps) for name in theory}
    v = {name: log.var(axis=0, ddof=1) for name, log in logs.items()}
    widest = v["q"].max()
    shifts = dict(v)
    if run.points > PAIR:
        several = [name for name in ("q", "gradient", "one_minus_token_c") if name in theory]
        shifts |= {name: log_values(name, run.of_one[name], eps).var(axis=0, ddof=1) for name in several}
    return [
        Comparison(
            name,
            tuple(range(run.depth + 1)),
            theory[name],
            run.raw[name],
            logs[name] + v[name] / 2 - log_values(name, theory[name], eps),
            (shifts[name] + widest) / 2 + excess.get(name, 0.0),
            rounding,
        )
        for name in theory
    ]


def compare_weights(run: Simulation, rounding: float) -> list[Comparison]:
    """Compare the entries of user-drawn matrices with independent centred entries, and user-drawn biases likewise.

    The scale is compared as a logarithm; its allowance 1/fan_in covers conventions such as fan_in − 1. The mean is in
    units of its standard deviation in one matrix of independent entries, with allowance 1: QR without Mezzadri's sign
    correction gives 0.6. Only positive correlations count as errors, since orthogonal matrices have negative ones. The
    tail is an error if the fourth moment of an entry is infinite, since the signals then depend on single entries.
    """
    return (_of_matrices(run, rounding) if run.matrices else []) + (_of_biases(run, rounding) if run.biases else [])


def _of_matrices(run: Simulation, rounding: float) -> list[Comparison]:
    layers = tuple(matrix.layer for matrix in run.matrices)
    fan_in = np.array([matrix.fan_in for matrix in run.matrices], dtype=np.float64)
    fan_out = np.array([matrix.fan_out for matrix in run.matrices], dtype=np.float64)
    sigma_w = np.array([matrix.sigma_w for matrix in run.matrices])
    tiny = math.sqrt(np.finfo(np.float64).tiny)
    logs = np.log(np.maximum(run.weights["sigma_w"], tiny) / np.maximum(sigma_w, tiny))
    v = logs.var(axis=0, ddof=1)
    mean, correlation, tail = run.weights["mean"], run.weights["correlation"], run.weights["tail"]
    zero, one = np.zeros_like(sigma_w), np.ones_like(sigma_w)
    return [
        Comparison("sigma_w", layers, sigma_w, run.weights["sigma_w"], logs + v / 2, 1.0 / fan_in + v / 2, rounding),
        Comparison("mean", layers, zero, mean / np.sqrt(fan_in * fan_out), mean, one, rounding),
        Comparison(
            "correlation", layers, zero, correlation, correlation * fan_out, 2 / fan_in, rounding, one_sided=True
        ),
        Comparison("tail", layers, INFINITE * one, tail, tail - INFINITE, CURVED * one, rounding, one_sided=True),
    ]


def _of_biases(run: Simulation, rounding: float) -> list[Comparison]:
    layers = tuple(biases.layer for biases in run.drawn_biases)
    sigma_b = np.array([biases.sigma_b for biases in run.drawn_biases])
    number = np.array([biases.number for biases in run.drawn_biases], dtype=np.float64)
    tiny = math.sqrt(np.finfo(np.float64).tiny)
    logs = np.log(np.maximum(run.biases["sigma_b"], tiny) / np.maximum(sigma_b, tiny))
    v, mean = logs.var(axis=0, ddof=1), run.biases["mean of biases"]
    zero, one = np.zeros_like(sigma_b), np.ones_like(sigma_b)
    return [
        Comparison("sigma_b", layers, sigma_b, run.biases["sigma_b"], logs + v, v, rounding),
        Comparison("mean of biases", layers, zero, mean / np.sqrt(number), mean, one, rounding),
    ]
