"""The three maps that each family of layers registers; the type of the layer's description selects the implementation.

========================  ==========================================================================
``one_point(layer, x)``   one input: second moment, its derivative, gradient factor χ, mean over units
``two_points(layer, x)``  two inputs: second moments and half the mean squared difference d
``pair_slope(layer, x)``  two inputs: ∂d_out/∂d_in at fixed second moments
========================  ==========================================================================

A map takes a state of `theory.states` before the layer and returns the state behind it. The arrays in a state broadcast
against the parameters of the layer, so one call serves many networks or many inputs. The maps of a batch
(`layer_maps.batchnorm.step`) and of all pixels (`layer_maps.covariance`) follow from these three.
"""

from functools import singledispatch

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.errors import DivergentExpectation, InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.theory.states import Pair, Point


@singledispatch
def one_point(layer: Layer, x: Point) -> Point:
    """One input behind a layer.

    Parameters
    ----------
    layer : Layer
        The description of the layer.
    x : Point
        The input before the layer: second moment q, and dq/dq₀ and χ accumulated since the start.

    Returns
    -------
    Point
        The input behind the layer: q′ = V(q), slope times dV/dq, and chi times the layer's factor for squared
        gradients. The shape of q′ is the broadcast shape of q and the layer's parameters.

    Raises
    ------
    InvalidInput
        If no map is registered for this type of layer, or the state does not fulfil what the map assumes.
    DivergentExpectation
        If a moment is infinite or exceeds the range of a float.

    References
    ----------
    Poole et al. 2016 (arXiv:1606.05340), eq. 3 for q and eq. 9 for χ.

    Examples
    --------
    Dense layers with σ_w² = 1.44 and 4, and σ_b² = 0.25, at q = 2: q′ = σ_w² q + σ_b² and χ = σ_w².

    >>> import meanfield as mf
    >>> from meanfield.theory.states import Point
    >>> after = one_point(mf.Dense([1.2, 2.0], 0.5), Point.at(2.0))
    >>> after.q.value, after.chi.value
    (array([3.13, 8.25]), array([1.44, 4.  ]))
    """
    raise unknown(layer, "one_point")


@singledispatch
def two_points(layer: Layer, x: Pair) -> Pair:
    """Two inputs behind a layer.

    Parameters
    ----------
    layer : Layer
        The description of the layer.
    x : Pair
        The two inputs before the layer: second moments q1, q2 and d = ½E(u − v)².

    Returns
    -------
    Pair
        The two inputs behind the layer, with d′ = ½E(y(u) − y(v))².

    Raises
    ------
    InvalidInput, DivergentExpectation
        As for `one_point`.

    References
    ----------
    Poole et al. 2016 (arXiv:1606.05340), eq. 5, as a map of d instead of the covariance.

    Examples
    --------
    The biases of a Dense layer are common to both inputs, so d′ = σ_w² d:

    >>> import meanfield as mf
    >>> from meanfield.theory.states import Pair
    >>> after = two_points(mf.Dense(1.2, 0.5), Pair.at(2.0, 0.1))
    >>> print(f"{after.q1:.4f} {after.d.value:.4f}")
    3.1300 0.1440
    """
    raise unknown(layer, "two_points")


@singledispatch
def pair_slope(layer: Layer, x: Pair) -> Bounded:
    """The derivative of d behind a layer with respect to d before it, at fixed second moments.

    It is σ_w² for a Dense layer and E φ′(u)φ′(v) for an activation (Price's theorem): the factor by which a layer
    multiplies the product of the gradients of two inputs. At d = 0 it is the χ of a layer without noise.

    Parameters
    ----------
    layer : Layer
        The description of the layer.
    x : Pair
        The two inputs before the layer.

    Returns
    -------
    Bounded
        ∂d_out/∂d_in, of the broadcast shape of the pair and the layer's parameters.

    Raises
    ------
    InvalidInput, DivergentExpectation
        As for `one_point`.

    Examples
    --------
    ReLU at correlation 0: E φ′(u)φ′(v) = P(u > 0, v > 0) = 1/4.

    >>> import meanfield as mf
    >>> from meanfield.theory.states import Pair
    >>> print(f"{pair_slope(mf.Network('relu'), Pair.at(2.0, 2.0)).value:.12f}")
    0.250000000000
    """
    raise unknown(layer, "pair_slope")


def unknown(layer: Layer, which: str) -> InvalidInput:
    """The error for a type of layer for which the map `which` is not registered."""
    if layer.tells_apart:
        return InvalidInput(layer.tells_apart)
    kind = type(layer).__name__
    return InvalidInput(f"no mean-field map is known for a layer of type {kind}: {which} has none registered for it")


def hiding(factor: Floats | float, g: Floats | float) -> Floats:
    """The product factor·g, where 0 times infinity is 0: without weights there is no gradient."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where((np.asarray(factor) == 0) | (np.asarray(g) == 0), 0.0, factor * g)


def finite(q: Bounded, what: str, before: object) -> Bounded:
    """The second moment `q` behind a layer that messages call `what`; refused where it exceeds the range of a float."""
    if not np.all(np.isfinite(q.value)):
        was = f"it was {np.max(np.asarray(before)):.3g} before"
        raise DivergentExpectation(f"the second moment after {what} exceeds the range of a float ({was})")
    return q
