"""What random networks of finite width do around their infinite-width limit, to first order in 1/width."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Axes, Floats
from meanfield.arguments import correlation, positive, whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.networks.layers.network import Network
from meanfield.networks.stack import WIDEST, as_blocks, as_widths, check_widths
from meanfield.reports.nonfinite import Explained, Reasons
from meanfield.reports.numbers import number, thinned
from meanfield.reports.report import Report, Table
from meanfield.theory.fluctuations.families import (
    ENDS,
    NoExpansion,
    ResidualLayer,
    TwoLayerBranch,
    of_one_kind,
    residual_layer,
    why,
)
from meanfield.theory.fluctuations.layers import at_ends, layers_of, read_by, too_large
from meanfield.theory.fluctuations.plain import FirstOrder, plain
from meanfield.theory.fluctuations.residual import residual
from meanfield.theory.fluctuations.two_inputs import OfCorrelation, two_inputs
from meanfield.theory.fluctuations.two_layer_branch import two_layer_branches

__all__ = ["Fluctuations", "fluctuations"]

DEEPEST = 100_000


@dataclass(frozen=True, repr=False)
class Fluctuations(Explained):
    """Fluctuations over random networks by layer, 0 … depth, to first order in 1/width; the first axis is the layer.

    Attributes
    ----------
    q : ndarray
        Second moment of the units at infinite width.
    var_log_q, shift_log_q : ndarray
        Variance of ln q̂, and its mean less ln q, where q̂ is the second moment of a layer's units given the layer
        before. The average of their squares over n units, |h|²/n, has in addition the variance 2/n of its logarithm. Of
        blocks Residual(Dense, φ, Dense) q̂ is |h|²/n itself.
    var_log_gradient, shift_log_gradient : ndarray
        The same of the squared norm of a derivative of the layer in one direction of layer 0. The squared gradient of
        one output with respect to layer 0 has the same variance.
    var_log_jacobian : ndarray
        Variance of the logarithm of the Jacobian's squared Frobenius norm.
    correlation : ndarray
        Correlation of ln q̂ and the logarithm of the squared derivative.
    c, var_c, shift_c : ndarray or None
        The correlation of two inputs at infinite width, its variance and its mean less c; None without `c`.
    widths : tuple of int
        Units of layers 0 … depth.
    valid : bool
        Whether the first order is enough: no variance of a logarithm exceeds 0.3.
    reason : str
        If not, why, in a sentence.
    per_unit : ndarray
        Variance of the last layer's log-gradient, times the width, if all layers have the same width.
    """

    q: Floats
    var_log_q: Floats
    shift_log_q: Floats
    var_log_gradient: Floats
    shift_log_gradient: Floats
    var_log_jacobian: Floats
    correlation: Floats
    c: Floats | None
    var_c: Floats | None
    shift_c: Floats | None
    widths: tuple[int, ...]
    valid: bool
    reason: str
    per_unit: float

    def width_for(self, relative: float = 0.1) -> int:
        """The width, the same for all layers, at which the log-gradient of the last has standard deviation `relative`.

        Raises
        ------
        InvalidInput
            If no expansion is known for the block, or `relative` is not positive.
        """
        allowed = _one(positive(relative, "relative"), "relative")
        if not math.isfinite(self.per_unit):
            raise InvalidInput(f"no width can be given: {self.reason or 'gradients are infinite, since φ jumps'}")
        width = self.per_unit / allowed / allowed
        if not width < WIDEST:
            raise InvalidInput(f"a standard deviation of {allowed:g} needs more than {WIDEST:g} units")
        return max(1, math.ceil(width * (1 - 1e-12)))

    def report(self) -> Report:
        """Standard deviations and shifts of about twenty layers."""
        columns = {
            "q": self.q,
            "sd of ln q": np.sqrt(self.var_log_q),
            "shift": self.shift_log_q,
            "sd of ln gradient": np.sqrt(self.var_log_gradient),
            "shift ": self.shift_log_gradient,
        }
        if self.c is not None and self.var_c is not None:
            columns |= {"c": self.c, "sd of c": np.sqrt(self.var_c)}
        rows = tuple(
            (str(layer), *(number(values[layer]) for values in columns.values())) for layer in thinned(len(self.q) - 1)
        )
        told = [self.reason] if self.reason else []
        return [Table(("layer", *columns), rows), *told]

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw the standard deviations of ln q and of the logarithm of the squared gradient by layer."""
        from meanfield.plotting.axes import named
        from meanfield.plotting.fluctuations import plot_fluctuations

        return named(plot_fluctuations(self, ax, label=label), None, title)

    def reasons(self) -> Mapping[str, Reasons]:
        """Why numbers may be infinite or nan, by field."""
        shift = "no shift is known for residual layers"
        known = bool(np.isfinite(self.var_log_q).any())
        jumps = (
            known and not np.isfinite(self.var_log_gradient).any(),
            "the activation jumps, so gradients are infinite",
        )
        every = [jumps, (True, self.reason or shift)]
        return dict.fromkeys((*FirstOrder._fields, "c", "var_c", "shift_c"), every)


