"""Convolutions: a weighted mean of covariances over the window, then a Dense layer.

Xiao et al. 2018 (arXiv:1806.05393). Where all pixels are statistically alike, the mean changes nothing, and a
convolution has the maps of a Dense layer.
"""

from collections.abc import Sequence

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.bounded import Bounded
from meanfield.errors import InvalidInput
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dense import Dense
from meanfield.theory.layer_maps.covariance import Covariance, Pullback, all_points
from meanfield.theory.layer_maps.dispatch import hiding, two_points
from meanfield.theory.layer_maps.tangent_kernel import State, tangent
from meanfield.theory.states import Pair


@all_points.register
def _(layer: Conv, state: Covariance) -> tuple[Covariance, Pullback]:
    """Σ′_{a,a′} = σ_b² + σ_w² Σ_β v_β Σ_{a+β, a′+β}; the pullback is the transpose of this sum over taps β."""
    shares = layer.taps[1]
    images, pixel, inside = layer.windows(state.images)
    points = state.q.size
    first = state.pixels * np.arange(state.inputs)[:, None, None]  # pixel of each input
    # a tap beyond a border of zeros reads the point after the last one
    read = np.where(inside, first + pixel, points).reshape(-1, len(shares)).T
    pairs = [np.ix_(one, one) for one in read]

    def mean(values: Floats, places: Sequence[Ints | tuple[Ints, ...]] | Ints) -> Floats:
        return np.asarray(sum(share * values[at] for share, at in zip(shares, places, strict=True)))

    q, d, error = _with_nowhere(state)
    q, d, error = mean(q, read), mean(d, pairs), mean(error, pairs)
    pair = Pair(q1=q[:, None], q2=q[None, :], d=Bounded(d, error))
    after = two_points(Dense(layer.sigma_w, layer.sigma_b), pair)

    def back(g: Floats) -> Floats:
        total = np.zeros((points + 1, points + 1))
        g = hiding(layer.sigma_w**2, g)
        for share, at in zip(shares, pairs, strict=True):
            total[at] += share * g  # a tap reads each point at most once, except the point without a signal
        return total[:points, :points]

    return Covariance(q=np.ravel(after.q1), d=after.d, images=images), back


@tangent.register
def _(layer: Conv, theta: Floats, x: State) -> tuple[Floats, State]:
    raise InvalidInput(
        "the tangent kernel follows inputs, not pixels, and a Conv reads pixels; where all pixels are alike take "
        "Dense(sigma_w, sigma_b) in its place"
    )


def _with_nowhere(state: Covariance) -> tuple[Floats, Floats, Floats]:
    """q, d and the error of d with one more point, whose signal is 0."""
    q = np.append(state.q, 0.0)
    d, error = (np.zeros((q.size, q.size)) for _ in range(2))
    d[:] = 0.5 * (q[:, None] + q)
    d[:-1, :-1], d[-1, -1], error[:-1, :-1] = state.d.value, 0.0, state.d.error
    return q, d, error
