"""Parts of torch modules that act at random: the functions of x between which chance decides, with their weights.

Chance decides for every unit by itself. Each law has the moments of the module's own law up to the fourth: dropout
takes one of two functions, RReLU a slope that is uniform in an interval, for which three Gauss points are exact.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanfield.activations.callables.torch_modules import (
    in_float64,
    is_dropout,
    is_torch_module,
    is_torchs,
    name_of_module,
    parts,
)
from meanfield.errors import BadActivation

TensorFunction = Callable[[Any], Any]
MOST = 64  # functions between which the parts of a module choose together

# torch's α of AlphaDropout, −(scale · α) of SELU (Klambauer et al. 2017, arXiv:1706.02515, section 2)
ALPHA = 1.7580993408473766


@dataclass(frozen=True)
class RandomPart:
    """A part that acts at random in training mode.

    Attributes
    ----------
    name : str
        Its class.
    functions : tuple of callable
        The functions of x between which chance decides.
    weights : tuple of float
        Their probabilities.
    rate : float or None
        Share of units that are set to 0, of dropout that draws for each unit.
    slopes : tuple of float or None
        Slopes below 0, of RReLU.
    """

    name: str
    functions: tuple[TensorFunction, ...]
    weights: tuple[float, ...]
    rate: float | None = None
    slopes: tuple[float, ...] | None = None


def random_part(part: Any) -> RandomPart | None:
    """The law of a part that may act at random in its mode or differ from unit to unit; None of any other."""
    name = type(part).__name__
    if is_dropout(part):  # `parts` has left out those that do nothing
        p = float(part.p)
        if "Alpha" in name:
            a = 1 / ((ALPHA**2 * p + 1) * (1 - p)) ** 0.5 if p < 1 else 0.0
            b = a * ALPHA * p
            return RandomPart(name, (_affine(a, b), _affine(0.0, b - ALPHA * a)), (1 - p, p))
        kept = (_affine(1 / (1 - p), 0.0),) if p < 1 else ()
        chances = (1 - p, p) if p < 1 else (1.0,)
        return RandomPart(name, (*kept, _affine(0.0, 0.0)), chances, rate=p if name == "Dropout" else None)
    if is_torchs(part, "RReLU") and part.lower == part.upper:  # torch draws numbers all the same
        return RandomPart(name, (_leaky(part.lower),), (1.0,))
    if is_torchs(part, "RReLU") and part.training:
        nodes, weights = np.polynomial.legendre.leggauss(3)
        slopes = 0.5 * (part.lower + part.upper) + 0.5 * (part.upper - part.lower) * nodes
        return RandomPart(name, tuple(map(_leaky, slopes)), tuple(0.5 * weights), slopes=tuple(slopes.tolist()))
    if channels := slopes_of_channels(part):
        slopes, counts = np.unique(channels, return_counts=True)
        return RandomPart(name, tuple(map(_leaky, slopes)), tuple(counts / counts.sum()))
    return None


def is_random(spec: object) -> bool:
    """Whether `spec` is a torch module that chooses by chance between several functions of x."""
    return is_torch_module(spec) and slopes_of_channels(spec) is None and len(choices(spec)) > 1


def slopes_of_channels(spec: Any) -> list[float] | None:
    """The slopes below 0 of a torch PReLU with one slope a channel; None of anything else."""
    if not is_torch_module(spec) or len(found := parts(spec)) != 1:
        return None
    if not is_torchs(found[0], "PReLU") or found[0].weight.numel() == 1:
        return None
    slopes: list[float] = in_float64(found[0]).weight.tolist()
    return slopes


def choices(module: Any) -> list[tuple[float, TensorFunction]]:
    """The functions between which the parts of a module choose together, with their probabilities; often one."""
    steps: list[tuple[tuple[float, TensorFunction], ...]] = []
    for part in parts(module):
        law = random_part(part)
        steps.append(tuple(zip(law.weights, law.functions, strict=True)) if law else ((1.0, in_float64(part)),))
    count = int(np.prod([len(step) for step in steps]))
    if count > MOST:
        raise BadActivation(f"{name_of_module(module)} chooses between {count} functions; at most {MOST} are followed")
    return [
        (float(np.prod([weight for weight, _ in chosen])), _chain([function for _, function in chosen]))
        for chosen in itertools.product(*steps)
    ]


def _chain(functions: list[TensorFunction]) -> TensorFunction:
    def chained(x: Any) -> Any:
        for function in functions:
            x = function(x)
        return x

    return chained


def _affine(a: float, b: float) -> TensorFunction:
    return lambda x: a * x + b


def _leaky(slope: float) -> TensorFunction:
    a = float(slope)
    return lambda x: x * ((x > 0) + a * (x <= 0))
