"""Monte Carlo simulation: draw finite networks, run them forwards and backwards, and average."""

import math
from collections.abc import Sequence
from functools import partial, reduce
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats, RealType
from meanfield.arguments import choice, flag, whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Draw
from meanfield.montecarlo.exact_law import ExactLaw
from meanfield.montecarlo.forward_backward import run_network
from meanfield.montecarlo.input_states import draw_state, input_root, sequence_root
from meanfield.montecarlo.materialized import Materialized
from meanfield.montecarlo.random_generators import RandomSource, spawn
from meanfield.montecarlo.simulation import Simulation
from meanfield.montecarlo.weight_laws import WeightLaw, check_law
from meanfield.montecarlo.weight_statistics import OF_BIASES, STATISTICS, Biases, Matrix
from meanfield.networks.images import pixels_of, tokens_of, without_tokens
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.network import Network
from meanfield.networks.stack import as_blocks, as_widths, check_widths
from meanfield.workers import Workers, map_tasks

__all__ = ["simulate"]

Method = Literal["materialized", "exact_law"]
TypeName = Literal["float64", "float32"]

ROWS = {"q": (0, 3), "gradient": (1, 4), "one_minus_c": (2, 5), "one_minus_token_c": (6, 7)}  # of all points, of one
MANY = 10**9
T = TypeVar("T")


