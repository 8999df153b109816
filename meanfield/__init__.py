"""Analytic signal propagation in deep networks: gains, fixed points, critical lines and phase diagrams, with their
errors.

Each name is imported from its module when it is first used, so that ``import meanfield`` costs nothing.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "activations.resolve": ("activation",),
    "activations.catalogue.table": ("catalogue",),
    "activations.activation": ("Activation",),
    "activations.expectations": ("expectation", "moment", "pair_expectation"),
    "activations.duals": ("dual", "hermite_coefficients"),
    "activations.gains": ("gain", "gains", "calculate_gain"),
    "networks.layers.base": ("Layer",),
    "networks.layers.dense": ("Dense",),
    "networks.layers.elementwise": ("Elementwise",),
    "networks.layers.residual": ("Residual",),
    "networks.layers.parallel": ("Parallel",),
    "networks.layers.scale": ("Scale",),
    "networks.layers.stochastic_depth": ("StochasticDepth",),
    "networks.layers.dropout": ("Dropout",),
    "networks.layers.noise": ("AdditiveNoise", "MultiplicativeNoise"),
    "networks.layers.gated": ("Gated",),
    "networks.layers.normalisation": ("LayerNorm", "RMSNorm"),
    "networks.layers.groupnorm": ("GroupNorm",),
    "networks.layers.concatenation": ("Concatenate",),
    "networks.layers.batchnorm": ("BatchNorm",),
    "networks.layers.convolution": ("Conv",),
    "networks.layers.pooling": ("AveragePool", "Flatten", "GlobalAveragePool"),
    "networks.layers.attention": ("Attention",),
    "networks.text.text": ("network", "written"),
    "theory.depth.fourier_modes": ("mode_depth_scales", "ModeDepthScales"),
    "theory.depth.pixels": ("propagate_pixels", "PixelTrajectory"),
    "networks.layers.network": ("Network",),
    "networks.block": ("mlp",),
    "theory.variance_and_correlation_map": ("variance_map", "correlation_map"),
    "theory.fixed_points.stability": ("FixedPoint",),
    "theory.fixed_points.variance": ("fixed_points",),
    "theory.fixed_points.analysis": ("analyze", "Analysis"),
    "theory.embeddings": ("Embedding", "embedding"),
    "theory.recurrence.forget_bias": ("forget_bias",),
    "theory.depth.propagate": ("propagate",),
    "theory.depth.trajectory": ("Trajectory",),
    "theory.depth.nngp_kernel": ("kernel",),
    "theory.depth.ntk": ("ntk",),
    "theory.spectrum.spectrum": ("spectrum",),
    "theory.spectrum.law": ("Spectrum",),
    "theory.spectrum.lyapunov": ("lyapunov", "Lyapunov"),
    "theory.spectrum.isometry": ("isometry", "Isometry"),
    "montecarlo.jacobian": ("jacobian",),
    "theory.fluctuations.fluctuations": ("fluctuations", "Fluctuations"),
    "theory.criticality.line": ("critical_line", "CriticalLine"),
    "theory.criticality.point": ("critical_point", "CriticalPoint"),
    "theory.criticality.deepest": ("Deepest",),
    "theory.phase_diagram.diagram": ("phase_diagram", "PhaseDiagram"),
    "shaping.transform": ("transform",),
    "shaping.transformed": ("TransformedActivation",),
    "recommendation.recommend": ("recommend",),
    "recommendation.recommendation": ("Recommendation",),
    "montecarlo.simulate": ("simulate",),
    "montecarlo.simulation": ("Simulation",),
    "cross_check.crosscheck": ("crosscheck",),
    "cross_check.result": ("CrossCheck",),
    "cross_check.check_weights": ("check_weights", "WeightCheck"),
    "initializers.resolve": ("initializer", "schemes"),
    "initializers.initializer": ("Initializer",),
    "weights.measure": ("measure",),
    "weights.measurement": ("Measurement", "Measurements"),
    "weights.input_statistics": ("input_statistics", "InputStatistics"),
    "initializers.scheme_table": ("scheme_table",),
    "estimates": ("Estimate",),
    "samples": ("Sample",),
    "errors": (
        "MeanFieldError",
        "InvalidInput",
        "UnknownActivation",
        "BadActivation",
        "DivergentExpectation",
        "InfiniteDerivative",
        "NoFixedPoint",
        "NotConverged",
    ),
    "_version": ("__version__",),
}
_HOME = {name: module for module, names in _PUBLIC.items() for name in names}

_MODULES = ("blocks", "jax", "keras", "plotting", "torch")

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"meanfield.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'meanfield' has no attribute {name!r}")
    value = getattr(import_module(f"meanfield.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
