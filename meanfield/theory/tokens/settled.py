"""Where sequences of exchangeable tokens settle: q* and token_c* together, for many networks at once.

The state is (ln q, ln(1 − token_c)). After some layers Newton's method for the fixed point takes over, with slopes from
differences. Where 1 − token_c goes to 0, its slope at equal tokens decides whether they stay equal. In residual streams
of normalised branches q grows without limit, and token_c goes to where branches add to p and to q in its proportion.
"""

from typing import NamedTuple

import numpy as np

from meanfield._types import Bools, Floats, Ints
from meanfield.errors import DivergentExpectation, InvalidInput
from meanfield.networks.layers.network import Network, in_sequence
from meanfield.networks.layers.residual import Residual
from meanfield.theory.assumptions.block import Block
from meanfield.theory.layer_maps.covariance import all_points
from meanfield.theory.layer_maps.tokens import Tokens, stacked
from meanfield.theory.states import Pair

LAYERS = 12  # that are followed before Newton's method
ROUNDS = 80  # of Newton's method
STEP = 1e-6  # of ln q and ln(1 − token_c) in differences
LONGEST = 1.5  # step of Newton's method
HELD = 1e-12  # residual of a fixed point
EQUAL = 1e-10  # 1 − token_c below which tokens are equal if they then stay so
NEAR = 1e-9  # 1 − token_c at which the slope at equal tokens is taken
UNIT = 1e-6  # by which the slope at equal tokens may exceed 1 from rounding
ENDLESS = 1e30  # q or 1/q above which it grows or shrinks without limit


class SettledTokens(NamedTuple):
    """Where tokens settle; arrays of shape (networks,)."""

    q: Floats  # inf where it grows without limit
    gap: Floats  # 1 − token_c*
    slopes: Floats  # ∂(ln q′, ln gap′)/∂(ln q, ln gap), at equal tokens of gap itself; shape (networks, 2, 2)
    gradients: Floats  # (π, ρ) before the block from (π, ρ) behind it, shape (networks, 2, 2)


def settled_tokens(block: Block, tokens: int, q0: float, gap0: Floats) -> SettledTokens:
    """Where orbits from second moment `q0` and 1 − token_c = `gap0` end.

    Networks of which they do not settle have nan; so have those in which q grows without limit, unless the block is a
    residual stream of normalised branches, and of several networks those whose moments are not known on the way.
    """
    count = int(np.prod(block.shape, dtype=int))
    networks, gap = block.take(np.arange(count)), np.broadcast_to(gap0, count).astype(np.float64)
    try:
        return _settled(networks, tokens, q0, gap)
    except (InvalidInput, DivergentExpectation):
        if count == 1:
            raise
    each = [settled_or_lost(networks.take(np.array([i])), tokens, q0, gap[i : i + 1]) for i in range(count)]
    return SettledTokens(*(np.concatenate(column) for column in zip(*each, strict=True)))


def settled_or_lost(network: Network, tokens: int, q0: float, gap: Floats) -> SettledTokens:
    """`settled_tokens` of one network; nan where its moments are not known on the way."""
    try:
        return _settled(network, tokens, q0, gap)
    except (InvalidInput, DivergentExpectation):
        return SettledTokens(*(np.full((1, *shape), np.nan) for shape in ((), (), (2, 2), (2, 2))))


def _settled(networks: Network, tokens: int, q0: float, gap: Floats) -> SettledTokens:
    count = gap.size
    if _is_stream(networks, tokens):
        return _in_stream(networks, tokens, gap)
    x = np.stack([np.full(count, np.log(q0)), np.log(np.maximum(gap, 1e-300))])
    equal = gap == 0
    for _ in range(LAYERS):
        x = _after(networks, tokens, x)
    x, equal, found = _newton(networks, tokens, x, equal)
    slopes = _slopes(networks, tokens, x)[1]
    if equal.any():
        near = np.stack([x[0], np.full(count, np.log(NEAR))])
        slopes[equal] *= np.array([[1.0, 0.0], [0.0, 0.0]])
        slopes[equal, 1, 1] = np.exp(_after(networks, tokens, near)[1] - near[1])[equal]
    q, gap = np.exp(x[0]), np.where(equal, 0.0, np.exp(x[1]))
    gradients = _matrix(all_points(networks, _state(tokens, q, gap))[1], count)
    q, gap = (np.where(found, values, np.nan) for values in (q, gap))
    slopes, gradients = (np.where(found[:, None, None], values, np.nan) for values in (slopes, gradients))
    return SettledTokens(q, gap, slopes, gradients)


def _is_stream(networks: Network, tokens: int) -> bool:
    """Whether all layers are residual ones that keep what they get and normalise it in the branch: q grows forever."""
    layers = list(in_sequence(networks))
    if not all(isinstance(one, Residual) and np.all(np.abs(one.skip_scale) == 1) for one in layers):
        return False
    one, other = (_state(tokens, np.array(q), np.array(0.5)) for q in (1.0, 4.0))
    branches = [layer.branch for layer in layers if isinstance(layer, Residual)]
    ends = [(all_points(branch, one)[0].q, all_points(branch, other)[0].q) for branch in branches]
    return all(np.allclose(first, second, rtol=1e-9, atol=0.0) for first, second in ends)


