"""Layer-sequential unit-variance initialisation (LSUV), which rescales weights with data."""

import math

import numpy as np
from numpy.typing import ArrayLike

from meanfield.arguments import real
from meanfield.errors import InvalidInput
from meanfield.initializers.initializer import Initializer

MOST_ROUNDS = 10


class DataDrivenInitializer(Initializer):
    """An `Initializer` whose weights are rescaled to outputs of unit variance on real signals.

    `std`, `sigma_w` and `sigma_w_at` are the scales after the rescaling, for signals whose pre-activations have second
    moment 1; they need the activation.

    References
    ----------
    Mishkin & Matas 2016 (arXiv:1511.06422), algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> import meanfield as mf
    >>> rng = np.random.default_rng(0)
    >>> x = np.maximum(rng.standard_normal((50, 400)), 0)
    >>> lsuv = mf.initializer("lsuv", activation="relu")
    >>> W = lsuv(rng, 400, 400)
    >>> W *= lsuv.rescale(x @ W.T)
    >>> round(float(np.mean((x @ W.T) ** 2)), 12), round(lsuv.sigma_w, 12)
    (1.0, 1.414213562373)
    """

    def rescale(self, product: ArrayLike) -> float:
        """The factor on the weights for outputs of variance 1.

        Parameters
        ----------
        product : array_like, shape (points, units)
            The layer's outputs x Wᵀ with the weights as drawn, without biases.

        Returns
        -------
        float
            1 divided by the standard deviation of all outputs; 1 if the variance is within `tol` of 1 already, as in
            the paper. The variance is taken about 0, the mean over such weights. The paper's code takes it about the
            mean of the outputs, which makes it smaller by a relative amount of order 1/units.

        Raises
        ------
        InvalidInput
            If `product` is not a finite array of that shape, or is 0 everywhere.
        """
        outputs = real(product, "product", "an array of numbers of shape (points, units)")
        if outputs.ndim != 2 or not np.isfinite(outputs).all():
            raise InvalidInput(f"product must be a finite (points, units) array, not one of shape {outputs.shape}")
        factor = 1.0
        for _ in range(MOST_ROUNDS):
            with np.errstate(over="ignore"):
                variance = float(np.mean((factor * outputs) ** 2))
            if not 0 < variance < math.inf:
                raise InvalidInput("LSUV cannot rescale a layer whose outputs are all 0 or overflow")
            if abs(variance - 1) < self.constants["tol"]:
                break
            factor /= math.sqrt(variance)
        return factor
