"""The public names, for type checkers: `__init__.py` loads each from its module when it is first used."""

from meanfield._version import __version__
from meanfield.activations.activation import Activation
from meanfield.activations.catalogue import catalogue
from meanfield.activations.duals import dual, hermite_coefficients
from meanfield.activations.expectations import expectation, moment, pair_expectation
from meanfield.activations.specs import activation
from meanfield.errors import (
    BadActivation,
    DivergentExpectation,
    InfiniteDerivative,
    InvalidInput,
    MeanFieldError,
    NoFixedPoint,
    NotConverged,
    UnknownActivation,
)
from meanfield.estimates import Estimate, Sample
from meanfield.initializers.initializer import Initializer
from meanfield.initializers.inputs import InputStatistics, input_statistics
from meanfield.initializers.measurement import Measurement, Measurements
from meanfield.initializers.measuring import measure
from meanfield.initializers.schemes import initializer, schemes
from meanfield.initializers.table import scheme_table
from meanfield.montecarlo.simulation import Simulation, simulate
from meanfield.networks.attention import Attention
from meanfield.networks.batchnorm import BatchNorm
from meanfield.networks.concatenation import Concatenate
from meanfield.networks.convolution import Conv
from meanfield.networks.dropout import Dropout
from meanfield.networks.gated import Gated
from meanfield.networks.layers import Dense, Elementwise, Layer
from meanfield.networks.network import Network, mlp
from meanfield.networks.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.networks.normalisation import LayerNorm, RMSNorm
from meanfield.networks.pooling import AveragePool, Flatten, GlobalAveragePool
from meanfield.networks.residual import Residual
from meanfield.networks.text import network
from meanfield.theory.criticality import CriticalLine, CriticalPoint, critical_line, critical_point
from meanfield.theory.deepest import Deepest
from meanfield.theory.fixed_points import FixedPoint, fixed_points
from meanfield.theory.fourier_modes import ModeDepthScales, mode_depth_scales
from meanfield.theory.gains import calculate_gain, gain, gains
from meanfield.theory.maps import correlation_map, variance_map
from meanfield.theory.nngp import kernel
from meanfield.theory.phases import PhaseDiagram, phase_diagram
from meanfield.theory.pixels import PixelTrajectory, propagate_pixels
from meanfield.theory.propagation import Trajectory, propagate
from meanfield.theory.recommendation import Recommendation, recommend
from meanfield.theory.stability import Analysis, analyze
from meanfield.theory.tangent import ntk
from meanfield.verdict import CrossCheck, WeightCheck, check_weights, crosscheck

__all__ = [
    "Activation",
    "AdditiveNoise",
    "Analysis",
    "Attention",
    "AveragePool",
    "BadActivation",
    "BatchNorm",
    "Concatenate",
    "Conv",
    "CriticalLine",
    "CriticalPoint",
    "CrossCheck",
    "Deepest",
    "Dense",
    "DivergentExpectation",
    "Dropout",
    "Elementwise",
    "Estimate",
    "FixedPoint",
    "Flatten",
    "Gated",
    "GlobalAveragePool",
    "InfiniteDerivative",
    "Initializer",
    "InputStatistics",
    "InvalidInput",
    "Layer",
    "LayerNorm",
    "MeanFieldError",
    "Measurement",
    "Measurements",
    "ModeDepthScales",
    "MultiplicativeNoise",
    "Network",
    "NoFixedPoint",
    "NotConverged",
    "PhaseDiagram",
    "PixelTrajectory",
    "RMSNorm",
    "Recommendation",
    "Residual",
    "Sample",
    "Simulation",
    "Trajectory",
    "UnknownActivation",
    "WeightCheck",
    "__version__",
    "activation",
    "analyze",
    "calculate_gain",
    "catalogue",
    "check_weights",
    "correlation_map",
    "critical_line",
    "critical_point",
    "crosscheck",
    "dual",
    "expectation",
    "fixed_points",
    "gain",
    "gains",
    "hermite_coefficients",
    "initializer",
    "input_statistics",
    "kernel",
    "measure",
    "mlp",
    "mode_depth_scales",
    "moment",
    "network",
    "ntk",
    "pair_expectation",
    "phase_diagram",
    "propagate",
    "propagate_pixels",
    "recommend",
    "scheme_table",
    "schemes",
    "simulate",
    "variance_map",
]
