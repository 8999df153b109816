"""Signals and gradients by depth in ReLU networks: batch normalisation explodes gradients, skip connections cure it.

Lines are the theory at infinite width, bars are random networks: He et al. 2015 (plain), Yang et al. 2019
(arXiv:1902.08129) for batch normalisation, Yang & Schoenholz 2017 (arXiv:1712.08969) for skip connections, Pretorius et
al. 2018 (arXiv:1811.00293) for dropout.
"""

from typing import Any

import meanfield as mf

HE = 2**0.5
BATCH = 16


def blocks(depth: int) -> dict[str, mf.Network]:
    """Repeated blocks by label; one of them depends on the depth."""
    return {
        "plain": mf.mlp("relu", HE),
        "dropout 0.2": mf.Network("relu", mf.Dropout(0.2), mf.Dense(HE * 0.8**0.5)),
        f"batch norm, {BATCH} inputs": mf.Network(mf.BatchNorm(BATCH), "relu", mf.Dense(HE)),
        "batch norm in a residual branch": mf.Network(mf.Residual(mf.BatchNorm(BATCH), "relu", mf.Dense(HE))),
        "layer norm in a residual branch": mf.Network(mf.Residual(mf.LayerNorm(), "relu", mf.Dense(HE))),
        "residual, branch / √depth": mf.Network(mf.Residual("relu", mf.Dense(HE), branch_scale=depth**-0.5)),
    }


def main(depth: int = 40, width: int = 512, networks: int = 12, seed: int = 0) -> dict[str, Any]:
    """Trajectories and simulations by label, of two inputs, or a batch, with correlation 0.2."""
    shown = blocks(depth)
    return {
        "theory": {label: mf.propagate(block, depth, c=0.2) for label, block in shown.items()},
        "simulated": {
            label: mf.simulate(block, depth, width, networks=networks, c=0.2, method="exact_law", rng=seed, workers=-1)
            for label, block in shown.items()
        },
    }


if __name__ == "__main__":
    from meanfield.plotting import plot_signal

    found = main()
    axes = plot_signal(found["theory"], simulations=found["simulated"], quantities=("gradient", "one_minus_c"))
    axes[0].figure.savefig("docs/figures/architectures.png", dpi=160, bbox_inches="tight")
