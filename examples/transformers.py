"""Signal, correlation of tokens and gradient by depth in GPT-2, Llama and ViT at their published initialisations.

Lines are the theory at infinite width for exchangeable tokens, bars are random networks with real heads. The masks of
GPT-2 and Llama are left out, so that each token reads all of them, as in ViT.
"""

from typing import Any

import meanfield as mf

TOKENS, CORRELATION = 16, 0.2


def blocks() -> dict[str, mf.Network]:
    """One layer of each transformer by its name, without masks."""
    named = {"GPT-2": mf.blocks.gpt2(), "Llama": mf.blocks.llama(), "ViT": mf.blocks.vit()}
    return {name: mf.network(mf.written(block).replace(", causal", "")) for name, block in named.items()}


def main(depth: int = 12, width: int = 256, networks: int = 8, seed: int = 0) -> dict[str, Any]:
    """Trajectories and simulations by name, of sequences of 16 tokens with correlation 0.2."""
    shown, start = blocks(), {"tokens": TOKENS, "token_c": CORRELATION}
    return {
        "theory": {name: mf.propagate(block, depth, **start) for name, block in shown.items()},
        "simulated": {
            name: mf.simulate(block, depth, width, networks=networks, rng=seed, dtype="float32", **start)
            for name, block in shown.items()
        },
    }


if __name__ == "__main__":
    from meanfield.plotting import plot_signal

    found = main()
    axes = plot_signal(found["theory"], simulations=found["simulated"], quantities=("q", "token_c", "gradient"))
    axes[0].figure.savefig("docs/figures/transformers.png", dpi=160, bbox_inches="tight")
