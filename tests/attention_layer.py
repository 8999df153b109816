"""One softmax attention layer with random weights in NumPy, forwards and backwards."""

import numpy as np


def layer(sigma, pi, s2, causal, width, heads, rng):
    """Covariances of the outputs and of the gradients before the layer, for tokens and cotangents with these ones."""
    tokens, size = len(sigma), width // heads
    x, g = (
        np.linalg.cholesky(k) @ np.linalg.qr(rng.normal(size=(width, tokens)))[0].T * np.sqrt(width)
        for k in (sigma, pi)
    )
    q, k, v, o = rng.normal(size=(4, heads, width, size)) / np.sqrt(width)
    q = q * np.sqrt(s2)
    scores = (x @ q) @ (x @ k).swapaxes(1, 2) / np.sqrt(size)
    if causal:
        scores = np.where(np.tril(np.ones((tokens, tokens))), scores, -np.inf)
    rows = np.exp(scores - scores.max(-1, keepdims=True))
    rows /= rows.sum(-1, keepdims=True)
    values = x @ v
    out = np.einsum("hts,hds->td", rows @ values, o)
    back = g @ o  # gradients at the heads
    at_rows = back @ values.swapaxes(1, 2)
    at_scores = rows * (at_rows - (rows * at_rows).sum(-1, keepdims=True)) / np.sqrt(size)
    before = (
        np.einsum("hts,hds->td", rows.swapaxes(1, 2) @ back, v)
        + np.einsum("hts,hds->td", at_scores @ (x @ k), q)
        + np.einsum("hts,hds->td", at_scores.swapaxes(1, 2) @ (x @ q), k)
    )
    return out @ out.T / width, before @ before.T / width


def simulated(sigma, pi, s2, *, causal, width, heads, networks, seed=0):
    """The means of both covariances over networks, and their standard errors."""
    rng = np.random.default_rng(seed)
    runs = np.array([layer(sigma, pi, s2, causal, width, heads, rng) for _ in range(networks)])
    return runs.mean(axis=0), runs.std(axis=0, ddof=1) / np.sqrt(networks)
