"""LARS scales each layer's step by ‖W‖/‖∂L/∂W‖: at the edge of chaos that ratio is the same at every depth.

Elsewhere it changes by a factor exp(1/(2 xi)) a layer, with xi the depth scale of the gradient. In a batch it falls
with depth even at the edge, as inputs become alike. The script compares the prediction with NumPy networks. You et al.
2017 (arXiv:1708.03888).

‖W‖² = n sigma_w² for n units a layer, and ∂L/∂W^l = ∂L/∂h^l φ(h^{l−1})ᵀ is an outer product, so for one input its
squared norm is ‖∂L/∂h^l‖² n E φ². For a batch of B it is Σ_ab (∂L/∂h_a · ∂L/∂h_b) (φ_a · φ_b) / B², a sum over pairs of
inputs.
"""

import numpy as np

import meanfield as mf

Array = np.ndarray

SETTINGS = {
    "tanh, ordered": ("tanh", 1.25**0.5, 0.05**0.5),
    "tanh, edge of chaos": ("tanh", 1.760954639606739**0.5, 0.05**0.5),  # mf.critical_line("tanh", 0.05**0.5)
    "tanh, chaotic": ("tanh", 2.5**0.5, 0.05**0.5),
    "ReLU, He": ("relu", 2**0.5, 0.0),
}


def predicted(spec: str, sigma_w: float, sigma_b: float, depth: int, batch: int) -> Array:
    """‖W^l‖/‖∂L/∂W^l‖ for l = 1 … depth, where L is a random linear function of the last layer, averaged over a batch.

    The inputs of the batch are orthogonal with q = 1, and ‖∂L/∂h‖ = 1 at the last layer for each of them.
    """
    phi = mf.activation(spec)
    path = mf.propagate(mf.mlp(phi, sigma_w, sigma_b), depth, c=0.0)
    before = {"q": path.q[:-1], "c": path.c[:-1]}  # h^{l−1}
    signal = mf.moment(phi, "ff", path.q[:-1]).value
    signal_pair = mf.pair_expectation(phi, **before).value
    slope_pair = sigma_w**2 * mf.pair_expectation(phi.derivative, **before).value
    gradient_pair = np.append(np.cumprod(slope_pair[:0:-1])[::-1], 1.0)
    squared = path.gradient[1:] * signal / batch + (1 - 1 / batch) * gradient_pair * signal_pair
    return sigma_w / np.sqrt(squared)


def measured(
    spec: str, sigma_w: float, sigma_b: float, depth: int, batch: int, *, width: int, rng: np.random.Generator
) -> Array:
    """The same ratios in one random NumPy network, from a forward and a backward pass."""
    phi = mf.activation(spec)
    h = width**0.5 * np.linalg.qr(rng.standard_normal((width, batch)))[0].T
    weights, states = [], [h]
    for _ in range(depth):
        weights.append(sigma_w / width**0.5 * rng.standard_normal((width, width)))
        states.append(phi(states[-1]) @ weights[-1].T + sigma_b * rng.standard_normal(width))
    readout = rng.standard_normal(width)
    gradient = np.tile(readout / np.linalg.norm(readout), (batch, 1)) / batch
    ratios = np.empty(depth)
    for l in range(depth, 0, -1):
        weight, before = weights[l - 1], states[l - 1]
        ratios[l - 1] = np.linalg.norm(weight) / np.linalg.norm(gradient.T @ phi(before))
        gradient = gradient @ weight * phi.derivative(before)
    return ratios


def main(
    depth: int = 20, *, width: int = 400, networks: int = 32, seed: int = 0
) -> dict[tuple[str, int], dict[str, Array]]:
    found = {}
    for name, setting in SETTINGS.items():
        for batch in (1, 16):
            rng = np.random.default_rng([seed, len(found)])
            ratios = [measured(*setting, depth, batch, width=width, rng=rng) for _ in range(networks)]
            log = -2 * np.log(ratios)  # of ‖∂L/∂W‖²/‖W‖², which is nearly log-normal; theory gives its mean
            variance = log.var(axis=0, ddof=1)
            ratio = np.exp(-(log.mean(axis=0) + variance / 2) / 2)
            error = ratio * np.sqrt(variance / networks) / 2
            theory = predicted(*setting, depth, batch)
            found[name, batch] = {"predicted": theory, "measured": ratio, "standard_error": error}
    return found


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    from meanfield.plotting.axes import COLOURS, MARKERS

    found = main(width=800, networks=24)
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained", sharey=True)
    for ax, batch in zip(axes, (1, 16), strict=True):
        for name, colour, marker in zip(SETTINGS, COLOURS, MARKERS, strict=False):
            theory, ratio, error = found[name, batch].values()
            worst = int(np.argmax(np.abs(ratio - theory) / error))
            print(f"{name}, batch of {batch}:")
            for l in (0, worst):
                print(f"    layer {l + 1}: theory {theory[l]:.2f}, measured {ratio[l]:.2f} ± {error[l]:.2f}")
            layer = np.arange(1, len(theory) + 1)
            ax.plot(layer, theory, color=colour)
            ax.errorbar(layer, ratio, 2 * error, fmt=marker, color=colour, ms=4, capsize=2, label=name)
        ax.set(yscale="log", xlabel="layer $l$", title="one input" if batch == 1 else f"batch of {batch} inputs")
        ax.set_yticks(ticks := [0.5, 1, 2, 5, 10, 20, 50], ticks)
        ax.minorticks_off()
        ax.locator_params(axis="x", integer=True)
    axes[0].set_ylabel(r"$\Vert W^l\Vert\,/\,\Vert\partial L/\partial W^l\Vert$")
    legend = fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    legend.set_title("lines: theory; points: 24 networks, 800 units wide, ± 2 standard errors")
    fig.savefig("docs/figures/lars_ratios.png", dpi=150)
