"""The critical line of sequences of exchangeable tokens: where chi_1 of their gradients is 1, from a sweep."""

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.numerics.solve.bracketed import root
from meanfield.theory.assumptions.block import Block
from meanfield.theory.criticality.rows import Rows
from meanfield.theory.fixed_points.analysis import Analysis, described_tokens

SWEPT = np.geomspace(0.1, 10.0, 17)  # sigma_w of the sweep
FLAT = 1e-9  # of ln χ₁: a network whose gradients keep their size whatever sigma_w is
NOISE = 1e-10  # error of ln χ₁ at settled tokens
CLOSE = 1e-11  # of ln sigma_w


def line_of_tokens(block: Block, biases: Floats, tokens: int, token_c: float) -> Rows:
    """The solutions between sigma_w = 0.1 and 10 whose q and correlation are reached from q = 1 and `token_c`."""

    def at(sigma_w: Floats, sigma_b: Floats) -> Analysis:
        return described_tokens(block.at(sigma_w=sigma_w, sigma_b=sigma_b), 1.0, tokens, token_c)

    def log_chi(sigma_w: Floats, sigma_b: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(at(sigma_w, sigma_b).chi_1))

    grid_b, grid_w = (grid.ravel() for grid in np.meshgrid(biases, SWEPT, indexing="ij"))
    values = log_chi(grid_w, grid_b).reshape(biases.size, SWEPT.size)
    values[np.abs(values) <= FLAT] = np.nan
    with np.errstate(invalid="ignore"):
        b, w = np.nonzero(values[:, :-1] * values[:, 1:] < 0)
    bias, ends = biases[b], (values[b, w], values[b, w + 1])

    def function(which: Ints, x: Floats) -> Floats:
        return log_chi(np.exp(x), bias[which])

    x = root(function, np.log(SWEPT[w]), np.log(SWEPT[w + 1]), atol=CLOSE, values=ends)
    sigma_w = np.exp(x)
    if x.size == 0:
        none = np.zeros(0)
        return Rows(none, none, none, none, none > 0, none)
    found = at(sigma_w, bias)
    steep = np.abs(log_chi(sigma_w * (1 + 1e-4), bias)) / 1e-4
    error = sigma_w * (CLOSE + NOISE / np.maximum(steep, 1e-12))
    return Rows(bias, sigma_w, found.q_star, found.chi_parallel, np.ones(x.size, dtype=np.bool_), error)