def _state(tokens: int, q: Floats, gap: Floats) -> Tokens:
    return Tokens(tokens, Pair.at(q, q * gap))


def _after(networks: Network, tokens: int, x: Floats) -> Floats:
    """(ln q, ln gap) behind the block; the first axis of `x` is these two, networks are the last."""
    after = all_points(networks, _state(tokens, np.exp(x[0]), np.exp(np.minimum(x[1], np.log(2.0)))))[0]
    with np.errstate(divide="ignore"):
        gap = np.log(np.maximum(after.within.one_minus_c, 1e-300))
        return np.stack([np.broadcast_to(np.log(after.q), x[0].shape), np.broadcast_to(gap, x[1].shape)])


def _slopes(networks: Network, tokens: int, x: Floats) -> tuple[Floats, Floats]:
    """The state behind the block, and the Jacobian by forward differences, shape (networks, 2, 2)."""
    moves = np.array([[0.0, STEP, 0.0], [0.0, 0.0, -STEP]])[:, :, None]
    values = _after(networks, tokens, x[:, None, :] + moves)
    slopes = (values[:, 1:] - values[:, :1]) / np.array([STEP, -STEP])[:, None]
    return values[:, 0], np.moveaxis(slopes, 2, 0)


def _newton(networks: Network, tokens: int, x: Floats, equal: Bools) -> tuple[Floats, Bools, Bools]:
    """Fixed points near `x`; which of them have equal tokens, and which are found."""
    active, found = np.ones(x.shape[1], dtype=np.bool_), np.zeros(x.shape[1], dtype=np.bool_)
    for _ in range(ROUNDS):
        which: Ints = np.flatnonzero(active)
        if which.size == 0:
            break
        here = x[:, which]
        value, slopes = _slopes(networks.take(which), tokens, here)
        close = here[1] < np.log(EQUAL)
        if close.any():
            at = np.stack([here[0], np.full(which.size, np.log(NEAR))])
            stays = _after(networks.take(which), tokens, at)[1] - at[1] <= UNIT
            equal[which[close & stays]] = True
        residual = value - here
        fixed = equal[which]
        slopes[fixed, 0, 1], slopes[fixed, 1] = 0.0, 0.0
        residual[1, fixed] = 0.0
        move = np.linalg.solve(np.eye(2) - slopes + 1e-14 * np.eye(2), residual.T[..., None])[..., 0].T
        longest = np.maximum(np.abs(move).max(axis=0), LONGEST) / LONGEST
        move = np.where(_contracts(slopes), move / longest, residual)
        held = np.abs(residual).max(axis=0) <= HELD
        lost = np.abs(here[0] + move[0]) > np.log(ENDLESS)
        x[:, which] = np.where(lost, here, here + move)
        found[which[held]], active[which[held | lost]] = True, False
    return x, equal, found


def _contracts(slopes: Floats) -> Bools:
    """Whether nearby orbits come closer, so that the fixed point that Newton's method finds is one that attracts."""
    return np.asarray(np.abs(np.linalg.eigvals(slopes)).max(axis=1) < 1.0)


def _in_stream(networks: Network, tokens: int, gap: Floats) -> SettledTokens:
    """Where q grows without limit: token_c at which branches add to q − p and to q in the proportion 1 − token_c."""
    layers = [layer for layer in in_sequence(networks) if isinstance(layer, Residual)]

    def added(x: Floats) -> Floats:
        """ln of the proportion in which the branches add."""
        state = _state(tokens, np.ones(x.shape), np.exp(x))
        more = [(np.asarray(layer.branch_scale) ** 2, all_points(layer.branch, state)[0]) for layer in layers]
        q = sum(share * after.q for share, after in more)
        d = sum(share * np.asarray(after.within.d.value) for share, after in more)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.maximum(d / q, 1e-300)))

    x, found = np.log(np.maximum(gap, 1e-300)), np.zeros(gap.size, dtype=np.bool_)
    for _ in range(ROUNDS):
        value, moved = added(x), added(x - STEP)
        slope = np.clip((value - moved) / STEP, -0.9, 0.9)
        move = (value - x) / (1.0 - slope)
        x = x + np.clip(move, -LONGEST, LONGEST)
        found = (np.abs(move) <= HELD) | (x < np.log(EQUAL))
        if np.all(found):
            break
    one = np.broadcast_to(np.eye(2), (gap.size, 2, 2))
    settled = np.where(x < np.log(EQUAL), 0.0, np.where(found, np.exp(x), np.nan))
    return SettledTokens(np.full(gap.size, np.inf), settled, one, one)


def _matrix(back: object, count: int) -> Floats:
    """The linear map of (π, ρ) as matrices, shape (networks, 2, 2)."""
    assert callable(back)
    columns = [back(stacked(np.full(count, a), np.full(count, b))) for a, b in ((1.0, 0.0), (0.0, 1.0))]
    return np.moveaxis(np.array([np.broadcast_to(column, (2, count)) for column in columns]), (0, 1), (2, 1))
