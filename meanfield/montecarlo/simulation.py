"""Draw finite networks of a description, run them forwards and backwards, and average."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.estimates import Sample
from meanfield.montecarlo.draws import Draw
from meanfield.montecarlo.estimators import sample
from meanfield.montecarlo.exact_law import ExactLaw
from meanfield.montecarlo.forward_backward import run_network
from meanfield.montecarlo.input_states import draw_state, input_root
from meanfield.montecarlo.materialized import Materialized
from meanfield.montecarlo.random_generators import spawn
from meanfield.montecarlo.weight_laws import WeightLaw, check_law
from meanfield.montecarlo.weight_statistics import Matrix
from meanfield.networks.images import images_after, pixels_of
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.network import Network
from meanfield.networks.stack import as_blocks, as_widths, check_widths
from meanfield.workers import Workers, map_tasks

__all__ = ["Simulation", "simulate"]

Method = Literal["materialized", "exact_law"]

QUANTITIES = ("q", "gradient", "one_minus_c")


@dataclass(frozen=True, repr=False)
class Simulation:
    """What finite random networks did, layer by layer; every array's entry 0 is the input and it has depth + 1 of them.

    Attributes
    ----------
    raw : mapping of str to ndarray, shape (networks, depth + 1)
        The values of each network by quantity: "q", "gradient" and, where there were two inputs or more, "one_minus_c".
    widths : tuple of int
        Units at layer 0 … depth.
    dtype : str
        The type that the networks were run in.
    matrices : tuple of Matrix
        The weight matrices that were measured, in the order of the network: those that a caller's sampler drew.
    weights : mapping of str to ndarray, shape (networks, len(matrices))
        What was measured of them: "sigma_w", "mean" and "correlation", as in `weight_statistics`.
    of_one : mapping of str to ndarray, shape (networks, depth + 1)
        As `raw`, but of the first point instead of a mean over all, and of 1 − c of the first two inputs there.
    points : int
        Inputs, times their pixels, at layer 0.
    """

    raw: Mapping[str, Floats]
    widths: tuple[int, ...]
    dtype: str
    matrices: tuple[Matrix, ...] = ()
    weights: Mapping[str, Floats] = field(default_factory=dict)
    of_one: Mapping[str, Floats] = field(default_factory=dict)
    points: int = 1

    @property
    def q(self) -> Sample:
        """Second moment of the block's state: h² averaged over units, inputs and networks."""
        return sample(self.raw["q"])

    @property
    def one_minus_c(self) -> Sample | None:
        """1 − c without cancellation, averaged over pairs of inputs and networks; None for a single input."""
        return sample(self.raw["one_minus_c"]) if "one_minus_c" in self.raw else None

    @property
    def c(self) -> Sample | None:
        """Correlation h_a · h_b / |h_a||h_b|, averaged over pairs of inputs and networks; None for a single input."""
        distance = self.one_minus_c
        return None if distance is None else Sample(1.0 - distance.mean, distance.standard_error, distance.n)

    @property
    def gradient(self) -> Sample:
        """Mean squared gradient relative to that at the last layer: the product of chi over the blocks in between."""
        return sample(self.raw["gradient"])

    @property
    def depth(self) -> int:
        """Blocks that the networks were made of."""
        return int(self.raw["q"].shape[1]) - 1

    @property
    def networks(self) -> int:
        """Independent networks."""
        return len(self.raw["q"])

    @property
    def width(self) -> int:
        """Units of a layer; of the narrowest one where they differ."""
        return min(self.widths)

    @property
    def size(self) -> str:
        """How many networks of which size, in words."""
        widest = max(self.widths)
        width = f"{self.width} wide" if widest == self.width else f"{self.width} to {widest} wide"
        return f"{self.networks} networks of {self.depth} blocks, {width}"

    def __repr__(self) -> str:
        return f"<Simulation of {self.size}, in {self.dtype}>"


