"""Tanh networks learn up to a depth of about six depth scales of the correlation, which the theory gives.

Fully connected networks learn scikit-learn's handwritten digits by plain SGD in NumPy, two networks for each point. Far
beyond 6 xi_c they stay at chance; the deepest that learn are near the edge of chaos. There xi_c is infinite, and finite
width and the number of steps limit the depth. The 6 is an observation of Schoenholz et al. 2017 (arXiv:1611.01232),
figure 5, with MNIST. Needs scikit-learn.
"""

from collections import deque
from collections.abc import Iterator

import numpy as np

import meanfield as mf

Array = np.ndarray

SIGMA_B = 0.05**0.5
CHANCE = 0.1
BATCH, LEARNING_RATE = 32, 0.003


def digits() -> tuple[Array, Array]:
    """1797 images of 8 × 8 pixels, centred, with a mean second moment of 1, and their labels."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images -= images.mean(axis=0)
    return (images / images.std()).astype(np.float32), labels


def draw(sigma_w: Array, depth: int, width: int, rng: np.random.Generator) -> tuple[list[Array], list[Array]]:
    """Weights (networks, fan_in, fan_out) and biases of one network for each sigma_w; the readout has scale 1."""
    fans = [64, *[width] * depth, 10]
    scales = [*[sigma_w[:, None, None]] * depth, 1.0]
    weights = [
        (scale / fan_in**0.5 * rng.standard_normal((len(sigma_w), fan_in, fan_out))).astype(np.float32)
        for scale, fan_in, fan_out in zip(scales, fans[:-1], fans[1:], strict=True)
    ]
    biases = [(SIGMA_B * rng.standard_normal((len(sigma_w), 1, fan_out))).astype(np.float32) for fan_out in fans[1:]]
    return weights, biases


def layers(x: Array, weights: list[Array], biases: list[Array]) -> Iterator[Array]:
    """The signal after each layer, (networks, images, units); the last layer has the logits."""
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        x = np.tanh(x @ weight + bias)
        yield x
    yield x @ weights[-1] + biases[-1]


def accuracy(sigma_w: Array, depth: int, *, width: int, steps: int, seed: int = 0) -> Array:
    """Share of the training images that each network classifies correctly after training."""
    images, labels = digits()
    rng = np.random.default_rng(seed)
    weights, biases = draw(sigma_w, depth, width, rng)
    for _ in range(steps):
        batch = rng.integers(len(images), size=BATCH)
        *signals, logits = [
            np.broadcast_to(images[batch], (len(sigma_w), BATCH, 64)),
            *layers(images[batch], weights, biases),
        ]
        gradient = np.exp(logits - logits.max(axis=-1, keepdims=True))
        gradient /= gradient.sum(axis=-1, keepdims=True)
        gradient[:, np.arange(BATCH), labels[batch]] -= 1  # of the cross-entropy by the logits
        for weight, bias, signal in zip(reversed(weights), reversed(biases), reversed(signals), strict=True):
            backward = gradient @ weight.swapaxes(1, 2)
            weight -= LEARNING_RATE / BATCH * signal.swapaxes(1, 2) @ gradient
            bias -= LEARNING_RATE / BATCH * gradient.sum(axis=1, keepdims=True)
            gradient = backward * (1 - signal**2)  # tanh' of the layer that made the signal; unused for the images
    logits = deque(layers(images, weights, biases), maxlen=1).pop()
    return (logits.argmax(axis=-1) == labels).mean(axis=-1)


def main(
    sigma_w_squared: Array, depths: Array, *, networks: int = 2, width: int = 100, steps: int = 300
) -> dict[str, Array]:
    sigma_w = np.sqrt(sigma_w_squared)
    reached = [
        accuracy(np.repeat(sigma_w, networks), int(depth), width=width, steps=steps).reshape(-1, networks).mean(axis=1)
        for depth in depths
    ]
    return {"accuracy": np.array(reached), "xi_c": mf.analyze(mf.mlp("tanh", sigma_w, SIGMA_B)).xi_c}


if __name__ == "__main__":
    import matplotlib.pyplot as plt
    from matplotlib.patheffects import withStroke

    sigma_w_squared, depths = np.linspace(1, 4, 16), np.arange(10, 121, 10)
    found = main(sigma_w_squared, depths)
    for squared, xi_c, column in zip(sigma_w_squared, found["xi_c"], found["accuracy"].T, strict=True):
        deepest = depths[column > 0.5].max()
        print(f"sigma_w² = {squared:.1f}: accuracy above 1/2 down to depth {deepest} = {deepest / xi_c:.1f} xi_c")
    fine = np.linspace(0.9, 4.1, 641)
    predicted = 6 * mf.analyze(mf.mlp("tanh", np.sqrt(fine), SIGMA_B)).xi_c
    critical = mf.critical_line("tanh", SIGMA_B).sigma_w[0] ** 2
    fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    image = ax.pcolormesh(sigma_w_squared, depths, found["accuracy"], cmap="cividis", vmin=CHANCE, vmax=1)
    bar = fig.colorbar(image, label="accuracy on the training images", ticks=[CHANCE, 0.25, 0.5, 0.75, 1])
    bar.ax.set_yticklabels(["chance", "0.25", "0.5", "0.75", "1"])
    outline = [withStroke(linewidth=4, foreground="black")]
    ax.plot(fine, predicted, color="white", lw=2, path_effects=outline, label=r"theory: depth $6\,\xi_c$")
    ax.axvline(critical, color="white", ls=":", lw=2, label="edge of chaos")
    ax.set(
        xlim=(0.9, 4.1),
        ylim=(5, 125),
        xlabel=r"weight variance $\sigma_w^2$",
        ylabel="depth in layers",
        title="tanh networks after 300 steps of SGD on handwritten digits",
    )
    ax.legend(facecolor="0.35", labelcolor="white", loc="upper right")
    fig.savefig("docs/figures/trainability.png", dpi=150)
