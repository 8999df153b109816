import numpy as np
import pytest

from meanfield.numerics.breakpoints.search import SAMPLES, find_breakpoints

ACCURACY = {0: 1e-13, 1: 1e-13, 2: 1e-10, 3: 1e-7}


def relu(x):
    return np.maximum(x, 0.0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def elu(x):
    return np.where(x > 0, x, np.expm1(x))


def smelu(x, beta):
    return np.where(np.abs(x) < beta, (x + beta) ** 2 / (4 * beta), relu(x))


# name: (function, its breakpoints as (x, order))
BROKEN = {
    "relu": (relu, [(0, 1)]),
    "abs": (np.abs, [(0, 1)]),
    "leaky": (lambda x: np.where(x > 0, x, 0.01 * x), [(0, 1)]),
    "hard tanh": (lambda x: np.clip(x, -1, 1), [(-1, 1), (1, 1)]),
    "hardswish": (lambda x: x * np.clip(x + 3, 0, 6) / 6, [(-3, 1), (3, 1)]),
    "relu6": (lambda x: np.clip(x, 0, 6), [(0, 1), (6, 1)]),
    "elu": (elu, [(0, 2)]),
    "selu": (lambda x: 1.0507 * np.where(x > 0, x, 1.67326 * np.expm1(x)), [(0, 1)]),
    "celu": (lambda x: np.where(x > 0, x, 0.7 * np.expm1(x / 0.7)), [(0, 2)]),
    "elu moved": (lambda x: elu(x - 0.2718), [(0.2718, 2)]),
    "softshrink": (lambda x: np.sign(x) * relu(np.abs(x) - 0.37), [(-0.37, 1), (0.37, 1)]),
    "hardshrink": (lambda x: np.where(np.abs(x) > 0.5, x, 0), [(-0.5, 0), (0.5, 0)]),
    "hardshrink off edges": (lambda x: np.where(np.abs(x) > 0.37, x, 0), [(-0.37, 0), (0.37, 0)]),
    "step": (lambda x: (x > 0) * 1.0, [(0, 0)]),
    "step moved": (lambda x: (x > -1.113) * 1.0, [(-1.113, 0)]),
    "step at a third": (lambda x: (x >= 1 / 3) * 1.0, [(1 / 3, 0)]),
    "sign": (np.sign, [(0, 0)]),
    "sign moved": (lambda x: np.sign(x - 1), [(1, 0)]),
    "sign moved off edges": (lambda x: np.sign(x - 0.3), [(0.3, 0)]),
    "quantiser": (lambda x: np.clip(np.floor(x / 0.3875), -8, 8), [(0.3875 * k, 0) for k in range(-7, 9)]),
    "fine quantiser": (lambda x: np.clip(np.round(4 * x), -16, 16), [((k + 0.5) / 4, 0) for k in range(-16, 16)]),
    "cubed": (lambda x: np.abs(x - 0.4) ** 3, [(0.4, 3)]),
    "cubed at 0": (lambda x: np.abs(x) ** 3, [(0, 3)]),
    "signed square": (lambda x: (x - 0.41) * np.abs(x - 0.41), [(0.41, 2)]),
    "smelu": (lambda x: smelu(x, 1.0), [(-1, 2), (1, 2)]),
    "smelu off edges": (lambda x: smelu(x, 0.83), [(-0.83, 2), (0.83, 2)]),
    "max(x, tanh x)": (lambda x: np.maximum(x, np.tanh(x)), [(0, 3)]),
    "sin or cos": (lambda x: np.where(x < 0.2718, np.sin(5 * x), np.cos(3 * x)), [(0.2718, 0)]),
    "threshold": (lambda x: np.where(x > 0.77, x, 20.0), [(0.77, 0)]),
    "kink in a tail": (lambda x: x * sigmoid(x) + 0.1 * relu(x - 3.3), [(3.3, 1)]),
    "kink in the other tail": (lambda x: x * sigmoid(x) + 0.1 * np.abs(x + 3.3), [(-3.3, 1)]),
    "two kinks close by": (lambda x: np.abs(x - 0.3) + np.abs(x - 0.301), [(0.3, 1), (0.301, 1)]),
    "two jumps close by": (lambda x: np.sin(x) + (x > 0.3) + (x > 0.301), [(0.3, 0), (0.301, 0)]),
    "kink at a third": (lambda x: np.abs(x - 1 / 3) + np.sin(x), [(1 / 3, 1)]),
    "kink on a halved edge": (lambda x: np.abs(x - 0.25) + np.sin(x), [(0.25, 1)]),
    "kink next to an edge": (lambda x: np.abs(x - 1e-4) + np.sin(x), [(1e-4, 1)]),
    "kink beside 0": (lambda x: np.abs(x - 1e-9) + np.exp(x), [(1e-9, 1)]),
    "oscillation on one side": (lambda x: np.where(x < 0.6, 0, np.sin(50 * (x - 0.6))), [(0.6, 1)]),
    "oscillation on the other": (lambda x: np.where(x < 0, -x, np.sin(50 * x)), [(0, 1)]),
    "large": (lambda x: 1e3 * relu(x - 0.3), [(0.3, 1)]),
    "small": (lambda x: 1e-3 * relu(x - 0.3), [(0.3, 1)]),
    "exp and a kink": (lambda x: np.exp(x) + relu(x - 0.3), [(0.3, 1)]),
    "sin of abs": (lambda x: np.sin(np.abs(x)), [(0, 1)]),
    "abs of sin": (lambda x: np.abs(np.sin(x)), [(np.pi * k, 1) for k in range(-5, 6)]),
    "several": (
        lambda x: np.tanh(x) + relu(x + 2.17) + np.abs(x - 0.9) ** 3 + (x > 1.234),
        [(-2.17, 1), (0.9, 3), (1.234, 0)],
    ),
}

SMOOTH = {
    "tanh": np.tanh,
    "tanh(30 x)": lambda x: np.tanh(30 * x),
    "sin(50 x)": lambda x: np.sin(50 * x),
    "Runge": lambda x: 1 / (1 + 25 * x**2),
    "exp": np.exp,
    "softplus(20 x)": lambda x: np.logaddexp(0, 20 * x),
    "naive softplus": lambda x: np.log(1 + np.exp(x)),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "logistic(10⁴ x)": lambda x: sigmoid(1e4 * x),
    "logistic(10⁴ (x − 0.3))": lambda x: sigmoid(1e4 * (x - 0.3)),
    "almost abs": lambda x: np.sqrt(x**2 + 1e-6),
    "almost abs, moved": lambda x: np.sqrt((x - 0.3) ** 2 + 1e-6),
    "almost relu": lambda x: np.logaddexp(0, 1e3 * (x - 0.3)) / 1e3,
    "silu": lambda x: x * sigmoid(x),
    "tanh-gelu": lambda x: 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3))),
    "snake": lambda x: x + np.sin(5 * x) ** 2 / 5,
    "gabor": lambda x: np.exp(-(x**2)) * np.sin(20 * x),
    "x⁷": lambda x: x**7,
    "steeply growing": lambda x: np.exp(0.4 * x**2),
    "narrow bump": lambda x: np.exp(-(((x - 1.7) / 0.01) ** 2)),
    "constant": lambda x: 0 * x + 3,
    "zero": lambda x: 0 * x,
}


