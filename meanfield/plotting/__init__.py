"""Figures, one file each: a function of data and Axes that returns the Axes."""

from meanfield.plotting.activation import plot_activation
from meanfield.plotting.correlation_decay import plot_decay
from meanfield.plotting.correlation_map import plot_correlation_map
from meanfield.plotting.critical_lines import plot_critical_lines
from meanfield.plotting.crosscheck import plot_crosscheck
from meanfield.plotting.depth_map import plot_depth_map
from meanfield.plotting.depth_scales import plot_depth_scales
from meanfield.plotting.fluctuations import plot_fluctuations
from meanfield.plotting.lyapunov import plot_lyapunov
from meanfield.plotting.phase_diagram import plot_phase_diagram
from meanfield.plotting.phase_diagrams import plot_phase_diagrams
from meanfield.plotting.signal_propagation import plot_signal
from meanfield.plotting.simulation import plot_simulation
from meanfield.plotting.spectrum import plot_spectrum
from meanfield.plotting.trajectory import plot_propagation, plot_quantity
from meanfield.plotting.variance_map import plot_variance_map

__all__ = [
    "plot_activation",
    "plot_correlation_map",
    "plot_critical_lines",
    "plot_crosscheck",
    "plot_decay",
    "plot_depth_map",
    "plot_depth_scales",
    "plot_fluctuations",
    "plot_lyapunov",
    "plot_phase_diagram",
    "plot_phase_diagrams",
    "plot_propagation",
    "plot_quantity",
    "plot_signal",
    "plot_simulation",
    "plot_spectrum",
    "plot_variance_map",
]
