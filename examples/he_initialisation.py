"""He initialisation keeps q and still makes all inputs alike: 1 - c ~ (9π²/2)/l² for any two inputs at layer l.

Hayou, Doucet & Rousseau 2019 (arXiv:1902.06853), proposition 2.
"""

import numpy as np

import meanfield as mf


def main(depth: int = 3000) -> dict[str, np.ndarray]:
    orthogonal = mf.propagate(mf.mlp("relu", sigma_w=2**0.5), depth, c=0.0)
    layer = np.arange(depth + 1)
    law = 4.5 * np.pi**2 / np.maximum(layer, 1) ** 2
    return {"layer": layer, "q": orthogonal.q, "one_minus_c": orthogonal.one_minus_c, "law": law}


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    found = main()
    print(f"(1 - c) l² at layer 3000: {found['one_minus_c'][-1] * 3000**2:.3f}; its limit 9π²/2 = {4.5 * np.pi**2:.3f}")
    fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    ax.loglog(found["layer"][1:], found["one_minus_c"][1:], label="two orthogonal inputs")
    ax.loglog(found["layer"][4:], found["law"][4:], "k--", lw=1, label=r"$\frac{9\pi^2}{2}\, l^{-2}$")
    ax.set(
        xlabel="layer $l$",
        ylabel="$1 - c$",
        title=r"ReLU, $\sigma_w^2 = 2$, $\sigma_b = 0$: $q$ stays 1, $c$ goes to 1",
    )
    ax.legend()
    fig.savefig("docs/figures/he_initialisation.png", dpi=150)
