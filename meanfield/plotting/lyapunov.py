"""Quantiles of the exponents of infinitely deep networks."""

import numpy as np

from meanfield._types import Axes
from meanfield.plotting.axes import COLOURS, axes_for, drawing
from meanfield.plotting.fields import ExponentFields

POINTS = 200


@drawing
def plot_lyapunov(lyapunov: ExponentFields, ax: Axes = None, *, label: str | None = None) -> Axes:
    """Draw the exponents ln λ/L against the share of the singular values below them.

    Parameters
    ----------
    lyapunov : Lyapunov
        Result of `meanfield.lyapunov`.
    ax : matplotlib Axes, optional
        Where to draw; None makes a figure.
    label : str, optional
        In the legend; by default the block.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import meanfield as mf
    >>> plot_lyapunov(mf.lyapunov("linear")).get_xlabel()
    'share of the singular values'
    """
    ax = axes_for(ax)
    u = 0.5 - 0.5 * np.cos(np.pi * (np.arange(POINTS) + 0.5) / POINTS)
    values = np.asarray(lyapunov.quantile(u).value, dtype=np.float64)
    colour = COLOURS[len(ax.get_lines()) % len(COLOURS)]
    ax.plot(u, np.where(np.isfinite(values), values, np.nan), color=colour, label=label or lyapunov.label)
    ax.set(xlabel="share of the singular values", ylabel=r"exponent $\ln\lambda/L$", xlim=(0, 1))
    ax.legend(frameon=False, fontsize="small")
    return ax
