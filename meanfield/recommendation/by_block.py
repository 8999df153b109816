"""What weights a block of any form wants: critical ones if there are, else those that carry deepest."""

from contextlib import suppress
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.errors import DivergentExpectation, InfiniteDerivative, InvalidInput
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.residual import Residual
from meanfield.numerics.solve.bracketed import root
from meanfield.theory.criticality.curve import critical_curve
from meanfield.theory.criticality.line import CriticalLine, critical_line
from meanfield.theory.criticality.no_critical_line import adds, carries_whole, noise
from meanfield.theory.criticality.point import point_of
from meanfield.theory.depth.propagate import propagate
from meanfield.theory.fixed_points.analysis import analyze
from meanfield.theory.fixed_points.depth_scales import CRITICAL
from meanfield.theory.fixed_points.maps import signal_map
from meanfield.theory.fixed_points.stable_variance import stable_q

BIASES = np.array([0.1, 0.25, 0.5, 1.0])  # sigma_b tried where there is a choice
FEW = np.array([0.1, 0.5])  # of a block whose critical weights have to be searched for
MORE, SMALL = 1.01, 0.1  # weights by so much larger must not make q more than twice itself, or than twice this
NEUTRAL = np.array([0.1, 1.0, 10.0])  # q that a scale-invariant block keeps
REACH = 30.0  # of ln σ_w, to both sides of 0, in which q = 1 is kept


class Choice(NamedTuple):
    """What a block is recommended."""

    sigma_w: float
    sigma_b: float
    q: float  # 0 where it decays, more slowly than exponentially; the one to begin with where it grows
    universality: str
    reason: str  # a sentence without its full stop
    xi_c: float = np.inf
    xi_gradient: float = np.inf


def choose(block: Network, depth: int) -> Choice:
    """The weights of a block that is repeated `depth` times; its other parameters are scalars."""
    if batch_size(block) is not None:
        return _batch_normalised(block, depth)
    if carries_whole(block):
        return _whole_skip(block, depth)
    try:
        bare = critical_line(block, 0.0)
        names = noise(block)
        because = f"{names} parts equal inputs, so no weights are critical" if names else bare.reason[:-1]
        because = because or "no sigma_w is critical at a q that is stable"
        found = None if names else _critical(block, bare)
        return found or _deepest(block, because) or _forward(block, because)
    except (InfiniteDerivative, DivergentExpectation) as error:
        return _forward(block, str(error))


def _critical(block: Network, bare: CriticalLine) -> Choice | None:
    """Critical weights at a q that stays, without biases if that can be; `bare` is the line there."""
    for sigma_w, slope in zip(bare.sigma_w, bare.chi_parallel, strict=True):
        if abs(slope - 1) <= CRITICAL and _keeps_every_q(block, sigma_w):
            why = f"at sigma_w² = {sigma_w**2:.6g}, sigma_b = 0 this block keeps signal and gradient at every q"
            return Choice(float(sigma_w), 0.0, 1.0, "scale_invariant", why)
    stable = np.flatnonzero(bare.stable)
    if stable.size:
        sigma_w, q = (float(column[stable[_nearest(bare.q[stable])]]) for column in (bare.sigma_w, bare.q))
        decays = "keeps the gradients of small signals, and q decays, but not exponentially"
        keeps = f"is critical, and q settles at {q:.6g}"
        why = f"without biases sigma_w = {sigma_w:.6g} {keeps if q else decays}"
        return Choice(sigma_w, 0.0, q, "none" if q else "k_star_zero", why)
    curve = critical_curve(block)
    if curve is not None:
        point = point_of(curve, scale_invariant=False)
        if point.universality == "half_stable":
            where = f"at q = {point.q:.6g}, which needs biases of sigma_b = {point.sigma_b:.6g}"
            why = f"signal and gradient are critical at once only {where}"
            return Choice(point.sigma_w, point.sigma_b, point.q, point.universality, why)
        variance, slope = float(curve.bias_variance(1.0)[0]), float(curve.excess_slope(1.0)[0]) + 1
        if variance >= 0 and abs(slope) < 1 - CRITICAL:
            why = "no sigma_w is critical without biases: this is the point of the critical line with q = 1"
            return Choice(float(curve.factors(1.0).chi) ** -0.5, variance**0.5, 1.0, "none", why)
    line = critical_line(block, FEW if curve is None else BIASES, stable_only=True)
    if curve is None and len(line) == 2 and line.q[0] != line.q[1]:  # where q would be 1, by a power law
        power = np.log(line.q[1] / line.q[0]) / np.log(FEW[1] / FEW[0])
        guess = FEW[0] * line.q[0] ** (-1 / power)
        nearer = critical_line(block, guess, stable_only=True)
        line = nearer if len(nearer) else line
    if not len(line):
        return None
    sigma_w, sigma_b, q = (float(column[_nearest(line.q)]) for column in (line.sigma_w, line.sigma_b, line.q))
    why = f"no sigma_w is critical without biases: this is a point of the critical line with a stable q ({q:.6g})"
    return Choice(sigma_w, sigma_b, q, "none", why)


def _deepest(block: Network, because: str) -> Choice | None:
    """Where signals carry deepest, as far as slightly larger weights do not make q run away."""
    biases = np.r_[0.0, BIASES if noise(block) and critical_curve(block) else FEW]
    deepest = critical_line(block, biases, stable_only=True).deepest
    if deepest is None:
        return None
    depth = np.round(deepest.depth, 6)  # of biases that tie the smallest
    for best in np.argsort(-depth, kind="stable")[: np.count_nonzero(~np.isnan(depth))]:
        sigma_w, sigma_b, q = (float(column[best]) for column in (deepest.sigma_w, deepest.sigma_b, deepest.q))
        neutral = sigma_b == 0 and _keeps_every_q(block, sigma_w)
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


