"""Theory and simulation by layer, with the rows that disagree marked."""

import numpy as np

from meanfield._types import Axes, Floats
from meanfield.plotting.axes import COLOURS, GREY, axes_for, drawing, legend_above
from meanfield.plotting.fields import CheckFields

LABELS = {
    "q": "$q$",
    "one_minus_c": "$1 - c$",
    "one_minus_token_c": "1 - correlation of tokens",
    "gradient": "squared gradient",
}


@drawing
def plot_crosscheck(check: CheckFields, ax: Axes = None) -> Axes:
    """Draw theory as lines and simulation as points with two standard errors; rings mark failing rows.

    Parameters
    ----------
    check : CrossCheck or WeightCheck
        Result of `meanfield.crosscheck` or `meanfield.check_weights`.
    ax : matplotlib Axes, optional
        Where to draw the quantities; None makes a figure with a second panel, the ratio of simulation to theory.

    Returns
    -------
    Axes
        Axes with the quantities; ``.figure`` is the figure.

    Examples
    --------
    >>> from meanfield.cross_check.crosscheck import crosscheck
    >>> plot_crosscheck(crosscheck("relu", 5, 64, rng=0)).get_yscale()
    'log'
    """
    below = None
    if ax is None:
        ax, below = axes_for(None, (5.6, 5.6), rows=2)
    names = [name for name in LABELS if name in check.z]
    for i, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        rows = [row for row in check.rows if row.quantity == name]
        layer, theory, mean, error, z = np.array(
            [(row.layer, row.theory, row.simulation, row.standard_error, row.z) for row in rows]
        ).T
        fails = np.abs(z) > check.threshold
        ax.plot(layer, theory, color=colour, linewidth=1.2)
        style = {"fmt": "os^"[i], "color": colour, "markersize": 4, "elinewidth": 1.0, "capsize": 2}
        ax.errorbar(layer, mean, 2 * error, label=LABELS[name], **style)
        _ring(ax, layer[fails], mean[fails])
        if below is not None:
            beside = layer + 0.2 * (i - (len(names) - 1) / 2)
            below.errorbar(beside, mean / theory, 2 * error / theory, **style)
            _ring(below, beside[fails], (mean / theory)[fails])
    depth = check.rows[-1].layer
    ax.set(yscale="log", ylabel="line: theory, points: simulation", xlim=(-0.5, depth + 0.5))
    verdict = f"{check.verdict}: p = {check.p_value:.2g}"
    above = legend_above(ax, "", 3).get_window_extent().height * 72 / ax.figure.dpi + 4
    ax.set_title(verdict, loc="right", pad=above, fontsize="medium", color="black" if check.passed else "#b00020")
    ax.xaxis.get_major_locator().set_params(integer=True)
    if below is not None:
        below.axhline(1.0, color=GREY, linewidth=0.8)
        below.set(ylabel="simulation / theory", xlabel="layer")
    else:
        ax.set_xlabel("layer")
    return ax


def _ring(ax: Axes, x: Floats, y: Floats) -> None:
    ax.plot(x, y, "o", markersize=8, markerfacecolor="none", markeredgecolor="#b00020", markeredgewidth=1.0)
