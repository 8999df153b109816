"""Critical weights of a block, and where nothing is critical those at which signals carry deepest."""

import numpy as np

from meanfield.recommendation.choice import Choice, keeps_every_q, nearest_one
from meanfield.theory.assumptions.block import Block
from meanfield.theory.criticality.curve import critical_curve
from meanfield.theory.criticality.line import CriticalLine, line_of
from meanfield.theory.criticality.no_critical_line import noise
from meanfield.theory.criticality.point import CriticalPoint, point_of
from meanfield.theory.fixed_points.analysis import at_fixed_point
from meanfield.theory.fixed_points.depth_scales import CRITICAL
from meanfield.theory.fixed_points.stable_variance import stable_q

BIASES = np.array([0.1, 0.25, 0.5, 1.0])  # sigma_b tried where there is a choice
FEW = np.array([0.1, 0.5])  # of a block whose critical weights have to be searched for
UNTOLD = 0.5  # relative error of a critical sigma_w from which on it is none: chi_1 is close to 1 in a whole range
ORDERED = 0.99  # of the weights of a half-stable point: slightly ordered
MORE, SMALL = 1.01, 0.1  # weights by so much larger must not make q more than twice itself, or than twice this


def _any_weights(block: Block, q: float) -> Choice:
    """Weights of a block that keeps gradients with any: those that keep q = 1, given its `q` with sigma_w = 1."""
    sigma_w = 1.0 / np.sqrt(q) if 0 < q < np.inf else 1.0
    kept = float(stable_q(block.at(sigma_w=sigma_w, sigma_b=0.0))[0])
    if not np.isclose(kept, 1.0, rtol=1e-9):
        why = "gradients keep their size with any sigma_w, and sigma_w = 1 is as good as another"
        return Choice(1.0, 0.0, q, "none", why)
    return Choice(float(sigma_w), 0.0, 1.0, "none", "gradients keep their size with any sigma_w; this one keeps q = 1")


def critical_weights(block: Block, bare: CriticalLine) -> Choice | None:
    """Critical weights at a stable q, without biases if possible, else with; None if there are none.

    `bare` is the critical line at sigma_b = 0.
    """
    for sigma_w, slope in zip(bare.sigma_w, bare.chi_parallel, strict=True):
        if abs(slope - 1) <= CRITICAL and keeps_every_q(block, sigma_w):
            why = f"at sigma_w² = {sigma_w**2:.6g}, sigma_b = 0 this block keeps signal and gradient at every q"
            return Choice(float(sigma_w), 0.0, 1.0, "scale_invariant", why)
    told = bare.error < UNTOLD * bare.sigma_w
    stable = np.flatnonzero(bare.stable & told)
    if not np.all(told):
        anywhere = block.at(sigma_w=1.0, sigma_b=0.0)
        there = at_fixed_point(anywhere, stable_q(anywhere))
        if abs(float(there.chi_1) - 1) <= CRITICAL:
            return _any_weights(block, float(there.q_star))
    if stable.size:
        sigma_w, q = (float(column[stable[nearest_one(bare.q[stable])]]) for column in (bare.sigma_w, bare.q))
        decays = "keeps the gradients of small signals, and q decays, but not exponentially"
        keeps = f"is critical, and q settles at {q:.6g}"
        why = f"without biases sigma_w = {sigma_w:.6g} {keeps if q else decays}"
        return Choice(sigma_w, 0.0, q, "none" if q else "k_star_zero", why)
    curve = critical_curve(block)
    if curve is not None:
        point = point_of(curve, scale_invariant=False)
        if point.universality == "half_stable":
            return half_stable_weights(block, point, "signal and gradient are critical at once")
        at = curve.at(1.0)
        if at.bias >= 0 and abs(at.slope) < 1 - CRITICAL:
            why = "no sigma_w is critical without biases: this is the point of the critical line with q = 1"
            return Choice(float(at.chi) ** -0.5, float(at.bias) ** 0.5, 1.0, "none", why)
    line = line_of(block, FEW if curve is None else BIASES, stable_only=True)
    if curve is None and len(line) == 2 and line.q[0] != line.q[1]:  # where q is 1 if it is a power of sigma_b
        power = np.log(line.q[1] / line.q[0]) / np.log(FEW[1] / FEW[0])
        guess = FEW[0] * line.q[0] ** (-1 / power)
        nearer = line_of(block, np.array([guess]), stable_only=True)
        line = nearer if len(nearer) else line
    if not len(line):
        return None
    sigma_w, sigma_b, q = (float(column[nearest_one(line.q)]) for column in (line.sigma_w, line.sigma_b, line.q))
    why = f"no sigma_w is critical without biases: this is a point of the critical line with a stable q ({q:.6g})"
    return Choice(sigma_w, sigma_b, q, "none", why)


