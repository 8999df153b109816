"""Weight matrices drawn explicitly."""

import copy
from collections.abc import Sequence

import numpy as np

from meanfield._types import Floats, RealType
from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.weight_laws import WeightLaw, draw_biases, draw_weights
from meanfield.montecarlo.weight_statistics import Biases, Matrix, bias_statistics, weight_statistics

MEMORY = 2 * 2**30  # bytes


class Materialized(Draw):
    """Draws every weight matrix; the backward pass draws matrices beyond 2 GiB in total a second time.

    Parameters
    ----------
    rng, width, dtype, pixels
        As in `Draw`.
    weights : str, callable, or sequence of them
        The law of all matrices, or one law for each matrix. If a law has a method ``rescale(product) -> factor``, it is
        data-driven: the matrix is multiplied by the factor computed from the pre-activations x Wᵀ. If a law has a
        sampler ``bias`` that is not None, that sampler draws the biases.
    measure : bool
        Whether to store the statistics of every matrix in `measured`, as pairs ``(Matrix, values)``, and of biases that
        a sampler draws in `measured_biases`.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        width: int,
        dtype: RealType,
        weights: WeightLaw | Sequence[WeightLaw],
        measure: bool = False,
        pixels: tuple[int, ...] = (),
    ) -> None:
        super().__init__(rng, width, dtype, pixels)
        self.laws, self.drawn, self.kept = weights, 0, 0
        self.probes = rng.spawn(1)[0] if measure else None
        self.measured: list[tuple[Matrix, Floats]] = []
        self.measured_biases: list[tuple[Biases, Floats]] = []

    def law(self, number: int) -> WeightLaw:
        """The law of matrix `number`, counted from 0."""
        return self.laws if isinstance(self.laws, str) or callable(self.laws) else self.laws[number]

    def product(self, x: Array, sigma_w: float) -> tuple[Array, Pullback]:
        """Draw a new matrix W; return x Wᵀ and the pullback g ↦ g W."""
        before, law, shape = copy.deepcopy(self.rng), self.law(self.drawn), (self.width, x.shape[1])
        self.drawn += 1

        def matrix(rng: np.random.Generator) -> Array:
            return draw_weights(law, rng, *shape, sigma_w, self.dtype)

        drawn = matrix(self.rng)
        product = x @ drawn.T
        rescale = getattr(law, "rescale", None)
        factor = self.dtype.type(1.0 if rescale is None else rescale(product))
        if rescale is not None:
            product *= factor
            drawn = factor * drawn
        if self.probes is not None:
            values = weight_statistics(drawn, self.probes)
            deterministic = bool(getattr(law, "deterministic", False))
            self.measured.append((Matrix(self.layer, *shape, sigma_w, deterministic), values))
        if self.kept + drawn.nbytes > MEMORY:
            return product, lambda gradient: factor * (gradient @ matrix(copy.deepcopy(before)))
        self.kept += drawn.nbytes
        return product, lambda gradient: gradient @ drawn

    def biases(self, fan_in: int, sigma_b: float) -> Array | None:
        """Draw biases with the sampler of the last matrix's law, if it has one; else Gaussian ones."""
        sampler = getattr(self.law(self.drawn - 1), "bias", None)
        if sampler is None:
            return super().biases(fan_in, sigma_b)
        drawn = draw_biases(sampler, self.rng, self.width, fan_in, self.dtype)
        if self.probes is not None:
            self.measured_biases.append((Biases(self.layer, self.width, sigma_b), bias_statistics(drawn)))
        return drawn
