"""Gradients scatter from network to network by depth over width; how much depends on the activation.

Left: squared gradients of single networks at three widths, with the bands of the expansion in 1/width. Right: the width
at which the log-gradient has a standard deviation of 10 %, at the recommended weights (relu: Hanin & Nica 2019,
arXiv:1812.05994).
"""

import numpy as np

import meanfield as mf

WIDTHS = (64, 256, 1024)
BLOCK = mf.mlp("tanh", 1.304, 0.2)
ACTIVATIONS = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "erf")


def main(depth: int = 16, networks: int = 12, depths: tuple[int, ...] = (2, 4, 8, 16, 32, 64)) -> dict[str, object]:
    bands = {width: mf.propagate(BLOCK, depth, width=width) for width in WIDTHS}
    drawn = {width: mf.simulate(BLOCK, depth, width, networks=networks, rng=0).raw["gradient"] for width in WIDTHS}
    needed = {}
    for name in ACTIVATIONS:
        advice = mf.recommend(name)
        block = mf.mlp(name, advice.sigma_w, advice.sigma_b)
        needed[name] = np.array([mf.fluctuations(block, l, 10**9, q=advice.q or 1.0).width_for(0.1) for l in depths])
    return {"bands": bands, "drawn": drawn, "depths": np.array(depths), "needed": needed}


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    from meanfield.plotting.trajectory import plot_quantity

    found = main()
    fig, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained", width_ratios=(1, 1, 1, 1.4))
    for ax, width in zip(axes, WIDTHS, strict=False):
        plot_quantity(found["bands"][width], "gradient", ax, bands=True, marker=None)
        ax.plot(found["drawn"][width].T, ".", color="#444444", markersize=3, alpha=0.6)
        ax.set(title=f"width {width}", yscale="log", ylim=(0.1, 6), ylabel="squared gradient" if ax is axes[0] else "")
        ax.set_yticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
        ax.minorticks_off()
        if found["bands"][width].gradient_band is None:
            ax.text(0.5, 0.95, "beyond first order", transform=ax.transAxes, ha="center", va="top", fontsize="small")
    last = axes[-1]
    styles = ("-", "--", "-.", ":")
    for i, (name, width) in enumerate(sorted(found["needed"].items(), key=lambda pair: -pair[1][-1])):
        last.loglog(found["depths"], width, marker=".", linestyle=styles[i % 4], label=name)
        print(f"{name}: width {width[-1]} for depth {found['depths'][-1]}")
    last.set(xlabel="depth", ylabel="width for 10 %", title="width that a depth needs")
    last.set_xticks(found["depths"], [str(depth) for depth in found["depths"]])
    last.minorticks_off()
    last.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    fig.savefig("docs/figures/depth_needs_width.png", dpi=150)
