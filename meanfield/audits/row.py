"""One row of an audit: what was measured at a module, and what theory and redrawn weights say of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from meanfield.audits.weight import Weight


@dataclass(frozen=True)
class Row:
    """One module of a model.

    Attributes
    ----------
    module : str
        Path of the module.
    kind : str
        Its class.
    shape : tuple of int
        Shape of its output.
    weights : tuple of Weight
        Its weight matrices, parts of packed ones by themselves.
    second_moment, mean : float
        Means of y² and of y over the entries of its output; nan where it is not called or has no floating output.
    correlation : float
        Mean cosine of the outputs for two consecutive inputs; nan without two inputs.
    gradient : float
        Mean squared gradient per entry of the output.
    predicted_second_moment, predicted_gradient : float
        What theory says at infinite width for weights of these scales; nan where it does not speak.
    theory : str
        "predicted", or the sentence why theory stops at the module and goes on from measured values.
    bands : mapping of str to (float, float)
        By quantity, the interval in which a random network with weights of the same scales lies, at the rate of the
        audit; empty without redraws.
    z : mapping of str to float
        Distance of each quantity from its mean over redrawn weights, in standard deviations.
    in_branch : bool
        Whether the output is inside a residual branch.
    varies : bool
        Whether the output differs between two inputs, where its own input does.
    """

    module: str
    kind: str
    shape: tuple[int, ...]
    weights: tuple[Weight, ...]
    second_moment: float
    mean: float
    correlation: float
    gradient: float
    predicted_second_moment: float = math.nan
    predicted_gradient: float = math.nan
    theory: str = ""
    bands: Mapping[str, tuple[float, float]] | None = None
    z: Mapping[str, float] | None = None
    in_branch: bool = False
    varies: bool = True

    @property
    def sigma_w(self) -> float:
        """σ_w of the first weight as drawn; nan without weights."""
        return self.weights[0].sigma_w if self.weights else math.nan

    @property
    def scheme(self) -> str:
        """The most likely named scheme of the first weight; empty without weights."""
        return self.weights[0].scheme if self.weights else ""
