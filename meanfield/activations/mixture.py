"""Activations whose units differ, as PReLU with one slope a channel: their moments are means over the units.

The maps of layers need means over units of products of values of the same unit, so each moment is the mean of the
units' own: E φ², E φ(U)φ(V), E φ′(U)φ′(V). Only the variance over units is more: it has the variance of the units'
means too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.activations.moments import Moments
from meanfield.activations.symmetry import Symmetry
from meanfield.errors import InvalidInput
from meanfield.estimates import Estimate
from meanfield.numerics.pairs.closed_pairs import ValueAndError
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

EPS = float(np.finfo(float).eps)
#: Shares of the units, and the functions that these units have.
Parts = tuple[tuple[float, Activation], ...]


@dataclass(frozen=True, eq=False)
class Mixture(Activation):
    """An activation with one function a channel; `meanfield.activation` makes one from arrays of parameters.

    Attributes
    ----------
    kinds : tuple of Activation
        The different functions.
    channels : tuple of int
        The number in `kinds` of each channel's function. Unit j is of channel j modulo the number of channels.
    few : tuple of (float, Activation)
        Functions and their shares that have the same moments of up to four factors; if empty, all of them.
    """

    kinds: tuple[Activation, ...] = ()
    channels: tuple[int, ...] = ()
    few: Parts = ()

    @classmethod
    def of(cls, kinds: Sequence[Activation], channels: Sequence[int], few: Parts = ()) -> "Mixture":
        """The mixture of `kinds`, by channel."""
        kinds, channels = tuple(kinds), tuple(map(int, channels))
        function = PerUnit(kinds, channels, Activation.__call__)
        slope = PerUnit(kinds, channels, Activation.derivative)
        return cls(function, kinds[0].name, slope, source=kinds[0].source, kinds=kinds, channels=channels, few=few)

    @property
    def parts(self) -> Parts:
        """The share of the units that have each function, and the function."""
        shares = np.bincount(self.channels, minlength=len(self.kinds)) / len(self.channels)
        return tuple(zip(shares.tolist(), self.kinds, strict=True))

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Where φ of some unit, or one of its derivatives, is not continuous, in ascending order."""
        return tuple(sorted({x for kind in self.kinds for x in kind.breakpoints}))

    @property
    def jumps(self) -> tuple[float, ...]:
        """Where φ of some unit is not continuous, in ascending order."""
        return tuple(sorted({x for kind in self.kinds for x in kind.jumps}))

    @cached_property
    def _symmetry(self) -> Symmetry:
        of_kinds = [kind._symmetry for kind in self.kinds]

        def every(name: str) -> bool | None:
            answers = [getattr(one, name) for one in of_kinds]
            return False if False in answers else None if None in answers else True

        constant = False if every("constant") is False else None  # the constants may differ
        return Symmetry(every("odd"), every("even"), every("scale_invariant"), constant)

    @property
    def pieces(self) -> PiecewiseSmooth:
        """Refused: there is one function for each channel."""
        raise InvalidInput(
            f"this takes one function, and {self.name} has {len(self.kinds)} in {len(self.channels)} channels: "
            "give one of them"
        )

    @cached_property
    def moments(self) -> Moments:
        """Gaussian moments of φ, as means over the units."""
        return MixedMoments(self.parts, self.few)

    def __repr__(self) -> str:
        plain = super().__repr__().removesuffix(")")
        return f"{plain}, {len(self.kinds)} functions in {len(self.channels)} channels)"


class PerUnit:
    """A method of each unit's function on arrays whose last axis is the units."""

    def __init__(
        self, kinds: tuple[Activation, ...], channels: tuple[int, ...], method: Callable[[Activation, Floats], Floats]
    ) -> None:
        self.kinds, self.channels, self.method = kinds, channels, method

    def __call__(self, x: Floats) -> Floats:
        """Values at `x`, shape (…, units)."""
        count = len(self.channels)
        if x.ndim == 0 or x.shape[-1] % count:
            raise InvalidInput(
                f"{self.kinds[0].name} has {count} channels, so the last axis of an array must be the units, a "
                f"multiple of {count}, not {x.shape[-1] if x.ndim else 'missing'}"
            )
        kind, values = np.resize(self.channels, x.shape[-1]), np.empty(x.shape)
        for number, phi in enumerate(self.kinds):
            values[..., kind == number] = self.method(phi, x[..., kind == number])
        return values


