"""At the edge of chaos the depth scale of the correlation diverges; the depth scale of the second moment does not.

The correlation of two inputs reaches its limit within a few xi_c. Schoenholz et al. 2017
(arXiv:1611.01232), figures 2 to 4.
"""

import numpy as np

import meanfield as mf

SIGMA_B = 0.05**0.5


def main(points: int = 61, depth: int = 200) -> dict[str, object]:
    sigma_w = np.sqrt(np.linspace(1.0, 4.0, points))  # 1, 1.5, 2 … 4 are among its squares
    block = mf.mlp("tanh", sigma_w, SIGMA_B)
    scales = mf.analyze(block)
    run = mf.propagate(block, depth, q=scales.q_star, c=0.0)
    ordered = scales.phase == "ordered"
    left = np.where(ordered, run.one_minus_c, np.abs(run.c - scales.c_star))
    edge = mf.critical_line("tanh", SIGMA_B).sigma_w
    return {"sigma_w": sigma_w, "scales": scales, "edge": edge, "depth": np.arange(depth + 1), "left": left}


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    from meanfield.plotting.depth_map import plot_depth_map
    from meanfield.plotting.depth_scales import plot_depth_scales

    found = main()
    sigma_w, scales = found["sigma_w"], found["scales"]
    print(f"edge of chaos at sigma_w² = {found['edge'][0] ** 2:.12f}; xi_q at most {scales.xi_q.max():.3f} layers")
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    plot_depth_scales(sigma_w, scales, axes[0], critical=found["edge"])
    left = np.log10(np.maximum(found["left"], 1e-12))
    label = r"$\log_{10}\,|c - c^*|$, from orthogonal inputs"
    plot_depth_map(sigma_w, found["depth"], left, axes[1], label=label, xi_c=scales.xi_c, vmin=-6, vmax=0)
    fig.savefig("docs/figures/depth_scales_diverge.png", dpi=150)
