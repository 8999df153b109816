"""Diagrams of 12 blocks of 20 activations: every point is what `analyze` finds for it alone.

    python tests/long/diagrams_of_blocks.py [points a diagram] [word in the form]

One network at a time, q* comes from `analyze`, and from a search over a whole grid (`stable_q`), with moments by
quadrature, while a diagram takes tables of curves. The numbers may differ by 1e-9, and the phases not at all.
"""

import sys
import time

import numpy as np

import meanfield as mf
from meanfield.theory.assumptions.block import checked
from meanfield.theory.fixed_points.stable_variance import stable_q
from meanfield.theory.fixed_points.variance import multiple_q

ACTIVATIONS = (
    *("tanh", "erf", "relu", "gelu", "silu", "elu", "selu", "softplus", "hardtanh", "relu6"),
    *("leaky_relu", "mish", "sigmoid", "sin", "gaussian", "sign", "hardswish", "softsign"),
    *("x/(1 + x**2)**0.5 + 0.1*sin(x)", "max(x - 0.3, 0)"),
)
BLOCKS = (
    "{0}, dense",
    "residual(layernorm, {0}, dense)",
    "residual({0}, dense, branch_scale=0.5, skip_scale=0.8)",
    "{0}, dropout(0.1), dense",
    "layernorm, {0}, dense",
    "batchnorm(32), {0}, dense",
    "gated({0}), dense",
    "{0}, dense, {0}, dense",
    "residual(layernorm, attention), residual(layernorm, dense, {0}, dense)",
    "{0}, concatenate(dense, growth=0.5), rmsnorm, dense",
    "{0}, multiplicative_noise(0.3), dense, additive_noise(0.1)",
    "residual(batchnorm(16), {0}, dense, branch_scale=0.3)",
)
FIELDS = ("q_star", "chi_parallel", "chi_1", "c_star", "chi_c")
TOLERANCE = 1e-9


def differs(many, one):
    """Whether two numbers differ by more than the tolerance, relative or, below 1e-3, absolute."""
    if np.isnan(many) or np.isnan(one) or np.isinf(many) or np.isinf(one):
        return not (many == one or (np.isnan(many) and np.isnan(one)))
    return abs(many - one) > TOLERANCE * max(abs(one), 1e-3)


def compare(form, points, rng):
    """The differences of one diagram, as text, and the CPU time of a point once tables are made, in microseconds."""
    columns = min(10, points)
    rows = points // columns
    sigma_w = np.sort(rng.uniform(0.3, 3.5, rows))
    sigma_b = np.where(rng.uniform(size=columns) < 0.2, 0.0, rng.uniform(0, 1, columns))
    diagram = mf.phase_diagram(form, sigma_w, sigma_b)
    begun = time.process_time()
    diagram = mf.phase_diagram(form, sigma_w, sigma_b)
    cost = (time.process_time() - begun) / points
    block, wrong = checked(form), []
    for i, w in enumerate(sigma_w):
        for j, b in enumerate(sigma_b):
            alone = block.at(sigma_w=w, sigma_b=b)
            one = mf.analyze(alone)
            for field in FIELDS:
                a, e = float(getattr(diagram, field)[i, j]), float(getattr(one, field))
                if differs(a, e):
                    wrong.append(f"{field} {a!r} not {e!r} at {w!r}, {b!r}")
            searched = float(stable_q(alone)[0])
            if differs(float(diagram.q_star[i, j]), searched):
                wrong.append(f"q_star {diagram.q_star[i, j]!r}, by search {searched!r} at {w!r}, {b!r}")
            if diagram.phase[i, j] != one.phase:
                wrong.append(f"phase {diagram.phase[i, j]} not {one.phase} at {w!r}, {b!r}")
            if diagram.multiple[i, j] != multiple_q(alone)[0]:
                wrong.append(f"multiple {diagram.multiple[i, j]} at {w!r}, {b!r}")
    return wrong, 1e6 * cost


def main(points=200, word=""):
    """Print every difference; the number of diagrams that have one."""
    rng, bad = np.random.default_rng(14), 0
    for activation in ACTIVATIONS:
        for block in BLOCKS:
            form = block.format(activation)
            if word not in form:
                continue
            try:
                wrong, cost = compare(form, points, rng)
            except mf.InvalidInput as refused:
                print(f"{form}: refused, {refused}", flush=True)
                continue
            bad += bool(wrong)
            print(f"{form}: {len(wrong)} differences, {cost:.0f} us a point", *wrong[:5], sep="\n    ", flush=True)
    return bad


if __name__ == "__main__":
    sys.exit(min(main(*(int(a) if a.isdigit() else a for a in sys.argv[1:])), 1))
