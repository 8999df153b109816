"""Chaotic tanh networks separate any two inputs to a correlation c*; ordered networks merge them.

The length of the signal settles within a few layers in both phases. Poole et al. 2016 (arXiv:1606.05340), figures 1 and
2.
"""

import numpy as np

import meanfield as mf

SIGMA_B = 0.3
SIGMA_W = (1.3, 2.5, 4.0)


def main(*, depth: int = 12, width: int = 500, networks: int = 48) -> dict[str, object]:
    blocks = {rf"$\sigma_w = {sigma_w}$": mf.mlp("tanh", sigma_w, SIGMA_B) for sigma_w in SIGMA_W}
    sweep = np.linspace(0.5, 4.0, 71)
    start = {"q": 8.0, "c": 0.6}
    return {
        "blocks": blocks,
        "settled": mf.analyze(mf.mlp("tanh", np.array(SIGMA_W), SIGMA_B)),
        "sweep": sweep,
        "along": mf.analyze(mf.mlp("tanh", sweep, SIGMA_B)),
        "edge": mf.critical_line("tanh", SIGMA_B).sigma_w,
        "runs": {label: mf.propagate(block, depth, **start) for label, block in blocks.items()},
        "simulations": {
            label: mf.simulate(block, depth, width, networks=networks, rng=seed, **start)
            for seed, (label, block) in enumerate(blocks.items())
        },
    }


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    from meanfield.plotting.axes import COLOURS, DASHES
    from meanfield.plotting.correlation_map import plot_correlation_map
    from meanfield.plotting.signal_propagation import plot_signal
    from meanfield.plotting.variance_map import plot_variance_map

    found = main()
    chaotic = mf.mlp("tanh", 2.5, SIGMA_B)
    settled = found["settled"]
    for row in zip(SIGMA_W, settled.q_star, settled.c_star, settled.chi_1, strict=True):
        print("sigma_w = {:.1f}: q* = {:.6f}, c* = {:.6f}, chi_1 = {:.6f}".format(*row))
    fig, axes = plt.subplots(2, 3, figsize=(10, 6.2), layout="constrained")
    q, c = np.linspace(0, 8, 201), np.linspace(0, 1, 201)
    points, orbit = mf.fixed_points(chaotic), mf.propagate(chaotic, 6, q=7.5).q
    plot_variance_map(q, mf.variance_map(chaotic, q).value, axes[0, 0], fixed_points=points, orbit=orbit)
    mapped, orbit = mf.correlation_map(chaotic, c).value, mf.propagate(chaotic, 10, q=points[0].q, c=0.95).c
    plot_correlation_map(c, mapped, axes[1, 0], c_star=float(settled.c_star[1]), orbit=orbit)
    axes[0, 0].set_title(r"maps of one layer, $\sigma_w = 2.5$", fontsize="medium")
    plot_signal(found["runs"], axes[:, 1], simulations=found["simulations"], quantities=("q", "c"))
    for i, (name, symbol) in enumerate({"q_star": "$q^*$", "c_star": "$c^*$", "chi_1": r"$\chi_1$"}.items()):
        ax = axes[int(name != "q_star"), 2]
        ax.plot(found["sweep"], getattr(found["along"], name), color=COLOURS[i], ls=DASHES[i], lw=1.8, label=symbol)
    for ax in axes[:, 2]:
        ax.axvline(found["edge"][0], color="0.4", ls=":", label=r"edge of chaos")
        ax.set(xlabel=r"$\sigma_w$", xlim=(0.5, 4))
        ax.legend(frameon=False, fontsize="small")
    axes[0, 2].set_title("where depth leads", fontsize="medium")
    fig.savefig("docs/figures/chaos_parts_inputs.png", dpi=150)
