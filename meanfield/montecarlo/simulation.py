"""Signals and gradients of simulated networks, by layer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meanfield._types import Axes, Floats
from meanfield.error_state import own_error_state
from meanfield.json_types import json_types
from meanfield.montecarlo.estimators import sample
from meanfield.montecarlo.weight_statistics import Biases, Matrix
from meanfield.reports.numbers import thinned
from meanfield.reports.report import Report, Table
from meanfield.reports.result import Result
from meanfield.samples import Sample

__all__ = ["Simulation"]


@dataclass(frozen=True, repr=False)
class Simulation(Result):
    """Signal and gradient of finite random networks by layer, 0 (the input) to depth.

    Attributes
    ----------
    raw : mapping of str to ndarray, shape (networks, depth + 1)
        Values of each network by quantity: "q", "gradient", for two or more inputs "one_minus_c", and for sequences of
        correlated tokens "one_minus_token_c".
    widths : tuple of int
        Units of layers 0 … depth.
    dtype : str
        Floating-point type of the simulation.
    matrices : tuple of Matrix
        The matrices drawn by user-defined samplers, in the order of the network.
    weights : mapping of str to ndarray, shape (networks, len(matrices))
        Their "sigma_w", "mean", "correlation", "tail" and "fingerprint", as defined by `weight_statistics`.
    drawn_biases : tuple of Biases
        The biases drawn by user-defined samplers, in the order of the network.
    biases : mapping of str to ndarray, shape (networks, len(drawn_biases))
        Their "sigma_b" and "mean of biases", as defined by `bias_statistics`.
    of_one : mapping of str to ndarray, shape (networks, depth + 1)
        As `raw`, for the first point instead of the mean over points; 1 − c of the first two inputs, or tokens.
    points : int
        Number of inputs times pixels at layer 0.
    """

    raw: Mapping[str, Floats]
    widths: tuple[int, ...]
    dtype: str
    matrices: tuple[Matrix, ...] = ()
    weights: Mapping[str, Floats] = field(default_factory=dict)
    drawn_biases: tuple[Biases, ...] = ()
    biases: Mapping[str, Floats] = field(default_factory=dict)
    of_one: Mapping[str, Floats] = field(default_factory=dict)
    points: int = 1

    @property
    @own_error_state
    def q(self) -> Sample:
        """Second moment of the signal: h² averaged over units, inputs and networks."""
        return sample(self.raw["q"])

    @property
    @own_error_state
    def one_minus_c(self) -> Sample | None:
        """1 − c without cancellation, averaged over pairs of inputs and networks; None for a single input."""
        return sample(self.raw["one_minus_c"]) if "one_minus_c" in self.raw else None

    @property
    @own_error_state
    def c(self) -> Sample | None:
        """Correlation h_a · h_b / |h_a||h_b|, averaged over pairs of inputs and networks; None for a single input."""
        distance = self.one_minus_c
        return None if distance is None else Sample(1.0 - distance.mean, distance.standard_error, distance.n)

    @property
    @own_error_state
    def one_minus_token_c(self) -> Sample | None:
        """1 − c without cancellation, averaged over pairs of tokens of a sequence; None without `tokens`."""
        return sample(self.raw["one_minus_token_c"]) if "one_minus_token_c" in self.raw else None

    @property
    @own_error_state
    def token_c(self) -> Sample | None:
        """Correlation of the tokens of a sequence, averaged over pairs and networks; None without `tokens`."""
        distance = self.one_minus_token_c
        return None if distance is None else Sample(1.0 - distance.mean, distance.standard_error, distance.n)

    @property
    @own_error_state
    def gradient(self) -> Sample:
        """Mean squared gradient relative to the last layer: the product of chi over the blocks in between."""
        return sample(self.raw["gradient"])

    @property
    def depth(self) -> int:
        """Number of blocks of each network."""
        return int(self.raw["q"].shape[1]) - 1

    @property
    def networks(self) -> int:
        """Number of independent networks."""
        return len(self.raw["q"])

    @property
    def width(self) -> int:
        """Units of a layer; the smallest number if they differ."""
        return min(self.widths)

    @property
    def size(self) -> str:
        """Number and size of the networks, in words."""
        widest = max(self.widths)
        width = f"{self.width} wide" if widest == self.width else f"{self.width} to {widest} wide"
        return f"{self.networks} networks of {self.depth} blocks, {width}"

    def report(self) -> Report:
        """Means over networks and their standard errors, of about twenty layers."""
        samples = {"q": self.q, "c": self.c, "token_c": self.token_c, "gradient": self.gradient}
        columns = {name: each for name, each in samples.items() if each is not None}
        rows = tuple(
            (str(layer), *(_with_error(each.mean[layer], each.standard_error[layer]) for each in columns.values()))
            for layer in thinned(self.depth)
        )
        return [f"{self.size}, in {self.dtype}: means and standard errors", Table(("layer", *columns), rows)]

    def to_dict(self) -> dict[str, Any]:
        """Means and standard errors by layer, and what was simulated, in JSON types."""
        quantities = {
            name: getattr(self, name) for name in ("q", "c", "one_minus_c", "token_c", "one_minus_token_c", "gradient")
        }
        about = {"depth": self.depth, "widths": self.widths, "networks": self.networks, "dtype": self.dtype}
        converted: dict[str, Any] = json_types({**about, **quantities})
        return converted

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw q, c (of two inputs) and gradient by layer with bars of two standard errors; returns the Axes."""
        from meanfield.plotting.axes import named
        from meanfield.plotting.simulation import plot_simulation

        return named(plot_simulation(self, ax, label=label), label, title)

    def __repr__(self) -> str:
        return f"<Simulation of {self.size}, in {self.dtype}>"


def _with_error(value: float, error: float) -> str:
    return f"{value:.6g} ± {error:.1g}"