@own_error_state
def fluctuations(
    block: Any,
    depth: int,
    width: int | Sequence[int],
    *,
    q: ArrayLike = 1.0,
    c: ArrayLike | None = None,
    q2: ArrayLike | None = None,
) -> Fluctuations:
    """Variances and shifts of signals, gradients and correlations over random Gaussian networks of finite width.

    Parameters
    ----------
    block : Network, activation, or list of them
        With scalar sigmas: activations and Dense layers, or one residual layer whose branch is (φ, Dense) or (Dense, φ,
        Dense). A bare activation means ``mlp(activation)``; a list gives one block a layer. No expansion is known for
        other blocks: `valid` is then False and says so.
    depth : int
        Number of layers, ≥ 1.
    width : int or sequence of int
        Units of all layers, or of layers 0 … depth. Dense layers inside a block have the width of the layer behind it.
    q : float
        Second moment of the units at layer 0, > 0, exactly: it does not fluctuate.
    c : float, optional
        Correlation of two inputs there, between −1 and 1, for `var_c` and `shift_c`; of plain blocks.
    q2 : float, optional
        Second moment of the second input; `q` by default.

    Returns
    -------
    Fluctuations

    Raises
    ------
    InvalidInput
        If an argument is out of range or an array.

    References
    ----------
    Hanin & Nica 2019 (arXiv:1812.05994), theorem 1, for ReLU; Roberts, Yaida & Hanin 2022 (arXiv:2106.10165), chapters
    4 and 9.

    Examples
    --------
    Fluctuations of ReLU networks grow with depth over width, by 5/n a layer (Hanin 2018, arXiv:1801.03744):

    >>> import meanfield as mf
    >>> f = mf.fluctuations(mf.mlp("relu", 2**0.5), 10, 500)
    >>> round(float(f.var_log_gradient[-1]), 12), f.width_for(0.1)
    (0.1, 5000)
    """
    depth = whole(depth, "depth", DEEPEST)
    blocks, widths = as_blocks(block, depth), as_widths(width, depth)
    check_widths(blocks, widths)
    if (shape := Network(*blocks).shape) != ():
        raise InvalidInput(f"fluctuations takes one sigma_w and sigma_b, not arrays of shape {shape}")
    start, second = _one(positive(q, "q"), "q"), _one(positive(q if q2 is None else q2, "q2"), "q2")
    at = None if c is None else _one(correlation(c), "c")
    each = blocks * (depth // len(blocks))
    of_c = None
    try:
        found, per_unit = _expanded(each, start, widths)
        reason = too_large(found)
    except ENDS as error:
        found, per_unit, reason = _unknown(depth), math.nan, why(error)
    if at is not None:
        try:
            of_c = _of_two(each, start, second, at, widths)
        except ENDS as error:
            of_c, reason = OfCorrelation(*np.full((3, depth + 1), np.nan)), reason or why(error)
    pair = of_c._asdict() if of_c else dict.fromkeys(OfCorrelation._fields)
    return Fluctuations(**found._asdict(), **pair, widths=widths, valid=not reason, reason=reason, per_unit=per_unit)


def _one(value: Floats, name: str) -> float:
    if value.ndim:
        raise InvalidInput(f"fluctuations takes one {name}, not an array of shape {value.shape}")
    if value == 0 and name != "c":
        raise InvalidInput(f"{name} must be positive: a signal that is 0 has no relative fluctuations")
    return float(value)


def _expanded(blocks: tuple[Network, ...], q: float, widths: tuple[int, ...]) -> tuple[FirstOrder, float]:
    """The expansion by block, and the last variance of the log-gradient times the width if all widths are equal."""
    kinds = [residual_layer(block) for block in blocks]
    read = 1.0 / np.array(widths[:-1], dtype=np.float64)
    if any(isinstance(kind, ResidualLayer) for kind in kinds):
        streams = of_one_kind(tuple(kinds), ResidualLayer)
        found = residual(streams, q, read)
    elif any(kind is not None for kind in kinds):
        found = two_layer_branches(of_one_kind(tuple(kinds), TwoLayerBranch), q, read)
    else:
        layers, ends = layers_of(blocks)
        found = at_ends(plain(layers, q, read_by(blocks, widths)), ends)
        alike = at_ends(plain(layers, q, np.ones(len(layers))), ends)
        return found, float(alike.var_log_gradient[-1])
    return found, float(found.var_log_gradient[-1] / read[0])


def _of_two(blocks: tuple[Network, ...], q: float, q2: float, c: float, widths: tuple[int, ...]) -> OfCorrelation:
    if any(residual_layer(block) is not None for block in blocks):
        raise NoExpansion("the expansion of correlations knows plain blocks only")
    layers, ends = layers_of(blocks)
    found = two_inputs(layers, q, q2, c, read_by(blocks, widths))
    return OfCorrelation(*(column[ends] for column in found))


def _unknown(depth: int) -> FirstOrder:
    return FirstOrder(*np.full((len(FirstOrder._fields), depth + 1), np.nan))
