"""The law of the first layer of a transformer: token and position tables, patches, class tokens, sinusoids.

Tables have independent entries, so two tokens share the part that they look up in the same row: with the standard
deviations σ_e of tokens and σ_p of positions, E u_i u_j = σ_e² 1{t_i = t_j} + σ_p² 1{i = j}. Sinusoidal positions of
infinite width have the second moments ½(Ci D − Ci(D/b))/ln b at the distance D, and means over units that are not 0.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Axes, Floats
from meanfield.arguments import LARGEST_SIGMA, choice, is_several, number, real, standard_deviation, whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, shown
from meanfield.plotting.axes import axes_for, named
from meanfield.reports.report import Report
from meanfield.reports.result import Result
from meanfield.special_functions import special

__all__ = ["Embedding", "embedding"]

MOST_TOKENS = 10_000
POSITIONS = ("learned", "sinusoidal", "none")
LEAST_BASE = 1.0 + 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class Embedding(Result):
    """The signals of the tokens of a sequence where the first block begins.

    Attributes
    ----------
    covariance : ndarray, shape (tokens, tokens)
        Second moments E u_i u_j over units, as `propagate_pixels` takes them.
    mean : ndarray, shape (tokens,)
        Means over units; 0 but for sinusoidal positions.
    c : float or None
        Correlation of the tokens at one place of two sequences that are drawn independently; None where one sequence
        is given.
    """

    covariance: Floats
    mean: Floats
    c: float | None = None

    @property
    def q(self) -> float:
        """Second moment of a token, the mean over tokens."""
        return float(np.mean(np.diagonal(self.covariance)))

    @property
    def token_c(self) -> float:
        """Correlation of two tokens of the sequence: the mean second moment of pairs over q; nan for one token."""
        tokens = len(self.mean)
        if tokens == 1 or self.q == 0:
            return float("nan")
        apart = self.covariance[~np.eye(tokens, dtype=bool)]
        return float(apart.mean() / self.q)

    @property
    def alike(self) -> bool:
        """Whether all tokens have one second moment and all pairs one correlation, so that q and token_c say all."""
        apart = self.covariance[~np.eye(len(self.mean), dtype=bool)]
        return all(np.ptp(values) <= 1e-12 * self.q for values in (np.diagonal(self.covariance), apart) if values.size)

    @property
    def correlation(self) -> Floats:
        """Correlations of all pairs of tokens; nan where a token is 0."""
        root = np.sqrt(np.diagonal(self.covariance))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.covariance / np.outer(root, root))

    @own_error_state
    def normalised(self, norm: str = "layernorm", *, eps: float = 1e-5) -> "Embedding":
        """The tokens behind a norm that adds `eps` to the variance, or to the second moment for "rmsnorm".

        A small embedding is not brought to 1: behind it q is v/(v + eps).
        """
        v = self._size(norm, eps)
        before = self.covariance - np.outer(self.mean, self.mean) if norm == "layernorm" else self.covariance
        mean = np.zeros(len(v)) if norm == "layernorm" else self.mean / np.sqrt(v)
        return Embedding(before / np.sqrt(np.outer(v, v)), mean, self.c)

    @own_error_state
    def norm_gradient(self, norm: str = "layernorm", *, eps: float = 1e-5) -> Floats:
        """The factor 1/(v + eps) by which this norm multiplies the squared gradient of each token."""
        return np.asarray(1.0 / self._size(norm, eps))

    def _size(self, norm: str, eps: float) -> Floats:
        """What the squared signal of each token is divided by."""
        v = np.diagonal(self.covariance)
        if choice(norm, "norm", ("layernorm", "rmsnorm")) == "layernorm":
            v = np.maximum(v - self.mean**2, 0.0)
        added = number(eps, "eps")
        if not 0 <= added < np.inf:
            raise InvalidInput(f"eps must be a finite number of at least 0, not {shown(eps)}")
        if not np.all(v + added > 0):
            raise InvalidInput("a norm with eps = 0 would divide by zero: a token has the same value in every unit")
        return np.asarray(v + added)

    more = ("q", "token_c", "alike")

    def report(self) -> Report:
        """Second moment and correlation, and whether they say all."""
        told = "all alike" if self.alike else "which differ: propagate_pixels follows their covariance"
        return [f"{len(self.mean)} tokens of second moment {self.q:.6g} and correlation {self.token_c:.6g}, {told}"]

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw the correlations of all pairs of tokens as colours."""
        ax = axes_for(ax)
        image = ax.imshow(np.ma.masked_invalid(self.correlation), cmap="RdBu_r", vmin=-1.0, vmax=1.0)
        ax.figure.colorbar(image, ax=ax, label="correlation")
        ax.set(xlabel="token", ylabel="token")
        return named(ax, None, title or label)

    def __repr__(self) -> str:
        return f"Embedding(tokens={len(self.mean)}, q={self.q:.6g}, token_c={self.token_c:.6g})"