@own_error_state
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
    dtype: TypeName = "float64",
    rng: RandomSource = None,
    workers: Workers = 1,
    progress: bool = False,
    tokens: int | None = None,
    token_c: float | None = None,
) -> Simulation:
    """Draw random networks of finite width, run them forwards and backwards, and average over them.

    If layers read several points of an input, inputs are images or sequences of tokens with independent pixels, each of
    the prescribed second moments; 1 − c compares two inputs at the same pixel.

    Parameters
    ----------
    block : Network, Layer, str, callable or Activation, or list of them
        The block that is repeated in depth; its state is the signal at its input. An activation means
        ``mlp(activation)``. A list gives one block for each layer. Every sigma_w and sigma_b must be a scalar.
    depth : int
        Number of repetitions of the block, ≥ 1, each with new weights.
    width : int or sequence of int
        Units of every layer, ≥ 2, or of each of layers 0 … depth. All dense layers of a block have the width of the
        block's output.
    networks : int
        Independent networks, ≥ 2; standard errors are over networks.
    q : float
        Second moment of the state at layer 0, > 0.
    c : float or None
        Correlation of two inputs at layer 0, −1 ≤ c ≤ 1; None simulates one input and leaves `.c` None. Each network
        gets new random directions whose second moments are *exactly* q and c: layer 0 has no noise. With batch
        normalisation a batch of inputs is simulated, of pairwise correlation c, 0 by default.
    inputs : array_like, shape (N, d), optional
        Inputs whose second moments x_a · x_b / d replace `q` and `c`: the states at layer 0 are random directions with
        exactly these moments, as after an orthogonal first layer. The smaller of N and d must not exceed `width`.
    pixels : int or sequence of int, optional
        Size of an image along each axis, or number of tokens; by default 16 or 8 × 8, or the size of the largest
        window if that is larger.
    weights : str, callable, or list of them
        Law of the weight matrices: "gaussian", "uniform", "truncated_normal" (at two standard deviations),
        "orthogonal" (Haar), "sparse" (one entry in ten), "student_t" (five degrees of freedom), all with entries of
        variance sigma_w²/fan_in; or a sampler ``(rng, fan_out, fan_in) -> array`` whose output is used without
        rescaling: sigma_w is then ignored and the simulation shows the sampler's own scale. A list gives one law for
        each dense or convolutional layer. The fan_in of a convolution is taps times channels; if its taps have
        different variances, the sampler's columns are scaled by the square roots of their shares. Biases are Gaussian
        with sigma_b, unless a sampler has an attribute ``bias``, a sampler that returns ``fan_out`` biases.
        A sampler that is meant to return the same matrix at each call has a true attribute ``deterministic``.
    method : {"materialized", "exact_law"}
        Draw the matrices, or sample Gaussian layers in law at cost O(width): see `ExactLaw`.
    dtype : {"float64", "float32"}
        Type of weights, signals and gradients; activations are always evaluated in float64.
    rng : None, int, SeedSequence or Generator
        Source of randomness, as in SciPy (SPEC 7). Each network has its own child generator, so that results do not
        depend on `workers`.
    workers : int or callable
        Number of threads, −1 for all cores, or a map-like callable.
    progress : bool
        Show a progress bar, on a terminal only.
    tokens : int, optional
        Tokens of a sequence, ≥ 2, of which any two have the correlation `token_c` at layer 0; two sequences have the
        correlation c at the same place and c·token_c at different places.
    token_c : float, optional
        In [−1/(tokens − 1), 1]; 0.5 by default.

    Returns
    -------
    Simulation
        `.q`, `.c`, `.one_minus_c`, `.token_c` and `.gradient`, each a `Sample` of depth + 1 layers. The gradient is of
        a random linear function of each input's last state (a Gaussian covector of fixed length): ``gradient[l]`` is
        the mean of (∂/∂h^l)² over units divided by the mean of (∂/∂h^L)², averaged over inputs and networks.

    Raises
    ------
    InvalidInput
        If an argument is outside its range, or a signal or a gradient overflows.

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
    depth, networks = whole(depth, "depth", MANY), whole(networks, "networks", MANY, least=2)
    blocks, widths = as_blocks(block, depth), as_widths(width, depth)
    if (shape := Network(*blocks).shape) != ():
        raise InvalidInput(
            f"a simulation is of one network: sigma_w and sigma_b must be scalars, not arrays of shape {shape}"
        )
    check_widths(blocks, widths)
    blocks *= depth // len(blocks)
    check_law(weights, sum(layer.matrices for block in blocks for layer in block.flattened()))
    method = choice(method, "method", ("materialized", "exact_law"))
    if method == "exact_law" and weights != "gaussian":
        raise InvalidInput("method='exact_law' is for Gaussian weights; other weights need method='materialized'")
    dtype = choice(dtype.name if isinstance(dtype, np.dtype) else dtype, "dtype", ("float32", "float64"))
    progress = flag(progress, "progress")
    batch = batch_size(*blocks)
    if batch == math.inf:
        raise InvalidInput("a simulation needs a finite batch: BatchNorm(inf) is the limit of large ones")
    root = input_root(q, c, inputs, None if batch is None else int(batch))
    if tokens is None:
        without_tokens(token_c)
        images = pixels_of(blocks, inputs, pixels)
    else:
        root, images = _of_tokens(root, tokens, token_c, inputs, pixels, batch)
    _ = reduce(lambda shape, one: one.images_after(shape), blocks, images)  # raises if the images do not fit a layer
    if batch is not None and len(root) != batch:
        raise InvalidInput(f"BatchNorm({batch}) needs a batch of {batch} inputs, not {len(root)}")
    if root.shape[1] > widths[0]:
        what = "inputs" if tokens is None else "tokens"
        raise InvalidInput(f"width must be at least {root.shape[1]}, the number of independent {what}, not {widths[0]}")

    law = None if method == "exact_law" else weights
    of_points = tokens is not None or (inputs is not None and np.ndim(inputs) > 2)
    pairs = len(root) > (math.prod(images) if of_points else 1)
    run = partial(_run_network, blocks, widths, root, images, of_points, tokens is not None, law, np.dtype(dtype))
    results = map_tasks(run, spawn(rng, networks), workers, progress, "networks")
    values = np.array([result for result, _, _ in results])
    matrices, of_weights = _columns(STATISTICS, [weights for _, weights, _ in results])
    drawn_biases, of_biases = _columns(OF_BIASES, [biases for _, _, biases in results])
    missing = {*([] if pairs else ["one_minus_c"]), *([] if tokens is not None else ["one_minus_token_c"])}
    rows = {name: of_name for name, of_name in ROWS.items() if name not in missing}
    return Simulation(
        raw={name: values[:, i] for name, (i, _) in rows.items()},
        of_one={name: values[:, i] for name, (_, i) in rows.items()},
        points=len(root) if of_points else len(root) * math.prod(images),
        widths=widths,
        dtype=str(dtype),
        matrices=matrices,
        weights=of_weights,
        drawn_biases=drawn_biases,
        biases=of_biases,
    )


def _of_tokens(
    root: Floats, tokens: Any, token_c: Any, inputs: object, pixels: object, batch: object
) -> tuple[Floats, tuple[int, ...]]:
    """The root of sequences instead of inputs, and the shape of a sequence."""
    if inputs is not None or pixels is not None:
        raise InvalidInput("give either tokens or inputs and pixels: inputs of shape (N, channels, T) have T tokens")
    if batch is not None:
        raise InvalidInput("exchangeable tokens cannot be followed through a BatchNorm, which reads all of them")
    count, t = tokens_of(tokens, token_c)
    if t.ndim:
        raise InvalidInput("a simulation is of one correlation of tokens: token_c must be one number")
    return sequence_root(root, count, float(t)), (count,)


def _columns(
    names: Sequence[str], measured: Sequence[Sequence[tuple[T, Floats]]]
) -> tuple[tuple[T, ...], dict[str, Floats]]:
    """What was measured, and its statistics by name, shape (networks, measured), from the pairs of each network."""
    what = tuple(one for one, _ in measured[0])
    numbers = np.array([[values for _, values in network] for network in measured])
    return what, {name: numbers[..., i] for i, name in enumerate(names) if what}


@own_error_state
def _run_network(
    blocks: Sequence[Network],
    widths: Sequence[int],
    root: Floats,
    pixels: tuple[int, ...],
    of_points: bool,
    of_tokens: bool,
    weights: WeightLaw | Sequence[WeightLaw] | None,
    dtype: RealType,
    rng: np.random.Generator,
) -> tuple[Floats, list[tuple[Matrix, Floats]], list[tuple[Biases, Floats]]]:
    """Run one network; return its statistics by layer, as `run_network` does, and those of its matrices and biases.

    `weights` None means Gaussian layers sampled in law. The rows of `root` are inputs, or pixels if `of_points`.
    """
    if weights is None:
        draw: Draw = ExactLaw(rng, widths[0], dtype, pixels)
    else:
        laws = weights if isinstance(weights, list | tuple) else [weights]
        draw = Materialized(rng, widths[0], dtype, weights, any(callable(law) for law in laws), pixels)
    state = draw_state(root, widths[0], rng, dtype, 1 if of_points else math.prod(pixels))
    values = run_network(blocks, widths, state, draw, of_tokens=of_tokens)
    return (values, draw.measured, draw.measured_biases) if isinstance(draw, Materialized) else (values, [], [])