def _whole_skip(block: Network, depth: int) -> Choice:
    """The weights that the branch by itself wants, and how gradients grow along the skip connection."""
    residuals = [layer for layer in block.walk() if isinstance(layer, Residual)]
    inside = choose(residuals[0].branch, depth)
    network, start = block.at(sigma_w=inside.sigma_w, sigma_b=inside.sigma_b), inside.q or 1.0
    at, layers = analyze(network, q=start), len(residuals) * depth
    alone = float(signal_map(block.at(sigma_w=0.0, sigma_b=0.0), 1.0).chi)
    shortened = layers**-0.5
    how = f"by {grown(network, depth, start):.4g} over {depth} layers"
    if at.chi_1 > 1 + CRITICAL:
        how += f", in the end exponentially with a factor {at.chi_1:.6g} a layer"
    else:
        how += ", more slowly than exponentially"
    if alone > 1 + CRITICAL:
        cure = "a skip_scale of 1 would be the first thing to mend"
    elif all(np.abs(layer.branch_scale) <= shortened * (1 + CRITICAL) for layer in residuals):
        cure = "its branch_scale is short enough for that"
    else:
        shorter = network.with_parameters(
            lambda layer: {"branch_scale": shortened} if isinstance(layer, Residual) else {}
        )
        cure = f"branch_scale = {shortened:.4g}, 1/√{layers}, would make that {grown(shorter, depth, start):.4g}"
    if not adds(block):
        why = "the skip connection carries everything past a branch that is scaled by 0: these weights suit the branch"
        return Choice(inside.sigma_w, inside.sigma_b, start, "none", why, float(at.xi_c), float(at.xi_gradient))
    why = (
        f"the skip connection carries gradients whole, so they grow whatever the weights are, here {how}: "
        f"these weights suit the branch by itself, and {cure}"
    )
    return Choice(inside.sigma_w, inside.sigma_b, start, "none", why, float(at.xi_c), float(at.xi_gradient))


def _batch_normalised(block: Network, depth: int) -> Choice:
    """Weights that keep q = 1 where one is kept; gradients do not depend on them."""
    q = float(analyze(block.at(sigma_w=1.0, sigma_b=0.0)).q_star)
    if np.isinf(q):  # along a whole skip: what the branch leaves
        branch = next(layer.branch for layer in block.walk() if isinstance(layer, Residual))
        q = float(analyze(branch.at(sigma_w=1.0, sigma_b=0.0)).q_star)
    network = block.at(sigma_w=q**-0.5, sigma_b=0.0)
    at, layers = analyze(network), f"{grown(network, depth, 1.0):.4g} over {depth} layers"
    if at.chi_1 > 1 + CRITICAL:
        how = f"explode by chi_1 = {at.chi_1:.6g} a layer, {layers}, unless a skip_scale of 1 carries them past it"
    else:
        how = f"grow more slowly than exponentially, by {layers}, because a skip connection carries them whole"
    why = f"behind BatchNorm no weights are critical, for they do not change gradients, which {how}"
    return Choice(q**-0.5, 0.0, 1.0, "none", why, float(at.xi_c), float(at.xi_gradient))


def _forward(block: Network, because: str) -> Choice:
    """The weights that keep q = 1, whatever gradients do."""
    sigma_w = _keeping_one(block)
    if sigma_w is None:
        raise InvalidInput(
            f"there is nothing to recommend for this block: {because}, and no sigma_w keeps q = 1 either"
        )
    at = analyze(block.at(sigma_w=sigma_w, sigma_b=0.0))
    why = f"{because}, so these are the weights that keep q = 1 but not the gradient"
    return Choice(sigma_w, 0.0, 1.0, "none", why, float(at.xi_c), float(at.xi_gradient))


def _keeping_one(block: Network) -> float | None:
    """The sigma_w at which q = 1 is kept without biases; None if there is none."""

    def growth(_: Ints, log_sigma: Floats) -> Floats:
        q = [_image_of_one(block, float(sigma_w)) for sigma_w in np.exp(log_sigma)]
        return np.asarray(np.log(np.clip(q, 1e-300, 1e300)))

    low, high, number = np.array([-REACH]), np.array([REACH]), np.zeros(1, dtype=np.intp)
    if abs(growth(number, np.zeros(1))[0]) <= CRITICAL:
        return 1.0
    if not growth(number, low)[0] < 0 < growth(number, high)[0]:
        return None
    return float(np.exp(root(growth, low, high)[0]))


def _image_of_one(block: Network, sigma_w: float) -> float:
    """q′ of q = 1 without biases; inf beyond the range of floats."""
    with suppress(DivergentExpectation):
        return float(signal_map(block.at(sigma_w=sigma_w, sigma_b=0.0), 1.0).q)
    return np.inf


def grown(network: Network, depth: int, start: float) -> float:
    """By how much squared gradients grow over `depth` layers."""
    try:
        return float(propagate(network, depth, q=start).gradient[0])
    except DivergentExpectation:  # the signal itself outgrows a float
        return np.inf


def _keeps_every_q(block: Network, sigma_w: float) -> bool:
    after = signal_map(block.at(sigma_w=sigma_w, sigma_b=0.0), NEUTRAL)
    return bool(np.allclose(after.q, NEUTRAL, rtol=CRITICAL, atol=0.0))


def _nearest(q: Floats) -> int:
    """Number of the q nearest to 1."""
    return int(np.argmin(np.abs(np.log(np.maximum(q, 1e-300)))))
