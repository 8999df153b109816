"""The gain of a callable with an undeclared kink, to 14 digits; Gauss–Hermite rules have errors near 1e-4.

The function is piecewise linear, so a closed form of its second moment is known for comparison.
"""

import math

import numpy as np

import meanfield as mf

KINK = 1 / 3


def bent(x: np.ndarray) -> np.ndarray:
    return np.maximum(x - 0.3, 0.1 * x)  # the two lines meet at x = 1/3


def exact_gain() -> float:
    density, above = math.exp(-0.5 * KINK**2) / math.sqrt(2 * math.pi), 0.5 * math.erfc(KINK / math.sqrt(2))
    square = KINK * density + above  # E Z² over Z > 1/3
    return (0.01 * (1 - square) + square - 0.6 * density + 0.09 * above) ** -0.5


def hermite_gain(nodes: int) -> float:
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    return float((w @ bent(x) ** 2 / math.sqrt(2 * math.pi)) ** -0.5)


def main() -> dict[str, object]:
    phi = mf.activation(bent)
    gain = mf.gain(phi)
    nodes = np.arange(5, 201, 3)
    return {
        "breakpoints": phi.breakpoints,
        "gain": gain,
        "exact": exact_gain(),
        "nodes": nodes,
        "hermite_error": np.array([abs(hermite_gain(n) / exact_gain() - 1) for n in nodes]),
    }


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    found = main()
    gain = found["gain"]
    print(f"breakpoints found: {found['breakpoints']}")
    print(f"gain {gain.value!r} ± {gain.error:.1e}; exact {found['exact']!r}")
    fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    ax.loglog(found["nodes"], found["hermite_error"], ".", label="Gauss–Hermite, error")
    ax.axhline(gain.error / gain.value, color="C1", label="meanfield, bound on its error")
    ax.set(xlabel="nodes", ylabel="relative error of the gain", title="max(x − 0.3, 0.1x): a kink at 1/3")
    ax.legend()
    fig.savefig("docs/figures/custom_activation.png", dpi=150)
