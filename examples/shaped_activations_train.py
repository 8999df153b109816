"""Networks of 60 layers without norms and skip connections learn once their activation is shaped for the depth.

Fully connected networks learn scikit-learn's handwritten digits by SGD with momentum in NumPy: with softplus and GELU
as they are, at the weights that `mf.recommend` gives, and shaped by DKS (Martens et al. 2021, arXiv:2110.01765) and TAT
(Zhang et al. 2022, arXiv:2203.08120). Right: the correlation of two inputs behind 60 layers of softplus. As it is, the
network forgets the inputs; shaped, it is a gentle function of them. Needs scikit-learn.
"""

import numpy as np

import meanfield as mf

Array = np.ndarray

ACTIVATIONS = ("softplus", "gelu")
BATCH, RATE, MOMENTUM = 32, 0.02, 0.9


def digits() -> tuple[Array, Array]:
    """1797 images of 8 × 8 pixels, each with a second moment of 1, and their labels."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images -= images.mean(axis=0)
    return (images / np.sqrt(np.square(images).mean(axis=1, keepdims=True))).astype(np.float32), labels


def kinds(name: str, depth: int) -> dict[str, tuple[mf.Activation, float, float]]:
    """The activation as it is and in its two shapes, with sigma_w and sigma_b."""
    advice = mf.recommend(name, depth=depth)
    return {
        "original": (mf.activation(name), advice.sigma_w, advice.sigma_b),
        "DKS": (mf.transform(name, method="dks", depth=depth), 1.0, 0.0),
        "TAT": (mf.transform(name, method="tat", depth=depth), 1.0, 0.0),
    }


def train(phi: mf.Activation, sigma_w: float, sigma_b: float, depth: int, width: int, steps: int) -> Array:
    """Accuracy on each batch before its step, shape (steps,)."""
    images, labels = digits()
    rng = np.random.default_rng(0)
    fans = [64, *[width] * depth, 10]
    scales = [1.0, *[sigma_w] * (depth - 1), 1.0]
    weights = [
        (s / n**0.5 * rng.standard_normal((n, m))).astype(np.float32)
        for s, n, m in zip(scales, fans[:-1], fans[1:], strict=True)
    ]
    biases = [(sigma_b * rng.standard_normal(m)).astype(np.float32) for m in fans[1:]]
    speed = [np.zeros_like(array) for array in (*weights, *biases)]
    accuracy = []
    for _ in range(steps):
        chosen = rng.integers(len(images), size=BATCH)
        x, signals, slopes = images[chosen], [], []
        for weight, bias in zip(weights, biases, strict=True):
            signals.append(x)
            h = x @ weight + bias
            x, slope = phi(h).astype(np.float32), phi.derivative(h).astype(np.float32)
            slopes.append(slope)
        gradient = np.exp(h - h.max(axis=1, keepdims=True))
        gradient /= gradient.sum(axis=1, keepdims=True)
        accuracy.append(np.mean(h.argmax(axis=1) == labels[chosen]))
        gradient[np.arange(BATCH), labels[chosen]] -= 1
        gradient /= BATCH
        down: list[Array] = []
        for layer in reversed(range(len(weights))):
            down = [signals[layer].T @ gradient, gradient.sum(axis=0), *down]
            if layer:
                gradient = gradient @ weights[layer].T * slopes[layer - 1]
        size = np.sqrt(sum(float(np.square(part).sum()) for part in down))
        step = RATE / max(size, 1.0)  # gradients are clipped to a norm of 1
        for v, array, part in zip(speed, (*weights, *biases), (*down[::2], *down[1::2]), strict=True):
            v *= MOMENTUM
            v -= step * part
            array += v
    return np.array(accuracy)


def main(
    names: tuple[str, ...] = ACTIVATIONS, depth: int = 60, width: int = 48, steps: int = 120
) -> dict[str, dict[str, Array]]:
    c = np.linspace(-1, 1, 21)
    found: dict[str, dict[str, Array]] = {"c": {"before": c}}
    for name in names:
        found[name] = {}
        for kind, (phi, sigma_w, sigma_b) in kinds(name, depth).items():
            found[name][kind] = train(phi, sigma_w, sigma_b, depth, width, steps)
            if name == names[0]:
                found["c"][kind] = mf.propagate(mf.mlp(phi, sigma_w, sigma_b), depth, q=1.0, c=c).c[-1]
    return found


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    found = main()
    smooth = 20
    colours = {"original": "#d55e00", "DKS": "#0072b2", "TAT": "#009e73"}
    dashes = {"original": ":", "DKS": "-", "TAT": "--"}
    fig, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    for ax, name in zip(axes, ACTIVATIONS, strict=False):
        for kind, accuracy in found[name].items():
            mean = np.convolve(accuracy, np.ones(smooth) / smooth, mode="valid")
            ax.plot(np.arange(mean.size) + smooth, mean, color=colours[kind], linestyle=dashes[kind], lw=2, label=kind)
            print(f"{name} {kind}: accuracy {accuracy[-30:].mean():.2f} on the last 30 batches")
        ax.axhline(0.1, color="0.6", lw=0.8)
        ax.set(ylim=(0, 1), xlabel="step", title=f"{name}, 60 layers, no norms")
    axes[0].set_ylabel(f"accuracy, mean of {smooth} batches")
    axes[0].legend(loc="center right")
    last = axes[-1]
    for kind in colours:
        last.plot(found["c"]["before"], found["c"][kind], color=colours[kind], linestyle=dashes[kind], lw=2)
    last.plot([-1, 1], [-1, 1], color="0.6", lw=0.8)
    last.set(xlabel="correlation of two inputs", ylabel="correlation behind 60 layers", title="softplus, 60 layers")
    fig.savefig("docs/figures/shaped_activations_train.png", dpi=150)
