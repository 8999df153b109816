"""The critical line χ₁ = 1, on which gradients neither vanish nor explode."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Axes, Bools, Floats
from meanfield.arguments import flag, positive
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.networks.images import without_tokens
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.reports.nonfinite import Explained, Reasons
from meanfield.reports.numbers import number
from meanfield.reports.report import Report, Table
from meanfield.theory.assumptions.block import Block, weighted
from meanfield.theory.assumptions.surrogates import with_surrogates
from meanfield.theory.assumptions.tokens import of_tokens, one_start
from meanfield.theory.criticality.curve import critical_curve
from meanfield.theory.criticality.deepest import Deepest, correlation_scale, deepest
from meanfield.theory.criticality.line_from_curve import line_from_curve
from meanfield.theory.criticality.line_from_sweep import line_from_sweep
from meanfield.theory.criticality.line_of_tokens import line_of_tokens
from meanfield.theory.criticality.no_critical_line import carried, noise, why_no_rows
from meanfield.theory.fixed_points.analysis import described_tokens
from meanfield.theory.fixed_points.mlp_moments import mlp_moments

__all__ = ["CriticalLine", "critical_line"]


@dataclass(frozen=True, repr=False)
class CriticalLine(Explained):
    """Solutions of χ₁ = 1, one row each; ascending in sigma_b, then in q.

    Attributes
    ----------
    sigma_b, sigma_w : ndarray, shape (rows,)
        Standard deviations of biases and of weights (times √fan_in).
    q : ndarray
        Second moment that the block reproduces there; 0 where the critical signal dies out more slowly than
        exponentially.
    chi_parallel : ndarray
        dq′/dq there.
    stable : ndarray of bool
        Whether q returns to that value, so that a deep network settles there.
    error : ndarray
        Bound on the error of `sigma_w`.
    xi_c : ndarray
        Depth scale of the correlation there, in layers: inf, unless noise parts equal inputs or gradients pass through
        a surrogate.
    reason : str
        One sentence that says why this is no critical line: it has no rows, or correlations decay although χ₁ = 1. ""
        if it is one.
    deepest : Deepest or None
        Where there is a reason: the sigma_w for each sigma_b asked for at which signals carry deepest, computed when it
        is first looked at. None where there is no reason, and where gradients grow whatever sigma_w is.
    """

    sigma_b: Floats
    sigma_w: Floats
    q: Floats
    chi_parallel: Floats
    stable: Bools
    error: Floats
    reason: str = ""
    _asked: "_Asked | None" = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.q)

    def reasons(self) -> Mapping[str, Reasons]:
        """Why numbers may be infinite, by field."""
        return {"xi_c": [(True, "on the critical line correlations settle more slowly than exponentially")]}

    more = ("xi_c", "deepest")

    def report(self) -> Report:
        """One row for each solution, and why this is no critical line where it is none."""
        if not len(self):
            found: list[str | Table] = [
                f"The critical line has no point at these sigma_b{f': {self.reason}' if self.reason else '.'}"
            ]
        else:
            columns = ("sigma_b", "sigma_w", "q", "chi_parallel", "q is", "error of sigma_w", "xi_c")
            rows = zip(
                map(number, self.sigma_b),
                (f"{value:.12g}" for value in self.sigma_w),
                (f"{value:.10g}" for value in self.q),
                map(number, self.chi_parallel),
                ("stable" if stable else "not stable" for stable in self.stable),
                (f"{error:.1e}" for error in self.error),
                map(number, self.xi_c),
                strict=True,
            )
            shown = len(columns) if self.reason else len(columns) - 1
            table = Table(columns[:shown], tuple(row[:shown] for row in rows))
            found = [self.reason, table] if self.reason else [table]
        return found if self.deepest is None else [*found, "Signals carry deepest at:", *self.deepest.report()]

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw the line in the plane of sigma_w and sigma_b, dashed where q is unstable; returns the Axes."""
        from meanfield.plotting.axes import named
        from meanfield.plotting.critical_lines import plot_critical_lines

        name = r"critical line, $\chi_1 = 1$" if label is None else label
        return named(plot_critical_lines({name: self}, ax), None, title)

    @cached_property
    @own_error_state
    def xi_c(self) -> Floats:
        """Depth scale of the correlation at each row."""
        if self._asked is None or not self._asked.parts or not len(self):
            return np.full(len(self), np.inf)
        networks = self._asked.block.at(sigma_w=self.sigma_w, sigma_b=self.sigma_b)
        if self._asked.tokens is not None:
            return described_tokens(networks, 1.0, *self._asked.tokens).xi_c
        return correlation_scale(networks, self.q, np.ones(len(self)))

    @cached_property
    @own_error_state
    def deepest(self) -> Deepest | None:
        """Where signals carry deepest; None where that is without limit, or nowhere."""
        if self._asked is None or not self.reason or self._asked.tokens is not None or carried(self._asked.block).whole:
            return None
        critical = [self.sigma_w[self.sigma_b == bias] for bias in self._asked.sigma_b]
        return deepest(self._asked.block, self._asked.sigma_b, critical)

    def __getstate__(self) -> dict[str, Any]:  # the block may hold functions that cannot be pickled
        return {**vars(self), "xi_c": self.xi_c, "deepest": self.deepest, "_asked": None}


