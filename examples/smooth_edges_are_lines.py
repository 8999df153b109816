"""Smooth activations are critical along a line, and 1 - c falls like 1/l; ReLU is critical at a point, with 1/l².

Of the lines of GELU, SiLU and Mish only the upper parts are usable: below them the second moment diverges or decays.
Hayou, Doucet & Rousseau 2019 (arXiv:1902.06853), section 3 and propositions 2 and 3.
"""

import numpy as np

import meanfield as mf

NAMES = {"tanh": "tanh", "erf": "erf", "elu": "ELU", "gelu": "GELU", "silu": "SiLU", "mish": "Mish", "relu": "ReLU"}
SIGMA_B = 0.2


def main(depth: int = 2000, rows: int = 121) -> dict[str, object]:
    lines = {label: mf.critical_line(name, np.linspace(0.0, 1.2, rows)) for name, label in NAMES.items()}
    layer = np.arange(depth + 1)
    runs = {"ReLU": mf.propagate(mf.mlp("relu", 2**0.5), depth, c=0.0)}
    kappa = 4.5 * np.pi**2
    beta = {}
    for name in ("tanh", "gelu"):
        sigma_b = SIGMA_B if name == "tanh" else 0.6
        edge = mf.critical_line(name, sigma_b, stable_only=True)
        q = float(edge.q[0])
        beta[NAMES[name]] = 2 * mf.moment(name, "dd", q).value / (q * mf.moment(name, "ss", q).value)
        runs[NAMES[name]] = mf.propagate(mf.mlp(name, edge.sigma_w[0], sigma_b), depth, q=q, c=0.0)
    return {"lines": lines, "layer": layer, "runs": runs, "kappa": kappa, "beta": beta}


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    from meanfield.plotting.correlation_decay import plot_decay
    from meanfield.plotting.critical_lines import plot_critical_lines

    found = main()
    layer = np.maximum(found["layer"], 1)
    laws = {"ReLU": (r"$9\pi^2/2\ell^2$", found["kappa"] / layer**2)}
    laws |= {label: (rf"${beta:.2f}/\ell$", beta / layer) for label, beta in found["beta"].items()}
    for label, run in found["runs"].items():
        print(f"{label}: 1 - c at layer {layer[-1]} is {run.one_minus_c[-1] / laws[label][1][-1]:.3f} of the law")
    fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    plot_critical_lines(found["lines"], axes[0])
    plot_decay(found["runs"], axes[1], laws=laws)
    fig.savefig("docs/figures/smooth_edges_are_lines.png", dpi=150)
