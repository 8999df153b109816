"""Deep tanh networks remember their inputs only near the critical line, where the correlation's depth scale diverges.

Poole et al. 2016 (arXiv:1606.05340), figure 1; Schoenholz et al. 2017 (arXiv:1611.01232), figure 1.
"""

import numpy as np

import meanfield as mf


def main(resolution: int = 10) -> dict[str, object]:
    diagram = mf.phase_diagram("tanh", np.linspace(0.5, 3.0, 2 * resolution + 1), np.linspace(0.0, 1.0, resolution + 1))
    line = mf.critical_line("tanh", diagram.sigma_b)
    return {"diagram": diagram, "line": line, "schoenholz": mf.critical_line("tanh", 0.05**0.5)}


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    from meanfield.plotting import plot_phase_diagram

    found = main(resolution=40)
    print(f"critical at sigma_b² = 0.05: sigma_w² = {found['schoenholz'].sigma_w[0] ** 2:.12f}")
    fig, ax = plt.subplots(figsize=(6, 4.2), layout="constrained")
    plot_phase_diagram(found["diagram"], ax, critical_line=mf.critical_line("tanh", np.linspace(0.0, 1.0, 401)))
    fig.savefig("docs/figures/edge_of_chaos.png", dpi=150)
