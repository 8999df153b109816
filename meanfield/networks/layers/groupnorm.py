"""Normalisation over groups of units, for each input by itself."""

from dataclasses import dataclass
from typing import ClassVar

from meanfield.arguments import whole
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer

__all__ = ["GroupNorm"]

MOST = 10**6  # groups, or units of a group
FEWEST = 4  # units of a group


class SmallGroups(Layer):
    """Stands for a `GroupNorm` of few units a group that other layers follow, so that units are not known any more."""

    label = "GroupNorm"


@dataclass(frozen=True, eq=False)
class GroupNorm(Layer):
    """Group normalisation: units minus their group's mean, over the group's standard deviation.

    In the limit of wide layers a fixed number of groups does what one group does, `LayerNorm`, since every group is
    wide. Groups of a fixed number of units do not: their statistics fluctuate, and gradients grow. Each pixel is
    normalised by itself.

    Parameters
    ----------
    groups : int, optional
        Number of groups, as in torch. The theory is that of wide groups.
    size : int, optional
        Units of each group instead, ≥ 4. The theory follows one input: the next layer must have weights or be an
        activation.

    Raises
    ------
    InvalidInput
        If not exactly one of both is given, or it is out of range. With three units or fewer the second moment of the
        gradient is infinite.

    References
    ----------
    Wu & He 2018 (arXiv:1803.08494).

    Examples
    --------
    Gradients of ReLU networks grow by (size − 2)/(size − 3) a layer; with wide groups they keep their size:

    >>> import meanfield as mf
    >>> from meanfield.networks.layers.groupnorm import GroupNorm
    >>> for norm in (GroupNorm(size=8), GroupNorm(8)):
    ...     print(f"{mf.propagate(mf.Network(norm, 'relu', mf.Dense(2**0.5)), 10).chi[1]:.12f}")
    1.200000000000
    1.000000000000
    """

    groups: int | None = None
    size: int | None = None

    keeps_mean: ClassVar[bool] = True
    needs_mean: ClassVar[bool] = True
    centres: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if (self.groups is None) == (self.size is None):
            raise InvalidInput("a GroupNorm takes the number of groups, as GroupNorm(32), or size=, the units of each")
        for name, least in (("groups", 1), ("size", FEWEST)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, whole(getattr(self, name), name, MOST, least=least))

    @property
    def on_sphere(self) -> bool:
        """Whether groups are small: the units of a group are then a point on a sphere."""
        return self.size is not None

    @property
    def passed_on(self) -> Layer:
        """What later layers are told of these units."""
        return self if self.size is None else SmallGroups()

    def units_after(self, before: Layer | None) -> Layer | None:
        """This layer, if groups are small. It must then read Gaussian units."""
        if self.size is None:
            return before
        if before:
            raise self._not_gaussian(before)
        return self
