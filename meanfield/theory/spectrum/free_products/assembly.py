"""From the factors of a Jacobian to its master curve, its mass at 0 and its scale.

With k = N·m the sum of the ψ-transform over eigenvalues, a diagonal matrix multiplies z by w k/(N + k), a Gaussian
matrix from N to N′ units by σ²(N′ + k)/N, and an orthogonal one by σ²N′/N if N′ ≥ N, else by σ²(N′ + k)/(N + k).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from meanfield.theory.spectrum.free_products.factors import Factor, Skip, Slopes
from meanfield.theory.spectrum.free_products.jacobian import (
    Branch,
    Matrix,
    NotFree,
    Part,
    PreActivation,
    Scalar,
    Slope,
    Weights,
)
from meanfield.theory.spectrum.free_products.master_curve import MasterCurve, Member, Rational
from meanfield.theory.spectrum.slopes.slope_law import SlopeLaw

ALIKE = 1e-13  # relative difference of two q at which slopes have one law


@dataclass(frozen=True, eq=False)
class Assembly:
    """The Jacobian as a curve.

    Attributes
    ----------
    curve : MasterCurve
        The ψ-transform, of the eigenvalues that the narrowest layer allows.
    share : float
        How many eigenvalues that is, as a share of all singular values.
    at_zero : float
        The mass of singular values that are 0, as a share of all.
    gaussian : int
        Number of plain Gaussian matrices.
    square : bool
        Whether all layers have one width.
    """

    curve: MasterCurve
    share: float
    at_zero: float
    gaussian: int
    square: bool

    @cached_property
    def log_mean(self) -> float:
        """The mean of the logarithm of the eigenvalues that are not 0 by rank."""
        raise NotImplementedError


class _Sum:
    """Terms of log z, as they come in."""

    def __init__(self, narrowest: int) -> None:
        self.powers: dict[float, int] = {}
        self.constant, self.narrowest = 0.0, narrowest

    def add(self, width: int, power: int) -> None:
        """power·log(width + k); width 0 is log k."""
        a = width / self.narrowest
        self.powers[a] = self.powers.get(a, 0) + power
        self.constant += power * math.log(self.narrowest)


def assembled(sequence: Iterable[tuple[Sequence[Part], int]], weights: Weights, widths: Sequence[int]) -> Assembly:
    """The curve of blocks in order, each with its number of repetitions; `widths` of layers 0 … depth."""
    narrowest, square = min(widths), len(set(widths)) == 1
    total, laws = _Sum(narrowest), _Laws()
    members: dict[tuple[object, ...], tuple[Factor, int, float]] = {}
    rank, gaussian, layer = float(narrowest), 0, 0

    def member(key: tuple[object, ...], factor: Factor, width: int, count: int) -> None:
        _, before, _ = members.get(key, (factor, 0, 0.0))
        members[key] = (factor, before + count, narrowest / width)

    n = widths[0]
    for parts, count in sequence:
        after = widths[min(layer + 1, len(widths) - 1)]
        layer += count
        for part in parts:
            match part:
                case Scalar(square_):
                    total.constant += count * math.log(square_)
                case Matrix(variance):
                    if weights == "gaussian":
                        total.add(after, count)
                        gaussian += count
                        total.constant += count * math.log(variance / n)
                    elif after >= n:
                        total.constant += count * math.log(variance * after / n)
                    else:
                        total.add(after, count)
                        total.add(n, -count)
                        total.constant += count * math.log(variance)
                    n = after
                case Slope():
                    law, key = laws.of(part)
                    rank = min(rank, n * (1 - law.at_zero))
                    if (only := _identity(law)) is not None:
                        total.constant += count * math.log(only)
                        continue
                    total.add(0, count)
                    total.add(n, -count)
                    member((key, n), Slopes(law), n, count)
                case Branch():
                    law, key = laws.of(part.slope) if part.slope else laws.identity
                    gain = part.scale**2 * math.prod(matrix.variance for matrix in part.matrices)
                    power = 2 - (len(part.matrices) if weights == "gaussian" else 0)
                    total.add(n, count)
                    total.add(0, count)
                    total.constant -= 2 * count * math.log(n)
                    factor = Skip(law, part.skip**2, gain, power)
                    member((key, n, part.skip**2, gain, power), factor, n, count)
                case PreActivation():
                    raise NotFree(
                        "the slopes of different depths of Residual(activation, Dense) read one stream and are not "
                        "free of each other, so that only the first two moments are known"
                    )
    total.add(widths[0], 1)
    total.add(0, -1)
    if not members:  # linear: one matrix of slopes 1
        law, key = laws.identity
        total.add(0, 1)
        total.add(narrowest, -1)
        member((key, narrowest), Slopes(law), narrowest, 1)
    ordered = sorted(members.values(), key=lambda one: one[2] != 1.0)
    rational = tuple(Rational(a, power) for a, power in sorted(total.powers.items()) if power)
    curve = MasterCurve(rational, total.constant, tuple(Member(*one) for one in ordered))
    share = narrowest / min(widths[0], widths[-1])
    return Assembly(curve, share, 1 - rank / min(widths[0], widths[-1]), gaussian, square)


def _identity(law: SlopeLaw) -> float | None:
    """The value of a law that has a single one."""
    return law.atoms[0].t if len(law.atoms) == 1 and not law.base_size and law.atoms[0].t > 0 else None


class _Laws:
    """The laws of slopes, one for each activation and q."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, float], SlopeLaw] = {}
        self.identity_law: SlopeLaw | None = None

    def of(self, slope: Slope) -> tuple[SlopeLaw, tuple[int, float]]:
        """The law and its key; the law of a second moment that differs by rounding alone is the same one."""
        for (phi, q), law in self.known.items():
            if phi == id(slope.phi) and abs(q - slope.q) <= ALIKE * q:
                return law, (phi, q)
        key = (id(slope.phi), slope.q)
        self.known[key] = SlopeLaw(slope.phi.parts, slope.q)
        return self.known[key], key

    @property
    def identity(self) -> tuple[SlopeLaw, tuple[int, float]]:
        """The law of slopes that are 1."""
        from meanfield.activations.resolve import activation

        return self.of(Slope(activation("linear"), 1.0))
