import numpy as np
import pytest

from meanfield.errors import InvalidInput
from meanfield.numerics.breakpoints.search import EPS, SAMPLES, find_breakpoints


def relu(x):
    return np.maximum(x, 0.0)


def noise(x):
    """Between −1 and 1, without any structure that floats could resolve."""
    return np.sin(1e17 * x)


@pytest.mark.parametrize(("power", "x"), [(0.5, 0.0), (0.7, 0.0), (0.5, 0.3), (0.7, 0.3), (0.6, 1 / 3), (1.5, 0.3)])
def test_an_algebraic_singularity_is_a_breakpoint_of_infinite_size(power, x):
    search = find_breakpoints(lambda t: np.abs(t - x) ** power, -12, 12)
    (point,) = search.breakpoints
    assert abs(point.x - x) < 1e-8
    assert (point.order, point.size) == (1, np.inf)
    assert not search.resolved
    assert len(search.unresolved) == 1


def test_a_pole_is_found_and_unresolved():
    search = find_breakpoints(lambda x: 1 / (x - 0.3), -12, 12)
    assert [(point.x, point.order) for point in search.breakpoints] == [(0.3, 0)]
    assert not search.resolved


@pytest.mark.parametrize("x", [0.0, 0.3, 1 / 3])
def test_float32_output_still_shows_its_kink(x):
    search = find_breakpoints(lambda t: relu(t - x).astype(np.float32), -12, 12)
    (point,) = search.breakpoints
    assert point.order == 1
    assert abs(point.x - x) < 1e-7
    assert not search.resolved


NOISY = {
    "float32 tanh": lambda x: np.tanh(x.astype(np.float32)),
    "scaled float32": lambda x: 1.05 * np.tanh(x.astype(np.float32)).astype(np.float64),
    "float32 input": lambda x: np.sin(x.astype(np.float32).astype(np.float64)),
    "float16 tanh": lambda x: np.tanh(x).astype(np.float16),
    "bfloat16 sin": lambda x: (np.sin(x).astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32),
    "cancellation": lambda x: (1e3 + np.tanh(x)) - 1e3,
    "noise of 1e-13": lambda x: np.tanh(x) * (1 + 1e-13 * noise(x)),
    "noise of 1e-9": lambda x: np.tanh(x) + 1e-9 * noise(x),
    "noise of 1e-3": lambda x: x + 1e-3 * noise(x),
    "noise": noise,
}


UNITS = {"float16 tanh": 2.0**-10, "bfloat16 sin": 2.0**-7}


@pytest.mark.parametrize("name", NOISY)
def test_noise_is_recognised_soon_and_is_no_breakpoint(name):
    search = find_breakpoints(NOISY[name], -12, 12, precision=UNITS.get(name, EPS))
    assert search.breakpoints == ()
    assert not search.resolved
    assert search.evaluations - 48 * SAMPLES < 6000


@pytest.mark.parametrize("steps", [12, 40, 100])
def test_a_staircase_of_whole_numbers_is_not_taken_for_short_arithmetic(steps):
    places = np.log(np.arange(1, steps + 1) / 3)
    search = find_breakpoints(lambda x: np.floor(np.clip(3 * np.exp(x), 0, steps)), -12, 12)
    assert [point.order for point in search.breakpoints] == [0] * steps
    assert [point.x for point in search.breakpoints] == pytest.approx(places, abs=1e-12)


def test_rounding_of_a_few_ulp_is_not_noise():
    search = find_breakpoints(lambda x: np.tanh(x) * (1 + 1e-15 * noise(x)), -12, 12)
    assert search.breakpoints == ()
    assert search.resolved


def test_a_function_that_changes_between_calls_is_unresolved():
    rng = np.random.default_rng(1)
    search = find_breakpoints(lambda x: rng.normal(size=x.shape), -12, 12)
    assert search.breakpoints == ()
    assert search.unresolved == ((-12.0, 12.0),)


@pytest.mark.parametrize("limit", [5_000, 40_000])
def test_structure_without_end_ends_within_the_limit(limit):
    weierstrass = find_breakpoints(
        lambda x: sum(0.5**k * np.cos(3.0**k * np.pi * x) for k in range(40)), -12, 12, max_evaluations=limit
    )
    assert weierstrass.evaluations <= 1.1 * limit
    assert weierstrass.breakpoints == ()
    assert not weierstrass.resolved


def test_values_that_are_not_finite_are_unresolved():
    search = find_breakpoints(lambda x: np.exp(8 * x**2), -12, 12)
    assert search.breakpoints == ()
    assert search.unresolved == ((-12.0, -9.0), (9.0, 12.0))


@pytest.mark.parametrize("interval", [(0, 1), (-0.01, 0.02), (16, 32), (512, 1024), (-3.2, 1e4)])
def test_intervals_of_any_length_are_searched(interval):
    a, b = interval
    x = a + 0.38197 * (b - a)
    search = find_breakpoints(lambda t: np.abs(t - x), a, b)
    (point,) = search.breakpoints
    assert point.order == 1
    assert abs(point.x - x) <= 1e-13 * max(1, abs(x))


@pytest.mark.parametrize(("a", "b"), [(1, 1), (2, 1), (0, np.inf), (np.nan, 1)])
def test_an_empty_or_infinite_interval_is_refused(a, b):
    with pytest.raises(InvalidInput, match="finite interval"):
        find_breakpoints(np.tanh, a, b)


def test_bad_arguments_are_refused():
    with pytest.raises(InvalidInput, match="width"):
        find_breakpoints(np.tanh, -1, 1, width=0)
    with pytest.raises(InvalidInput, match="shape"):
        find_breakpoints(lambda x: x[:-1], -1, 1)
