"""Normalisation over the units of a layer, for each input by itself."""

from dataclasses import dataclass
from typing import ClassVar

from meanfield.networks.layers.base import Layer


@dataclass(frozen=True, eq=False)
class LayerNorm(Layer):
    """Layer normalisation (x − M)/√V with each input's own mean M and variance V over units.

    Its gain is 1 and its shift 0, as at initialisation, and nothing is added to the variance.

    References
    ----------
    Ba, Kiros & Hinton 2016 (arXiv:1607.06450); Doshi, He & Gromov 2021 (arXiv:2111.12143) for the critical line of
    networks that normalise pre-activations.

    Examples
    --------
    >>> import meanfield as mf
    >>> from meanfield.networks.layers.normalisation import LayerNorm
    >>> block = mf.Network(LayerNorm(), "erf", mf.Dense(1.0, 0.32380701094355827))
    >>> print(mf.analyze(block).phase)
    critical
    """

    keeps_mean: ClassVar[bool] = True
    needs_mean: ClassVar[bool] = True
    centres: ClassVar[bool] = True


@dataclass(frozen=True, eq=False)
class RMSNorm(Layer):
    """Normalisation x/√Q by each input's own mean square Q over units; its gain is 1 and nothing is added to Q.

    Where units have no mean, as behind a Dense layer, it does what LayerNorm does.

    References
    ----------
    Zhang & Sennrich 2019 (arXiv:1910.07467).

    Examples
    --------
    >>> import meanfield as mf
    >>> from meanfield.networks.layers.normalisation import RMSNorm
    >>> block = mf.Network("relu", RMSNorm(), mf.Dense(1.5))
    >>> print(f"{mf.variance_map(block, 0.3).value:.12f}")
    2.250000000000
    """

    keeps_mean: ClassVar[bool] = True
