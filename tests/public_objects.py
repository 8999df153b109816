"""One object of every kind that users of the public names hold."""

from typing import Any

import numpy as np

import meanfield as mf


def public_objects() -> dict[str, Any]:
    """Objects by name: layers, activations, results of every function, and errors of every kind."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(24, 24)) / 24**0.5 for _ in range(2)]
    block = mf.mlp("tanh", 1.3, 0.3)
    noisy = mf.Network("tanh", mf.Dropout(0.1), mf.Dense())
    pixels = mf.Network("tanh", mf.Conv(1.3, 0.3))
    line = mf.critical_line(noisy, [0.1, 0.2])
    small = {"depth": 2, "width": 8, "networks": 2, "c": 0.5, "rng": 0}
    return {
        "activation of a name": mf.activation("leaky_relu", negative_slope=0.2),
        "activation of a formula": mf.activation("x*tanh(x)"),
        "activation of a callable": mf.activation(np.tanh),
        "activation of channels": mf.activation("prelu", init=[0.1, 0.2]),
        "activation with a surrogate": mf.activation("sign", surrogate="exp(-x**2)"),
        "estimate": mf.expectation("exp", [0.5, 1.0]),
        "gains": mf.gains("gelu"),
        "dual": mf.dual("relu"),
        "hermite": mf.hermite_coefficients("tanh", 4),
        "dense": mf.Dense([1.0, 1.3], 0.1),
        "elementwise": mf.Elementwise("tanh"),
        "residual": mf.Residual("relu", mf.Dense(1.4), branch_scale=0.5),
        "parallel": mf.Parallel(mf.Dense(1.4), ["relu", mf.Dense()]),
        "stochastic depth": mf.StochasticDepth("relu", mf.Dense(), rate=0.1),
        "scale": mf.Scale([0.1, 0.2]),
        "dropout": mf.Dropout(0.1),
        "additive noise": mf.AdditiveNoise(0.1),
        "multiplicative noise": mf.MultiplicativeNoise(0.1),
        "gated": mf.Gated("silu"),
        "layer norm": mf.LayerNorm(),
        "group norm": mf.GroupNorm(4),
        "rms norm": mf.RMSNorm(),
        "concatenate": mf.Concatenate("relu", mf.Dense(1.0), growth=0.25),
        "batch norm": mf.BatchNorm(16),
        "convolution": mf.Conv(1.3, weights=[0.25, 0.5, 0.25]),
        "average pool": mf.AveragePool(2),
        "flatten": mf.Flatten(),
        "global average pool": mf.GlobalAveragePool(),
        "attention": mf.Attention(),
        "network": mf.network("residual(layernorm, gelu, dense(1.4), scale=0.2)"),
        "block": block,
        "modes": mf.mode_depth_scales(pixels, 4),
        "pixels": mf.propagate_pixels(pixels, np.eye(4), 1),
        "fixed points": mf.fixed_points(block),
        "fluctuations": mf.fluctuations(block, 2, 64, c=0.5),
        "lyapunov": mf.lyapunov("linear"),
        "isometry": mf.isometry("tanh", 4),
        "spectrum": mf.spectrum("relu", 2, q=1.0, weights="orthogonal"),
        "analysis": mf.analyze(block),
        "embedding": mf.embedding(3, frequencies=10),
        "trajectory": mf.propagate(block, 3, c=0.5),
        "critical line": line,
        "deepest": line.deepest,
        "critical point": mf.critical_point("tanh"),
        "phase diagram": mf.phase_diagram("tanh", [1.0, 1.5], [0.1, 0.2]),
        "recommendation": mf.recommend("tanh", depth=8, width=32),
        "shaped activation": mf.transform("tanh", depth=8),
        "simulation": mf.simulate(block, **small),
        "sample": mf.simulate(block, **small).q,
        "crosscheck": mf.crosscheck(block, **small),
        "check of weights": mf.check_weights(weights, "tanh", networks=8, rng=0),
        "initializer": mf.initializer("he_normal", activation="gelu"),
        "measurement": mf.measure(weights[0]),
        "measurements": mf.measure(weights),
        "inputs": mf.input_statistics(rng.normal(size=(8, 4))),
        "scheme table": mf.scheme_table("tanh", "he_normal", depths=2, width=16),
        "unknown name": mf.UnknownActivation("no activation is called 'geluu'", ("gelu", "elu")),
        "bad function": mf.BadActivation("f is NaN at x = 1", 1.0),
        "not converged": mf.NotConverged("no tolerance was reached", best=mf.gain("relu")),
        "refusal": mf.InvalidInput("q must be finite"),
    }
