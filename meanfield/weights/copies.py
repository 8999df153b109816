"""Weights that are copies of each other, exactly or nearly: random networks have independent ones."""

import math
from collections.abc import Sequence

import numpy as np

from meanfield._types import Floats, Reals
from meanfield.weights.loading import Tensor
from meanfield.weights.stored_precision import mantissa_bits

FEWEST = 8  # distinct magnitudes below which equal entries may be chance
SIGNIFICANT = 7.0  # of a correlation in standard deviations: probability below 1e-10 for independent signs
SAMPLED = 2**14  # entries of a weight that are correlated with the entries of others
SAME = 1e-6  # relative difference of sorted magnitudes that rounding of a factor makes in single precision


def copies(tensors: Sequence[Tensor]) -> dict[str, str]:
    """What each weight has in common with an earlier one, as a phrase; names of independent weights are missing.

    Exact copies are equal, scaled, transposed, permuted or have other signs, up to rounding. Others have entries that
    are correlated place by place: for independent entries of random sign |Σ x y| exceeds 7 √(Σ x² y²) with probability
    5e-11 at most (Hoeffding 1963, theorem 2).

    Examples
    --------
    >>> import numpy as np
    >>> W = np.random.default_rng(0).standard_normal((5, 6))
    >>> copies([Tensor("a", W.shape, W, 5), Tensor("b", W.shape, 2 * W.T, 6)])
    {'b': 'it is 2 times the transpose of a'}
    """
    found: dict[str, str] = {}
    seen: dict[int, list[_Profile]] = {}
    for tensor in tensors:
        profile = _Profile(tensor)
        if profile.distinct < FEWEST:
            continue
        others = seen.setdefault(tensor.matrix.size, [])
        phrase = next((phrase for other in others if (phrase := profile.shared_with(other))), None)
        if phrase is None:
            others.append(profile)
        else:
            found[tensor.name] = phrase
    return found


class _Profile:
    """A weight, a sample of its entries, and statistics of magnitudes that no permutation, sign or scale changes."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, matrix = tensor, tensor.matrix
        magnitudes = np.abs(matrix.astype(np.float64))
        self.scale = math.sqrt(float(np.mean(magnitudes**2)))
        ratio = magnitudes / (self.scale or 1.0)
        self.statistics = (float(ratio.mean()), float(np.mean(ratio**4)), float(ratio.max()))
        places = np.linspace(0, matrix.size - 1, min(matrix.size, SAMPLED)).astype(np.intp)
        self.sample, self.turned = (_standard(one.ravel()[places]) for one in (matrix, matrix.T))
        self.distinct = len(np.unique(np.abs(matrix.ravel()[places])))
        self._sorted: Floats | None = None

    @property
    def sorted(self) -> Floats:
        """Magnitudes in ascending order, for a mean square of 1."""
        if self._sorted is None:
            self._sorted = np.sort(np.abs(self.tensor.matrix.astype(np.float64)).ravel()) / self.scale
        return self._sorted

    def shared_with(self, other: "_Profile") -> str | None:
        """What the weight has in common with another one of as many entries; None if the two are independent."""
        permuted = np.allclose(self.statistics, other.statistics, rtol=SAME, atol=0.0) and np.allclose(
            self.sorted, other.sorted, rtol=SAME, atol=SAME**2
        )
        name, shape = other.tensor.name, self.tensor.matrix.shape
        for transposed in (False, True):
            old = other.tensor.matrix.T if transposed else other.tensor.matrix
            if old.shape != shape:
                continue
            what = f"the transpose of {name}" if transposed else name
            cosine = _correlation(self.sample, other.turned if transposed else other.sample)
            if permuted or cosine is not None:
                if (
                    phrase := _exactly(self.tensor.matrix.astype(np.float64), old.astype(np.float64), what)
                ) is not None:
                    return phrase
                if cosine is not None:
                    return f"its entries are correlated with the entries of {what} ({cosine:.2f})"
        return f"its entries are the entries of {name} in another order" if permuted else None


def _exactly(new: Floats, old: Floats, what: str) -> str | None:
    """How a matrix is made from another one, place by place and up to rounding."""
    tolerance = 2.0 ** (2 - min(mantissa_bits(new), mantissa_bits(old)))
    factor = float(np.vdot(old, new) / np.vdot(old, old))
    if np.allclose(new, factor * old, rtol=tolerance, atol=1e-3 * tolerance * float(np.abs(new).max())):
        return f"it is equal to {what}" if abs(factor - 1.0) < tolerance else f"it is {factor:.4g} times {what}"
    if np.allclose(np.abs(new), np.abs(old), rtol=tolerance):
        return f"it is {what} with other signs"
    return None


def _correlation(x: Floats, y: Floats) -> float | None:
    """The cosine of two samples, if it is significant."""
    squares = float(np.vdot(x * x, y * y))
    product = float(np.vdot(x, y))
    return product / len(x) if abs(product) > SIGNIFICANT * math.sqrt(squares) else None


def _standard(entries: Reals) -> Floats:
    """Entries with mean 0 and mean square 1; zeros if they are constant."""
    centred: Floats = entries.astype(np.float64)
    centred -= centred.mean()
    size = math.sqrt(float(np.mean(centred**2)))
    return centred / size if size > 0 else centred