def half_stable_weights(block: Block, point: CriticalPoint, critical: str) -> Choice:
    """The half-stable point, and in its reason slightly smaller weights whose q is stable.

    `critical` is the beginning of the reason: what is critical in signal and gradient at once.
    """
    where = "only at"
    if point.whole_line:
        where = "at every q, with other weights and biases at each: by convention these are for"
    smaller = block.at(sigma_w=ORDERED * point.sigma_w, sigma_b=point.sigma_b)
    q = stable_q(smaller, point.q)
    at = at_fixed_point(smaller, q)
    why = (
        f"{critical} {where} q = {point.q:.6g}, which needs biases of sigma_b = {point.sigma_b:.6g}; with these biases "
        f"sigma_w = {ORDERED * point.sigma_w:.6g} is slightly ordered, chi_1 = {float(at.chi_1):.6g}, and its "
        f"q = {q[0]:.6g} is stable"
    )
    return Choice(point.sigma_w, point.sigma_b, point.q, point.universality, why)


def deepest_weights(block: Block, because: str) -> Choice | None:
    """The weights at which signals carry deepest, if slightly larger ones do not make q run away; None if they do.

    `because` is the beginning of the reason: why there is no critical line.
    """
    biases = np.r_[0.0, BIASES if noise(block) and critical_curve(block) else FEW]
    deepest = line_of(block, biases, stable_only=True).deepest
    if deepest is None:
        return None
    depth = np.round(deepest.depth, 6)  # in a tie the smallest bias is taken
    for best in np.argsort(-depth, kind="stable")[: np.count_nonzero(depth >= 1)]:
        sigma_w, sigma_b, q = (float(column[best]) for column in (deepest.sigma_w, deepest.sigma_b, deepest.q))
        neutral = sigma_b == 0 and keeps_every_q(block, sigma_w)
        beyond = float(stable_q(block.at(sigma_w=MORE * sigma_w, sigma_b=sigma_b))[0])
        if neutral or np.isinf(q) or beyond <= 2 * max(q, SMALL):
            break
    else:
        return None
    xi_c, xi_gradient = float(deepest.xi_c[best]), float(deepest.xi_gradient[best])
    slowly = q == 0 and np.isinf(xi_gradient)
    universality = "scale_invariant" if neutral else "k_star_zero" if slowly else "none"
    lasting = f"signals carry deepest, with a depth scale of {min(xi_c, abs(xi_gradient)):.4g} layers"
    if np.isinf(min(xi_c, abs(xi_gradient))):
        lasting = "signals are forgotten more slowly than exponentially"
    kept = ""
    if neutral:
        kept = ", and every q is kept"
    elif q == 0 or np.isinf(q):
        kept = f", and q {'grows' if q else 'decays'}{', but not exponentially' if q or slowly else ' as fast'}"
    why = f"{because}: at sigma_w² = {sigma_w**2:.6g}, sigma_b = {sigma_b:.6g} {lasting}{kept}"
    return Choice(sigma_w, sigma_b, q if np.isfinite(q) else 1.0, universality, why, xi_c, xi_gradient)
