"""An activation, its derivative, its breakpoints and the Gaussian density of the pre-activation."""

from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Axes, Floats
from meanfield.errors import InvalidInput, shown
from meanfield.plotting.axes import COLOURS, GREY, axes_for, drawing, legend_above, plain
from meanfield.plotting.fields import ActivationFields


@drawing
def plot_activation(activation: ActivationFields, ax: Axes = None, *, q: float = 1.0) -> Axes:
    """Draw φ and φ′ over ±4 standard deviations of the pre-activation, and its density in grey.

    Parameters
    ----------
    activation : Activation
        An activation, made by `meanfield.activation`.
    ax : matplotlib Axes, optional
        Where to draw; None makes a figure.
    q : float
        Second moment of the pre-activation, > 0.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidInput
        If `q` is not positive and finite.

    Examples
    --------
    >>> import meanfield as mf
    >>> plot_activation(mf.activation("relu")).get_xlabel()
    'pre-activation $x$ (grey: its density, $q = 1$)'
    """
    if not (np.isfinite(q) and q > 0):
        raise InvalidInput(f"q must be positive and finite, not {shown(q)}")
    ax = axes_for(ax)
    end = 4.0 * float(np.sqrt(q))
    breaks = [b for b in activation.breakpoints if abs(b) < end]
    pieces = [(low, high) for low, high in zip([-end, *breaks], [*breaks, end], strict=True) if high > low]
    for function, colour, dash, label in (
        (activation, COLOURS[0], "-", r"$\phi$"),
        (activation.derivative, COLOURS[1], "--", r"$\phi'$"),
    ):
        x, values = _curve(function, pieces)
        ax.plot(x, values, color=colour, linestyle=dash, linewidth=1.8, label=label)
    for i, b in enumerate(breaks):
        ax.axvline(b, color=GREY, linewidth=0.8, linestyle=":", label="breakpoint" if i == 0 else None)
    low, high = ax.get_ylim()
    x = np.linspace(-end, end, 301)
    weight = np.exp(-(x**2) / (2 * q))
    ax.fill_between(x, low, low + 0.3 * (high - low) * weight, color="#dddddd", zorder=0, linewidth=0)
    ax.set(xlim=(-end, end), ylim=(low, high), xlabel=f"pre-activation $x$ (grey: its density, $q = {q:g}$)")
    legend_above(ax, plain(activation.name), 3)
    return ax


def _curve(function: Callable[[ArrayLike], Floats], pieces: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    """Sample the function on the interior of each piece; NaN between pieces keeps jumps open."""
    xs: list[ArrayLike] = []
    values: list[ArrayLike] = []
    for low, high in pieces:
        inside = 1e-9 * (high - low)
        x = np.linspace(low + inside, high - inside, 400)
        xs += [x, [high]]
        values += [function(x), [np.nan]]
    return np.concatenate(xs), np.concatenate(values)


class Drawn:
    """What an activation is as a figure."""

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw φ and φ′ over ±4 standard deviations of pre-activations with q = 1; returns the Axes.

        `title`, or else `label`, takes the place of the name above the figure.
        """
        ax = plot_activation(cast(ActivationFields, self), ax)
        if (heading := label if title is None else title) is not None:
            ax.get_legend().get_title().set_text(heading)
        return ax
