"""Analytic signal propagation in deep networks: gains, fixed points, critical lines and phase diagrams, with their
errors.

Each name is imported from its module when it is first used, so that ``import meanfield`` costs nothing.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "activations.specs": ("activation",),
    "activations.catalogue": ("catalogue",),
    "activations.activation": ("Activation",),
    "activations.expectations": ("expectation", "moment", "pair_expectation"),
    "activations.duals": ("dual", "hermite_coefficients"),
    "theory.gains": ("gain", "gains", "calculate_gain"),
    "networks.layers": ("Dense", "Elementwise", "Layer"),
    "networks.residual": ("Residual",),
    "networks.dropout": ("Dropout",),
    "networks.noise": ("AdditiveNoise", "MultiplicativeNoise"),
    "networks.gated": ("Gated",),
    "networks.normalisation": ("LayerNorm", "RMSNorm"),
    "networks.concatenation": ("Concatenate",),
    "networks.batchnorm": ("BatchNorm",),
    "networks.convolution": ("Conv",),
    "networks.pooling": ("AveragePool", "Flatten", "GlobalAveragePool"),
    "networks.attention": ("Attention",),
    "networks.text": ("network",),
    "theory.fourier_modes": ("mode_depth_scales", "ModeDepthScales"),
    "theory.pixels": ("propagate_pixels", "PixelTrajectory"),
    "networks.network": ("Network", "mlp"),
    "theory.maps": ("variance_map", "correlation_map"),
    "theory.fixed_points": ("fixed_points", "FixedPoint"),
    "theory.stability": ("analyze", "Analysis"),
    "theory.propagation": ("propagate", "Trajectory"),
    "theory.nngp": ("kernel",),
    "theory.tangent": ("ntk",),
    "theory.criticality": ("critical_line", "CriticalLine", "critical_point", "CriticalPoint"),
    "theory.deepest": ("Deepest",),
    "theory.phases": ("phase_diagram", "PhaseDiagram"),
    "theory.recommendation": ("recommend", "Recommendation"),
    "montecarlo.simulation": ("simulate", "Simulation"),
    "verdict": ("crosscheck", "CrossCheck", "check_weights", "WeightCheck"),
    "initializers.schemes": ("initializer", "schemes"),
    "initializers.initializer": ("Initializer",),
    "initializers.measuring": ("measure",),
    "initializers.measurement": ("Measurement", "Measurements"),
    "initializers.inputs": ("input_statistics", "InputStatistics"),
    "initializers.table": ("scheme_table",),
    "estimates": ("Estimate", "Sample"),
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

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'meanfield' has no attribute {name!r}")
    value = getattr(import_module(f"meanfield.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
