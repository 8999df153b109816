"""The activations of jax.nn and Keras that torch.nn does not have."""

import numpy as np

from meanfield.activations import stable_functions as stable
from meanfield.activations.catalogue.entry import Entry, positive

JAX_AND_KERAS = (
    Entry(
        "squareplus",
        stable.squareplus,
        stable.dsquareplus,
        "(x + sqrt(x**2 + {b}))/2",
        "Barron 2021 (arXiv:2112.11687)",
        parameters={"b": positive(4.0)},
    ),
    Entry(
        "sparse_plus",
        lambda x: np.where(x > 1, x, 0.25 * np.maximum(np.minimum(x, 1.0) + 1, 0.0) ** 2),
        lambda x: np.clip((x + 1) / 2, 0.0, 1.0),
        "where(x > 1, x, where(x > -1, (x + 1)**2/4, 0))",
        "Blondel, Martins, Niculae 2020 (JMLR 21)",
        breakpoints=(-1.0, 1.0),
    ),
    Entry(
        "sparse_sigmoid",
        lambda x: np.clip((x + 1) / 2, 0.0, 1.0),
        lambda x: np.where(np.abs(x) < 1, 0.5, 0.0),
        "min(max((x + 1)/2, 0), 1)",
        "Martins, Astudillo 2016 (arXiv:1602.02068)",
        breakpoints=(-1.0, 1.0),
    ),
    Entry(
        "exponential",
        lambda x: np.exp(x),
        lambda x: np.exp(x),
        "exp(x)",
        "keras.activations.exponential",
        aliases=("exp",),
    ),
)