class MixedMoments(Moments):
    """Means over units of the moments of their functions, with bounds on errors.

    Parameters
    ----------
    parts : sequence of (float, Activation)
        Shares of the units, and their functions.
    few : sequence of (float, Activation)
        The same with the same moments of up to four factors; if empty, `parts`.
    """

    def __init__(self, parts: Parts, few: Parts = ()) -> None:
        self.every, self.parts = parts, few or parts

    def expectation(self, product: str, q: ArrayLike, *, rtol: float, atol: float = 0.0) -> Estimate:
        """The mean over units of the expectation of a product of factors."""
        (share, phi), *others = self.every
        mean = share * phi.moments.expectation(product, q, rtol=rtol, atol=atol)
        for share, phi in others:
            mean = mean + share * phi.moments.expectation(product, q, rtol=rtol, atol=atol)
        return mean

    def certified(self, moment: str, q: ArrayLike) -> bool:
        """Whether the bounds on the moments of every unit are proven."""
        return all(phi.moments.certified(moment, q) for _, phi in self.parts)

    def mean(self, q: ArrayLike) -> ValueAndError:
        """The mean over units of E φ(X)."""
        return self._mean(lambda moments: moments.mean(q))

    def mean_slope(self, q: ArrayLike) -> ValueAndError:
        """The mean over units of dE φ(X)/dq."""
        return self._mean(lambda moments: moments.mean_slope(q))

    def independent(self, q: ArrayLike) -> ValueAndError:
        """The mean over units of (E φ(X))²."""
        return self._mean(lambda moments: moments.independent(q))

    def variance(self, q: ArrayLike) -> ValueAndError:
        """The variance over units: the mean of Var φ(X), and the variance of E φ(X)."""
        value, error = self._mean(lambda moments: moments.variance(q))
        middle, middle_error = self.mean(q)
        for share, phi in self.parts:
            own, own_error = phi.moments.mean(q)
            apart, apart_error = own - middle, own_error + middle_error
            value = value + share * apart**2
            error = error + share * apart_error * (2 * np.abs(apart) + apart_error)
        return value, error

    def second_moment(self, q: ArrayLike) -> ValueAndError:
        """The mean over units of V(q) = E φ(X)²."""
        return self._mean(lambda moments: moments.second_moment(q))

    def second_moment_slope(self, q: ArrayLike) -> ValueAndError:
        """The mean over units of dV/dq."""
        return self._mean(lambda moments: moments.second_moment_slope(q))

    def derivative_moment(self, q: ArrayLike) -> ValueAndError:
        """The mean over units of E φ′(X)²; raises InfiniteDerivative if one of them jumps."""
        return self._mean(lambda moments: moments.derivative_moment(q))

    def euler_defect(self, q: ArrayLike) -> ValueAndError:
        """The mean over units of E (Xφ′ − φ)²."""
        return self._mean(lambda moments: moments.euler_defect(q))

    def fourth_moment(self, q: ArrayLike) -> ValueAndError:
        """The mean over units of E φ(X)⁴."""
        return self._mean(lambda moments: moments.fourth_moment(q))

    def distance(self, q1: ArrayLike, q2: ArrayLike, d: ArrayLike) -> ValueAndError:
        """The mean over units of ½E(φ(U) − φ(V))²."""
        return self._mean(lambda moments: moments.distance(q1, q2, d))

    def distance_slope(self, q1: ArrayLike, q2: ArrayLike, d: ArrayLike) -> ValueAndError:
        """The mean over units of E φ′(U)φ′(V)."""
        return self._mean(lambda moments: moments.distance_slope(q1, q2, d))

    def product(self, q1: ArrayLike, q2: ArrayLike, gap: ArrayLike) -> ValueAndError:
        """The mean over units of E φ(U)φ(V) at 1 − c = gap."""
        return self._mean(lambda moments: moments.product(q1, q2, gap))

    def _mean(self, ask: Callable[[Moments], ValueAndError]) -> ValueAndError:
        asked = [(share, *ask(phi.moments)) for share, phi in self.parts]
        value = sum((share * value for share, value, _ in asked), np.zeros(()))
        size = sum((share * np.abs(value) for share, value, _ in asked), np.zeros(()))
        error = sum((share * error for share, _, error in asked), np.zeros(()))
        return value, error + len(asked) * EPS * size
