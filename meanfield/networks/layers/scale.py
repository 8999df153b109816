"""A factor for all units."""

from dataclasses import dataclass
from typing import Any, ClassVar, cast

from meanfield._types import Parameter
from meanfield.arguments import factor
from meanfield.networks.layers.base import Layer

__all__ = ["Scale"]


@dataclass(frozen=True, eq=False)
class Scale(Layer):
    """Every unit times one factor: LayerScale at initialisation, a residual scale, a temperature.

    Parameters
    ----------
    value : float or array_like
        The factor, finite. Arrays broadcast with sigma_w and sigma_b.

    Raises
    ------
    InvalidInput
        If `value` is not finite or beyond 10¹⁵⁰.

    References
    ----------
    Touvron et al. 2021 (arXiv:2103.17239), eq. 4: LayerScale, with values from 10⁻¹ to 10⁻⁶ at the end of each branch.

    Examples
    --------
    With a factor of 10⁻⁴ the depth of a network cannot be seen in its gradients:

    >>> import meanfield as mf
    >>> from meanfield.networks.layers.scale import Scale
    >>> block = mf.Residual(mf.LayerNorm(), mf.Dense(), "gelu", mf.Dense(1.5), Scale(1e-4))
    >>> print(f"{mf.propagate(block, 100).gradient[0] - 1:.3g}")
    1.03e-06
    """

    value: Any

    parameters: ClassVar[tuple[str, ...]] = ("value",)
    linear: ClassVar[bool] = True
    keeps_mean: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", factor(self.value, "value"))

    @property
    def carries(self) -> Parameter:
        """The factor."""
        return cast(Parameter, self.value)