def simulate(
    block: Any,
    depth: int,
    width: int | Sequence[int],
    *,
    networks: int = 32,
    q: float = 1.0,
    c: float | None = None,
    inputs: ArrayLike | None = None,
    pixels: int | Sequence[int] | None = None,
    weights: WeightLaw | Sequence[WeightLaw] = "gaussian",
    method: Method = "materialized",
    dtype: Literal["float64", "float32"] = "float64",
    rng: Any = None,
    workers: Workers = 1,
    progress: bool = False,
) -> Simulation:
    """Draw random networks of finite width, run them forwards and backwards, and average over them.

    Where layers read several points of an input, inputs are images, or sequences of tokens, with the second moments
    asked for at every pixel and independent pixels; 1 − c is that of two inputs at the same pixel.

    Parameters
    ----------
    block : Network, Layer, str, callable or Activation, or list of them
        What is repeated in depth; its state is the signal at its input. An activation stands for `mlp` of it. A list
        gives one block a layer. Every sigma_w and sigma_b must be a scalar.
    depth : int
        How many times the block is repeated, ≥ 1; each time with new weights.
    width : int or sequence of int
        Units of every layer, ≥ 2, or of each of layers 0 … depth. All dense layers of a block have as many outputs as
        the layer that the block leads to.
    networks : int
        Independent networks, ≥ 2: what the standard errors are taken over.
    q : float
        Second moment of the state at layer 0, > 0.
    c : float or None
        Correlation of two inputs at layer 0, −1 ≤ c ≤ 1; None simulates one input and leaves `.c` None. Each network
        gets new random directions whose second moments are *exactly* q and c: layer 0 has no noise. Where there is
        batch normalisation, a batch of inputs is simulated, any two of which have the correlation c, by default 0.
    inputs : array_like, shape (N, d), optional
        Inputs whose second moments x_a · x_b / d take the place of `q` and `c`: the states at layer 0 are random
        directions with exactly these moments, as behind an orthogonal first layer. The smaller of N and d must not
        exceed `width`.
    pixels : int or sequence of int, optional
        Size of an image along each axis, or tokens of a sequence; by default 16 or 8 × 8, or as large as a window that
        is larger.
    weights : str, callable, or list of them
        Law of the weight matrices: "gaussian", "uniform", "truncated_normal" (at two standard deviations),
        "orthogonal" (Haar), "sparse" (one entry in ten), "student_t" (five degrees of freedom), all with entries of
        variance sigma_w²/fan_in; or a sampler ``(rng, fan_out, fan_in) -> array`` whose output is used as it is: then
        sigma_w is ignored, and that sampler's own scale is what the simulation shows. A list gives one for each dense
        layer of the network, convolutions among them: their fan_in is the number of taps times that of channels, and a
        sampler's columns are scaled by the roots of the taps' shares of the variance if these differ. Biases are
        Gaussian with sigma_b, unless a sampler has an attribute ``bias``, of the same arguments, that returns
        ``fan_out`` of them.
    method : {"materialized", "exact_law"}
        Draw the matrices, or sample Gaussian layers in law at O(width) cost: see `ExactLaw`.
    dtype : {"float64", "float32"}
        Type of weights, signals and gradients; activations are evaluated in float64 either way.
    rng : None, int, SeedSequence or Generator
        Randomness, as in SciPy (SPEC 7). Each network has its own child: results do not depend on `workers`.
    workers : int or callable
        Threads, −1 for one a core, or a map-like callable.
    progress : bool
        Show a bar while it runs, on a terminal only.

    Returns
    -------
    Simulation
        `.q`, `.c`, `.one_minus_c`, `.gradient`: a `Sample` each, arrays of depth + 1, the layer first. The gradient
        is that of a random linear function of each input's last state (a Gaussian covector of fixed length):
        ``gradient[l]`` is the mean square over units of ∂/∂h^l relative to that of ∂/∂h^L, averaged over inputs and
        networks.

    Raises
    ------
    InvalidInput
        If an argument is outside its range, or signal or gradient leave the range of `dtype`.

    References
    ----------
    Schoenholz et al. 2017 (arXiv:1611.01232), sections 3 and 4.

    Examples
    --------
    >>> import meanfield as mf
    >>> run = mf.simulate(mf.mlp("relu", 2**0.5), depth=4, width=256, c=0.0, rng=0)
    >>> run.q.mean.shape, run.q.n
    ((5,), 32)
    >>> bool(abs(run.q.mean[-1] - 1) < 4 * run.q.standard_error[-1])
    True
    """
    for name, value, least in (("depth", depth, 1), ("networks", networks, 2)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise InvalidInput(f"{name} must be an integer ≥ {least}, not {value!r}")
    blocks, widths = as_blocks(block, depth), as_widths(width, depth)
    if (shape := Network(*blocks).shape) != ():
        raise InvalidInput(
            f"a simulation takes one network at a time: sigma_w and sigma_b must be scalars, not of shape {shape}"
        )
    check_widths(blocks, widths)
    blocks *= depth // len(blocks)
    check_law(weights, sum(layer.matrices for block in blocks for layer in block.flattened()))
    if method not in ("materialized", "exact_law"):
        raise InvalidInput(f"method must be 'materialized' or 'exact_law', not {method!r}")
    if method == "exact_law" and weights != "gaussian":
        raise InvalidInput("method='exact_law' is for Gaussian weights; other weights need method='materialized'")
    if dtype not in ("float32", "float64"):
        raise InvalidInput(f"dtype must be 'float32' or 'float64', not {dtype!r}")
    batch = batch_size(*blocks)
    if batch == math.inf:
        raise InvalidInput("a simulation needs a finite batch: BatchNorm(inf) is the limit of large ones")
    root = input_root(q, c, inputs, batch)
    images = pixels_of(blocks, inputs, pixels)
    _ = reduce(lambda shape, one: images_after(one, shape), blocks, images)  # raises where they do not fit a layer
    if batch is not None and len(root) != batch:
        raise InvalidInput(f"BatchNorm({batch}) needs a batch of {batch} inputs, not {len(root)}")
    if root.shape[1] > widths[0]:
        raise InvalidInput(
            f"width must be at least {root.shape[1]} to hold that many independent inputs, not {widths[0]}"
        )

    law = None if method == "exact_law" else weights
    of_points = inputs is not None and np.ndim(inputs) > 2
    pairs = len(root) > (math.prod(images) if of_points else 1)
    run = partial(_run_network, blocks, widths, root, images, of_points, law, np.dtype(dtype))
    results = map_tasks(run, spawn(rng, networks), workers, progress, "networks")
    values = np.array([result for result, _ in results])
    matrices = tuple(matrix for matrix, _ in results[0][1])
    statistics = np.array([[numbers for _, numbers in measured] for _, measured in results])
    return Simulation(
        raw={name: values[:, i] for i, name in enumerate(QUANTITIES[: 2 + pairs])},
        of_one={name: values[:, 3 + i] for i, name in enumerate(QUANTITIES[: 2 + pairs])},
        points=len(root) if of_points else len(root) * math.prod(images),
        widths=widths,
        dtype=str(dtype),
        matrices=matrices,
        weights={name: statistics[..., i] for i, name in enumerate(("sigma_w", "mean", "correlation")) if matrices},
    )


def _run_network(
    blocks: Sequence[Network],
    widths: Sequence[int],
    root: Floats,
    pixels: tuple[int, ...],
    of_points: bool,
    weights: WeightLaw | Sequence[WeightLaw] | None,
    dtype: np.dtype[Any],
    rng: np.random.Generator,
) -> tuple[Floats, list[tuple[Matrix, NDArray[Any]]]]:
    """One network: q, gradient and 1 − c, shape (6, depth + 1), and its matrices' statistics.

    Gaussian matrices are sampled in law if `weights` is None; `root` is that of inputs, or `of_points`, their pixels.
    """
    if weights is None:
        draw: Draw = ExactLaw(rng, widths[0], dtype, pixels)
    else:
        laws = weights if isinstance(weights, list | tuple) else [weights]
        draw = Materialized(rng, widths[0], dtype, weights, any(callable(law) for law in laws), pixels)
    state = draw_state(root, widths[0], rng, dtype, 1 if of_points else math.prod(pixels))
    values = run_network(blocks, widths, state, draw)
    return values, draw.measured if isinstance(draw, Materialized) else []