@dataclass(frozen=True)
class _Asked:
    """The request that a critical line answers, for what is computed later."""

    block: Block
    sigma_b: Floats
    parts: bool  # whether correlations settle at another rate than gradients
    tokens: tuple[int, float] | None = None  # of a sequence: their number, and the correlation that they start from


@own_error_state
def critical_line(
    spec_or_block: Any,
    sigma_b: ArrayLike,
    *,
    stable_only: bool = False,
    tokens: int | None = None,
    token_c: float | None = None,
) -> CriticalLine:
    """Every sigma_w at which gradients keep their size, for given sigma_b.

    Parameters
    ----------
    spec_or_block : str, callable, Activation or Network
        An activation, or a block, whose weighted layers all take the same sigma_w and sigma_b; what they have is not
        used.
    sigma_b : float or array_like
        Standard deviations of the biases, ≥ 0.
    stable_only : bool
        Whether to leave out solutions whose q runs away.
    tokens, token_c
        As in `analyze`: chi_1 is then of the tokens of one sequence, where they settle, and sigma_w is searched from
        0.1 to 10.

    Returns
    -------
    CriticalLine
        One row per solution; a sigma_b can have none, one or several. Of a block whose last layer is its only Dense
        one they are all solutions, of any other those whose q is reached from q = 1.

    Raises
    ------
    InvalidInput
        If `sigma_b` is out of range, the block has no weights or other parameters that are arrays, second moments do
        not determine what it does, or it has a BatchNorm, behind which gradients do not depend on sigma_w.
    InfiniteDerivative
        If the activation jumps.

    References
    ----------
    Hayou, Doucet & Rousseau 2019 (arXiv:1902.06853), proposition 1, for σ_w² E φ′² = 1 with q = σ_b² + V(q)/E φ′².

    Examples
    --------
    >>> import meanfield as mf
    >>> line = mf.critical_line("tanh", 0.05**0.5)
    >>> print(f"{line.sigma_w[0]**2:.10f} {line.q[0]:.10f} {line.stable[0]}")
    1.7609546396 0.5700478816 True

    GELU's critical points have a q that runs away while sigma_b² < 0.1729:

    >>> mf.critical_line("gelu", [0.2, 0.5]).stable
    array([False,  True])

    Under dropout correlations decay even where gradients keep their size; they last longest at another sigma_w:

    >>> line = mf.critical_line(mf.Network("tanh", mf.Dropout(0.1), mf.Dense()), 0.05**0.5)
    >>> print(f"{line.sigma_w[0]:.4f} {line.xi_c[0]:.4f}")
    1.2589 4.5711
    >>> print(f"{line.deepest.sigma_w[0]:.4f} {line.deepest.xi_c[0]:.4f} {line.deepest.depth[0]:.2f}")
    1.3597 4.6763 28.06
    """
    if tokens is not None:
        block = weighted(spec_or_block, "critical_line", of_tokens)
        biases, start = np.unique(positive(sigma_b, "sigma_b", zero=True)), one_start(tokens, token_c)
        flag(stable_only, "stable_only")
        rows = line_of_tokens(block, biases, *start)
        reason = "" if rows.q.size else "at no sigma_w from 0.1 to 10 do tokens settle with chi_1 = 1."
        return CriticalLine(**rows._asdict(), reason=reason, _asked=_Asked(block, biases, True, start))
    without_tokens(token_c)
    block = weighted(spec_or_block, "critical_line")
    if batch_size(block) is not None:
        raise InvalidInput(
            "behind batch normalisation chi_1 does not depend on sigma_w, so there is no critical line: "
            "analyze(block).chi_1 says by what factor gradients grow"
        )
    return line_of(block, np.sort(positive(sigma_b, "sigma_b", zero=True), axis=None), stable_only=stable_only)


def line_of(block: Block, biases: Floats, *, stable_only: bool) -> CriticalLine:
    """The critical line of a checked block at ascending sigma_b."""
    stable_only = flag(stable_only, "stable_only")
    curve = critical_curve(block)
    if curve is not None:
        columns = line_from_curve(curve, biases)
    else:
        columns = line_from_sweep(block, biases[:0] if carried(block).whole else biases)
    kept = columns.stable if stable_only else np.full(columns.q.shape, True)
    noisy, surrogates = "" if mlp_moments(block) else noise(block), with_surrogates(block)
    if columns.q.size == 0:
        why = why_no_rows(block, curve)
        reason = f"{noisy} parts equal inputs, and {why}" if noisy else why
    elif noisy:
        reason = (
            f"{noisy} parts equal inputs, so nothing is critical: where chi_1 = 1 gradients keep their size, but "
            "correlations settle at c* < 1 within the depth scale xi_c."
        )
    elif surrogates:
        reason = (
            f"the gradients of {surrogates} pass through a surrogate, so nothing is critical: where chi_1 = 1 they "
            "keep their size, but correlations settle within the depth scale xi_c."
        )
    else:
        reason = "" if kept.any() else "every solution of chi_1 = 1 has a q that does not return to it."
    shown = {name: column[kept] for name, column in columns._asdict().items()}
    return CriticalLine(**shown, reason=reason, _asked=_Asked(block, biases, bool(noisy or surrogates)))