@own_error_state
def embedding(
    tokens: Any,
    *,
    std: float = 0.02,
    frequencies: ArrayLike | None = None,
    patches: tuple[float, float] | None = None,
    positions: str = "learned",
    position_std: float = 0.02,
    base: float = 10_000.0,
    width: int | None = None,
    scale: float = 1.0,
    class_std: float | None = None,
) -> Embedding:
    """Second moments of the tokens of a sequence behind the embedding of a transformer.

    Parameters
    ----------
    tokens : int or sequence of int
        Length of the sequence, or its words as numbers: equal numbers are equal words, which share their embedding.
    std : float
        Standard deviation of the table of words.
    frequencies : int or array_like, optional
        For a length: how often words occur. An integer is the size of a vocabulary of equally frequent words, an array
        has a weight for each word, as ``1 / np.arange(1, 50258)`` for Zipf's law. Each pair of tokens then has the mean
        covariance σ_e² Σ P(v)², although single pairs have all of it or none. Without it all words differ.
    patches : (float, float), optional
        Second moment and correlation of image patches behind their projection, in place of a table of words.
    positions : {"learned", "sinusoidal", "none"}
        Positions that are added: a table, or the sines and cosines of Vaswani et al.
    position_std : float
        Standard deviation of the table of positions.
    base : float
        Largest wavelength of sinusoidal positions over 2π, > 1.
    width : int, optional
        Units, for the sinusoidal positions of this even width; without it those of infinite width.
    scale : float
        Factor of the table of words, √width in the first transformer, T5X and Gemma.
    class_std : float, optional
        Standard deviation of a class token in front, which has a position too: 0 in torchvision's ViT. It counts as one
        of the tokens.

    Returns
    -------
    Embedding

    Raises
    ------
    InvalidInput
        If an argument is out of its range, or arguments contradict each other.

    References
    ----------
    Vaswani et al. 2017 (arXiv:1706.03762), section 3.5; Radford et al. 2019 (GPT-2) for 0.02; Dosovitskiy et al. 2021
    (arXiv:2010.11929), eq. 1, for class tokens.

    Examples
    --------
    GPT-2, whose words follow Zipf's law: LayerNorm's ε of 10⁻⁵ takes 1.2 % of so small a signal, once.

    >>> import numpy as np
    >>> import meanfield as mf
    >>> words = mf.embedding(1024, frequencies=1 / np.arange(1, 50258))
    >>> words
    Embedding(tokens=1024, q=0.0008, token_c=0.00632618)
    >>> print(f"{words.normalised().q:.4f}")
    0.9877

    The class token of a Vision Transformer begins with its position alone, so its gradient grows by 2500 in the first
    norm, and those of patches do not:

    >>> image = mf.embedding(9, patches=(1.0, 0.2), class_std=0.0)
    >>> image.norm_gradient(eps=0.0)[:2].round(4)
    array([2.500e+03, 9.996e-01])
    """
    several = is_several(tokens)
    words = _numbers(tokens) if several else None
    count = len(tokens) if several else whole(tokens, "tokens", MOST_TOKENS)
    e, p = _deviation(std, "std"), _deviation(position_std, "position_std")
    row = e * abs(number(scale, "scale"))
    if not row <= LARGEST_SIGMA:
        raise InvalidInput(f"scale times std must be at most {LARGEST_SIGMA:g}, not {shown(scale)} times {shown(std)}")
    if patches is not None and (several or frequencies is not None):
        raise InvalidInput("patches stand in place of words: give their number as tokens, and no frequencies")
    own, shared, c = row**2, 0.0, None
    if patches is not None:
        own, shared = _patches(patches)
    elif frequencies is not None:
        if several:
            raise InvalidInput("frequencies are for a length: give tokens as an integer, not as words")
        shared = own * _chance_of_equal(frequencies)
    covariance = np.full((count, count), shared)
    if words is not None:
        covariance = own * (words[:, None] == words)
    np.fill_diagonal(covariance, own)
    if class_std is not None:
        covariance[0, :] = covariance[:, 0] = 0.0
        covariance[0, 0] = _deviation(class_std, "class_std") ** 2
    place, mean = _positions(choice(positions, "positions", POSITIONS), count, p, base, width)
    if frequencies is not None and class_std is None:
        apart = place[0, 0]
        c = float((shared + apart) / (own + apart)) if own + apart else None
    return Embedding(covariance + place, mean, c)


