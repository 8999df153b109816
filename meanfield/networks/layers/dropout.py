"""Units that are dropped at random."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from meanfield.arguments import real
from meanfield.errors import InvalidInput, shown
from meanfield.networks.layers.noise import Noise


@dataclass(frozen=True, eq=False)
class Dropout(Noise):
    """Inverted dropout: each unit is 0 with probability `rate`, else multiplied by 1/(1 − rate); each input by itself.

    It belongs behind an activation. Behind a Dense layer its output is not Gaussian, so no activation may follow.

    Parameters
    ----------
    rate : float or array_like
        Share of units that are dropped, 0 ≤ rate < 1. Arrays broadcast with sigma_w and sigma_b.

    Raises
    ------
    InvalidInput
        If `rate` is out of range.

    References
    ----------
    Schoenholz et al. 2017 (arXiv:1611.01232), section 4, whose ρ is 1 − rate; Pretorius et al. 2018
    (arXiv:1811.00293) for ReLU.

    Examples
    --------
    >>> import meanfield as mf
    >>> from meanfield.networks.layers.dropout import Dropout
    >>> block = mf.Network("relu", Dropout(0.2), mf.Dense(1.6**0.5))  # sigma_w² = 2·(1 − rate)
    >>> print(f"{mf.variance_map(block, 3.0).value:.12f}")
    3.000000000000
    """

    rate: Any

    parameters: ClassVar[tuple[str, ...]] = ("rate",)
    keeps_gaussian: ClassVar[bool] = False

    def __post_init__(self) -> None:
        rate = real(self.rate, "rate")
        if not np.all((rate >= 0) & (rate < 1)):
            raise InvalidInput(
                f"rate is a share of units and must be at least 0 and less than 1, not {shown(self.rate)}"
            )
        rate.setflags(write=False)
        object.__setattr__(self, "rate", rate if rate.ndim else float(rate))
