"""Fluctuations over random networks by layer: standard deviations of the logarithms of signal and gradient."""

import numpy as np

from meanfield._types import Axes
from meanfield.plotting.axes import COLOURS, axes_for, drawing
from meanfield.plotting.fields import FluctuationsFields


@drawing
def plot_fluctuations(fluctuations: FluctuationsFields, ax: Axes = None, *, label: str | None = None) -> Axes:
    """Draw how much ln q and the logarithm of the squared gradient vary between networks, layer by layer.

    Parameters
    ----------
    fluctuations : Fluctuations
        Result of `meanfield.fluctuations`.
    ax : matplotlib Axes, optional
        Where to draw; None makes a figure.
    label : str, optional
        Put before the names of the two lines.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import meanfield as mf
    >>> ax = plot_fluctuations(mf.fluctuations("tanh", 20, 256))
    >>> [line.get_label() for line in ax.lines]
    ['second moment $q$', 'squared gradient']
    """
    ax = axes_for(ax)
    layers = np.arange(len(fluctuations.var_log_q))
    colour = COLOURS[len(ax.get_lines()) // 2 % len(COLOURS)]
    lines = {"second moment $q$": fluctuations.var_log_q, "squared gradient": fluctuations.var_log_gradient}
    for (name, variance), dashes in zip(lines.items(), ("--", "-"), strict=True):
        named = name if label is None else f"{label}: {name}"
        ax.plot(layers, np.sqrt(variance), color=colour, linestyle=dashes, label=named)
    ax.locator_params(axis="x", integer=True)
    ax.set(xlabel="layer", ylabel="standard deviation of the logarithm", xlim=(0, layers[-1]))
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, fontsize="small")
    return ax
