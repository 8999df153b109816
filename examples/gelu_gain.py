"""ReLU's gain is not GELU's: with sigma_w = √2 and no biases the signal of a GELU network is 3e-14 at layer 50.

At GELU's own critical point it stays constant.
"""

import numpy as np

import meanfield as mf

DEPTH = 50


def main() -> dict[str, np.ndarray]:
    advice = mf.recommend("gelu", depth=DEPTH)
    start = {"q": advice.q}
    critical = mf.mlp("gelu", advice.sigma_w, advice.sigma_b)
    borrowed = mf.mlp("gelu", 2**0.5)
    drawn = mf.simulate(borrowed, DEPTH, width=4096, networks=16, rng=1, method="exact_law")
    return {
        "borrowed": mf.propagate(borrowed, DEPTH).q,
        "borrowed_gradient": mf.propagate(borrowed, DEPTH).gradient,
        "critical": mf.propagate(critical, DEPTH, **start).q,
        "critical_gradient": mf.propagate(critical, DEPTH, **start).gradient,
        "simulated": drawn.q.mean,
    }


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    found = main()
    print(f"q at layer {DEPTH} with ReLU's gain: {found['borrowed'][-1]:.2e}")
    print(f"q at layer {DEPTH} at the critical point: {found['critical'][-1]:.4f}")
    fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    ax.semilogy(found["critical"], label=r"GELU's critical point, $\sigma_w = 1.408$, $\sigma_b = 0.416$")
    ax.semilogy(found["borrowed"], label=r"ReLU's gain, $\sigma_w = \sqrt{2}$, $\sigma_b = 0$")
    ax.semilogy(found["simulated"], "k.", ms=4, label="the same, 16 simulated networks of width 4096")
    ax.set(xlabel="layer", ylabel="second moment $q$", title="A GELU network needs its own weights")
    ax.legend(loc="lower left")
    fig.savefig("docs/figures/gelu_gain.png", dpi=150)