@pytest.mark.parametrize("interval", [(-12, 12), (-16, 16), (-7.3, 11.1)])
@pytest.mark.parametrize("name", BROKEN)
def test_breakpoints_of_known_functions_are_found(name, interval):
    a, b = interval
    f, truth = BROKEN[name]
    truth = [(x, order) for x, order in truth if a < x < b]
    search = find_breakpoints(f, a, b)
    assert [point.order for point in search.breakpoints] == [order for _, order in truth]
    for point, (x, order) in zip(search.breakpoints, truth, strict=True):
        assert abs(point.x - x) <= ACCURACY[order]
    assert search.resolved
    assert search.unresolved == ()


@pytest.mark.parametrize("name", ["relu", "abs", "step", "sign", "elu", "sin of abs", "oscillation on the other"])
def test_a_breakpoint_at_0_is_at_0_exactly(name):
    f, _ = BROKEN[name]
    assert find_breakpoints(f, -7.3, 11.1).breakpoints[0].x == 0.0


@pytest.mark.parametrize("interval", [(-12, 12), (-7.3, 11.1)])
@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions_have_no_breakpoints(name, interval):
    search = find_breakpoints(SMOOTH[name], *interval)
    assert search.breakpoints == ()
    assert search.resolved


@pytest.mark.parametrize("x", [-11.9173, -3.99, 1.7, 5.0, 9.123])
def test_a_bump_of_width_1e_2_is_seen_wherever_it_is(x):
    search = find_breakpoints(lambda t: np.tanh(t) + np.exp(-(((t - x) / 0.01) ** 2)), -12, 12)
    assert search.evaluations > find_breakpoints(np.tanh, -12, 12).evaluations
    assert search.resolved
    assert search.breakpoints == ()


def test_sizes_are_the_jumps_of_the_derivatives():
    sizes = [point.size for point in find_breakpoints(BROKEN["several"][0], -12, 12).breakpoints]
    np.testing.assert_allclose(sizes, [1.0, 12.0, 1.0], rtol=1e-5)
    assert find_breakpoints(elu, -3, 3).breakpoints[0].size == pytest.approx(-1.0, rel=1e-8)


