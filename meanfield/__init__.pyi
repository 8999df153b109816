"""The public names, for type checkers: `__init__.py` loads each from its module when it is first used."""

from meanfield._version import __version__
from meanfield.activations.activation import Activation
from meanfield.activations.catalogue.table import catalogue
from meanfield.activations.duals import dual, hermite_coefficients
from meanfield.activations.expectations import expectation, moment, pair_expectation
from meanfield.activations.gains import calculate_gain, gain, gains
from meanfield.activations.resolve import activation
from meanfield.cross_check.check_weights import WeightCheck, check_weights
from meanfield.cross_check.crosscheck import crosscheck
from meanfield.cross_check.result import CrossCheck
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
from meanfield.estimates import Estimate
from meanfield.initializers.initializer import Initializer
from meanfield.initializers.resolve import initializer, schemes
from meanfield.initializers.scheme_table import scheme_table
from meanfield.montecarlo.jacobian import jacobian
from meanfield.montecarlo.simulate import simulate
from meanfield.montecarlo.simulation import Simulation
from meanfield.networks.block import mlp
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.groupnorm import GroupNorm
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.parallel import Parallel
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool
from meanfield.networks.layers.residual import Residual
from meanfield.networks.layers.scale import Scale
from meanfield.networks.layers.stochastic_depth import StochasticDepth
from meanfield.networks.text.text import network, written
from meanfield.recommendation.recommend import recommend
from meanfield.recommendation.recommendation import Recommendation
from meanfield.samples import Sample
from meanfield.shaping.transform import transform
from meanfield.shaping.transformed import TransformedActivation
from meanfield.theory.criticality.deepest import Deepest
from meanfield.theory.criticality.line import CriticalLine, critical_line
from meanfield.theory.criticality.point import CriticalPoint, critical_point
from meanfield.theory.depth.fourier_modes import ModeDepthScales, mode_depth_scales
from meanfield.theory.depth.nngp_kernel import kernel
from meanfield.theory.depth.ntk import ntk
from meanfield.theory.depth.pixels import PixelTrajectory, propagate_pixels
from meanfield.theory.depth.propagate import propagate
from meanfield.theory.depth.trajectory import Trajectory
from meanfield.theory.embeddings import Embedding, embedding
from meanfield.theory.fixed_points.analysis import Analysis, analyze
from meanfield.theory.fixed_points.stability import FixedPoint
from meanfield.theory.fixed_points.variance import fixed_points
from meanfield.theory.fluctuations.fluctuations import Fluctuations, fluctuations
from meanfield.theory.phase_diagram.diagram import PhaseDiagram, phase_diagram
from meanfield.theory.recurrence.forget_bias import forget_bias
from meanfield.theory.spectrum.isometry import Isometry, isometry
from meanfield.theory.spectrum.law import Spectrum
from meanfield.theory.spectrum.lyapunov import Lyapunov, lyapunov
from meanfield.theory.spectrum.spectrum import spectrum
from meanfield.theory.variance_and_correlation_map import correlation_map, variance_map
from meanfield.weights.input_statistics import InputStatistics, input_statistics
from meanfield.weights.measure import measure
from meanfield.weights.measurement import Measurement, Measurements

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
    "Embedding",
    "Estimate",
    "FixedPoint",
    "Flatten",
    "Fluctuations",
    "Gated",
    "GlobalAveragePool",
    "GroupNorm",
    "InfiniteDerivative",
    "Initializer",
    "InputStatistics",
    "InvalidInput",
    "Isometry",
    "Layer",
    "LayerNorm",
    "Lyapunov",
    "MeanFieldError",
    "Measurement",
    "Measurements",
    "ModeDepthScales",
    "MultiplicativeNoise",
    "Network",
    "NoFixedPoint",
    "NotConverged",
    "Parallel",
    "PhaseDiagram",
    "PixelTrajectory",
    "RMSNorm",
    "Recommendation",
    "Residual",
    "Sample",
    "Scale",
    "Simulation",
    "Spectrum",
    "StochasticDepth",
    "Trajectory",
    "TransformedActivation",
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
    "embedding",
    "expectation",
    "fixed_points",
    "fluctuations",
    "forget_bias",
    "gain",
    "gains",
    "hermite_coefficients",
    "initializer",
    "input_statistics",
    "isometry",
    "jacobian",
    "kernel",
    "lyapunov",
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
    "spectrum",
    "transform",
    "variance_map",
    "written",
]