def _deviation(value: float, name: str) -> float:
    return float(standard_deviation(number(value, name), name))


def _numbers(tokens: Any) -> Floats:
    words = real(tokens, "tokens", "a length or a sequence of whole numbers")
    if words.ndim != 1 or not np.all(words == np.floor(words)) or words.size > MOST_TOKENS:
        raise InvalidInput(f"tokens must be a length or up to {MOST_TOKENS} whole numbers, not {shown(tokens)}")
    return words


def _patches(patches: tuple[float, float]) -> tuple[float, float]:
    """Second moment and covariance of patches."""
    pair = real(patches, "patches", "a second moment and a correlation")
    if pair.shape != (2,) or not (0 <= pair[0] < np.inf and -1 <= pair[1] <= 1):
        raise InvalidInput(f"patches must be a second moment ≥ 0 and a correlation from -1 to 1, not {shown(patches)}")
    return float(pair[0]), float(pair[0] * pair[1])


def _chance_of_equal(frequencies: ArrayLike) -> float:
    """Σ P(v)², the chance that two words are equal."""
    if not is_several(frequencies):
        return 1.0 / whole(frequencies, "frequencies", 10**9)
    weights = real(frequencies, "frequencies")
    if weights.ndim != 1 or not np.all((weights >= 0) & np.isfinite(weights)) or not weights.max() > 0:
        raise InvalidInput(
            "frequencies must be the size of a vocabulary, or weights ≥ 0 of its words, not all of them 0"
        )
    shares = weights / weights.max()
    return float(np.sum(shares**2) / np.sum(shares) ** 2)


def _positions(kind: str, count: int, std: float, base: float, width: int | None) -> tuple[Floats, Floats]:
    """Second moments between positions 0, 1, … and their means over units."""
    b = number(base, "base")
    if not LEAST_BASE <= b < np.inf:
        raise InvalidInput(f"base must be a finite number > 1, not {shown(base)}")
    if kind != "sinusoidal":
        if width is not None:
            raise InvalidInput('width is of use for positions="sinusoidal" alone')
        return np.eye(count) * (std**2 if kind == "learned" else 0.0), np.zeros(count)
    place = np.arange(count, dtype=np.float64)
    if width is None:
        cosine, sine = _mean_over_wavelengths(place, b)
    else:
        units = whole(width, "width", 10**6, least=2)
        if units % 2:
            raise InvalidInput(f"sinusoidal positions need an even width, not {width}")
        angles = place[:, None] * b ** (-np.arange(0, units, 2) / units)
        cosine, sine = (0.5 * np.mean(wave(angles), axis=1) for wave in (np.cos, np.sin))
    distance = np.abs(place[:, None] - place).astype(int)
    return cosine[distance], cosine + sine


def _mean_over_wavelengths(x: Floats, base: float) -> tuple[Floats, Floats]:
    """½ E cos(xω) and ½ E sin(xω) with ln ω uniform from −ln base to 0."""
    safe = np.where(x == 0, 1.0, x)
    (si, ci), (si_low, ci_low) = special.sici(safe), special.sici(safe / base)
    scale = 0.5 / np.log(base)
    return np.where(x == 0, 0.5, scale * (ci - ci_low)), np.where(x == 0, 0.0, scale * (si - si_low))