def test_the_ends_are_not_looked_at():
    assert find_breakpoints(np.abs, 0, 5).breakpoints == ()
    assert find_breakpoints(lambda x: (x > 5) * 1.0, 0, 5).breakpoints == ()


@pytest.mark.parametrize("x", [-11.999, 11.9985, 11.99])
def test_breakpoints_near_an_end_are_found(x):
    (point,) = find_breakpoints(lambda t: np.cos(t) + np.abs(t - x), -12, 12).breakpoints
    assert abs(point.x - x) < 1e-13


@pytest.mark.parametrize("shift", [1e2, 1e6, -1e9])
def test_accuracy_is_that_of_the_rounded_values_under_a_vertical_shift(shift):
    (point,) = find_breakpoints(lambda x: relu(x - 1 / 3) + shift, -12, 12).breakpoints
    assert point.order == 1
    assert abs(point.x - 1 / 3) < 4 * np.spacing(abs(shift))


def random_case(seed):
    """A smooth function with jumps of it, its first and its second derivative at random places; returns these, too."""
    rng = np.random.default_rng(seed)
    s, c = 10 ** rng.uniform(-1, 1, 2), rng.uniform(-4, 4, 2)
    kinds = [
        lambda x, s, c: np.tanh(s * (x - c)),
        lambda x, s, c: np.sin(s * x + c),
        lambda x, s, c: 1 / (1 + s * (x - c) ** 2),
        lambda x, s, c: np.exp(-s * (x - c) ** 2),
        lambda x, s, c: np.logaddexp(0, s * (x - c)) / s,
        lambda x, s, c: np.exp(0.3 * x),
        lambda x, s, c: 0.1 * x**2 - c * x + s,
        lambda x, s, c: 0 * x,
    ]
    parts = [(rng.normal(), kinds[rng.integers(len(kinds))], *pair) for pair in zip(s, c, strict=True)]
    x = np.sort(rng.uniform(-11, 11, rng.integers(0, 6)))
    x = np.unique(np.round(x, rng.integers(0, 3)) if rng.random() < 0.3 else x)
    x = x[np.diff(x, prepend=-np.inf) > 2e-3]
    order = rng.integers(0, 3, x.size)
    scale, shift = 10 ** rng.uniform(-3, 3), rng.choice([0.0, rng.normal(), 100 * rng.normal()])
    size = scale * rng.choice([-1, 1], x.size) * 10 ** rng.uniform(-1, 1, x.size)

    def f(t):
        value = scale * (shift + sum(weight * kind(t, s, c) for weight, kind, s, c in parts))
        for place, r, jump in zip(x, order, size, strict=True):
            value = value + jump * np.where(t > place, (t - place) ** r / (1 + (r == 2)), 0.0)
        return value

    return f, x, order, size


@pytest.mark.parametrize("seed", range(100))
def test_random_breakpoints_of_random_functions_are_found(seed):
    f, places, orders, sizes = random_case(seed)
    search = find_breakpoints(f, -12, 12)
    assert [point.order for point in search.breakpoints] == orders.tolist()
    assert search.resolved
    for point, x, order, size in zip(search.breakpoints, places, orders, sizes, strict=True):
        values = f(x + np.linspace(-0.01, 0.01, 21))
        rounding = 2.2e-16 * (np.abs(values).max() + abs(x) * np.ptp(values) / 0.02) / abs(size)
        room = min(
            [0.5, *np.abs(np.delete(places, np.flatnonzero(places == x)) - x)]
        )  # for a smooth piece on either side
        assert abs(point.x - x) <= {0: 1e-14, 1: 1e-14 + 50 * rounding, 2: 1e-11 + 2e3 * rounding / room}[order]
        assert point.size == pytest.approx(size, rel=1e-4)


@pytest.mark.parametrize("name", ["tanh", "exp", "silu", "mish", "tanh(30 x)", "Runge", "narrow bump"])
def test_cost_of_smooth_functions(name):
    assert find_breakpoints(SMOOTH[name], -12, 12).evaluations - 48 * SAMPLES <= 2500


@pytest.mark.parametrize("name", ["relu", "kink in a tail", "kink at a third", "step moved", "elu moved", "sin or cos"])
def test_cost_of_one_breakpoint(name):
    assert find_breakpoints(BROKEN[name][0], -12, 12).evaluations - 48 * SAMPLES <= 2000


def test_every_level_of_refinement_is_one_call():
    calls = []

    def f(x):
        calls.append(x.size)
        return np.tanh(30 * x)

    search = find_breakpoints(f, -12, 12)
    assert sum(calls) == search.evaluations
    assert len(calls) < 20
