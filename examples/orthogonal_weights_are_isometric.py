"""Orthogonal weights keep all singular values of deep tanh networks near 1; Gaussian weights and ReLU do not.

Both have a mean squared singular value of 1. The lines are the theory at infinite width, the histograms networks of
width 400. After Pennington, Schoenholz & Ganguli 2017 (arXiv:1711.04735), figures 1 and 2.
"""

from collections.abc import Mapping

import numpy as np

import meanfield as mf

BINS = 40


def main(*, depth: int = 32, width: int = 400, networks: int = 2) -> Mapping[str, dict[str, object]]:
    """The law of ln λ and its simulated density, by kind of network."""
    tanh, relu = mf.isometry("tanh", depth), mf.mlp("relu", 2**0.5)
    block = mf.mlp("tanh", tanh.sigma_w, tanh.sigma_b)
    found = {}
    for name, net, q, weights in (
        ("tanh, orthogonal", block, tanh.q, "orthogonal"),
        ("tanh, Gaussian", block, tanh.q, "gaussian"),
        ("ReLU, orthogonal", relu, 1.0, "orthogonal"),
    ):
        # tanh stays at its fixed point and ReLU has the same slopes at every q.
        law = mf.spectrum(net, depth, weights=weights)
        drawn = mf.jacobian(net, depth, width, networks=networks, q=q, weights=weights, rng=0).ravel()
        high = float(law.edges[1])
        edges = np.geomspace(1e-4 * high, 1.1 * high, BINS + 1)
        density = np.histogram(drawn, edges)[0] / drawn.size / np.diff(np.log(edges))
        found[name] = {"law": law, "edges": edges, "density": density, "drawn": drawn}
    return found


def draw(found: Mapping[str, dict[str, object]]) -> object:
    """The figure, one kind of network a panel."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), layout="constrained")
    for ax, (name, one) in zip(figure.subplots(1, len(found)), found.items(), strict=True):
        ax.stairs(one["density"], one["edges"], fill=True, color="#dddddd", label="simulated")
        one["law"].plot(ax, label="theory", title=name)
        ax.set_xlim(one["edges"][0], one["edges"][-1])
        ax.set_ylim(0, 1.2 * float(np.max(one["density"])))
    return figure


if __name__ == "__main__":
    figure = draw(main())
    figure.savefig("docs/figures/orthogonal_weights_are_isometric.png", dpi=110)
