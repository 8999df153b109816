"""The density of the squared singular values of a Jacobian (Pennington et al. 2017, arXiv:1711.04735, figure 1)."""

import numpy as np

from meanfield._types import Axes
from meanfield.plotting.axes import COLOURS, axes_for, drawing
from meanfield.plotting.fields import SpectrumFields

POINTS = 300  # of a band
LEAST = 0.01  # share of the eigenvalues left out below the drawn range
DECADES = 1e-5  # smallest λ that is drawn, relative to the largest
STEEP = 1.5  # upper end of the axis in 98th percentiles of the density, where the density is infinite at an edge


@drawing
def plot_spectrum(spectrum: SpectrumFields, ax: Axes = None, *, label: str | None = None) -> Axes:
    """Draw the density of ln λ on a logarithmic axis of λ, and each atom above 0 as a stem labelled with its mass.

    Parameters
    ----------
    spectrum : Spectrum
        The spectrum.
    ax : matplotlib Axes, optional
        Where to draw; None makes a figure. Further spectra take the next colours.
    label : str, optional
        In the legend; by default block and depth.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import meanfield as mf
    >>> plot_spectrum(mf.spectrum(mf.mlp("relu", 2**0.5), 4)).get_xscale()
    'log'
    """
    ax = axes_for(ax, (5.2, 3.6))
    colour = COLOURS[len(ax.get_legend_handles_labels()[1]) % len(COLOURS)]
    label = f"{spectrum.label}, depth {spectrum.depth}" if label is None else label
    zero = spectrum.atoms.get(0.0, 0.0)
    if zero:
        label += f", {zero:.3g} at 0"
    tops = [ax.get_ylim()[1] if ax.lines else 0.0]
    for low, high in spectrum.bands:
        ends = np.asarray(spectrum.quantile([zero + LEAST * (1 - zero), 1 - 1e-9]).value)
        a, b = max(low, float(ends[0])), min(high, float(ends[1])) if np.isinf(high) else high
        a = max(a, DECADES * b)
        if not 0 < a < b:
            continue
        angle = np.linspace(0, np.pi, POINTS + 2)[1:-1]
        x = np.exp(0.5 * (np.log(a) + np.log(b)) - 0.5 * (np.log(b) - np.log(a)) * np.cos(angle))
        density = np.asarray(spectrum.density(x, log=True).value)
        ax.plot(x, density, color=colour, linewidth=1.8, label=label)
        tops.append(min(float(density.max()), STEEP * float(np.percentile(density, 98))))
        label = "_nolegend_"
    for place, mass in spectrum.atoms.items():
        if place > 0:
            ax.plot([place, place], [0, mass], color=colour, linewidth=1.8, marker="o", markevery=[1], label=label)
            ax.annotate(f"{mass:.3g}", (place, mass), xytext=(4, 2), textcoords="offset points", fontsize="small")
            label = "_nolegend_"
            tops.append(1.1 * mass)
    ax.set(xscale="log", xlabel=r"$\lambda$, squared singular value", ylabel=r"density of $\ln\lambda$")
    ax.set_ylim(0, 1.05 * max(tops) or None)
    ax.legend(frameon=False, fontsize="small")
    return ax
