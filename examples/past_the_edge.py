"""Past its edge of chaos a tanh network is chaotic; the signals of ReLU and GELU networks grow without limit there.

GELU networks with small biases have no edge: q diverges while chi_1 is still well below 1, because q is unstable on
that part of the critical line. Poole et al. 2016 (arXiv:1606.05340), figure 1, for three activations.
"""

import numpy as np

import meanfield as mf

NAMES = ("tanh", "relu", "gelu")


def main(resolution: int = 16) -> dict[str, dict[str, object]]:
    sigma_w, sigma_b = np.linspace(0.5, 3.0, 2 * resolution + 1), np.linspace(0.0, 1.0, resolution + 1)
    return {
        "diagrams": {name: mf.phase_diagram(name, sigma_w, sigma_b) for name in NAMES},
        "lines": {name: mf.critical_line(name, np.linspace(0.0, 1.0, 101)) for name in NAMES},
    }


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    from meanfield.plotting import plot_phase_diagrams

    found = main(resolution=60)
    for name, diagram in found["diagrams"].items():
        shares = {phase: float(np.mean(diagram.phase == phase)) for phase in ("ordered", "chaotic", "unbounded")}
        print(f"{name}: " + ", ".join(f"{phase} {share:.0%}" for phase, share in shares.items()))
    fig, axes = plt.subplots(1, 3, figsize=(9, 3.6), layout="constrained", sharey=True)
    plot_phase_diagrams(list(found["diagrams"].values()), axes, critical_lines=found["lines"])
    fig.savefig("docs/figures/past_the_edge.png", dpi=150)
