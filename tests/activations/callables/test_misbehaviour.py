"""Callables that misbehave, and what each of them gets: the right numbers, or a refusal of one line."""

import sys
import threading
import time
import warnings

import numpy as np
import pytest

import meanfield as mf

TANH = mf.gain("tanh").value
BUFFER = np.empty(100_000)
CALLS = []


def writes_into_its_input(x):
    x *= 0.5
    return np.tanh(2 * x)


def keeps_a_buffer(x):
    out = BUFFER[: x.size].reshape(x.shape)
    return np.tanh(x, out=out)


def prints(x):
    print("called")
    return np.tanh(x)


def warns(x):
    warnings.warn("from the function", UserWarning, stacklevel=1)
    return np.tanh(x)


def warns_of_overflow(x):
    return np.tanh(x) + 0 * np.exp(-np.abs(x) * 1e4) / (1 + np.exp(1e4 * np.abs(x)))


def is_slow(x):
    time.sleep(0.01)
    return np.tanh(x)


def recurses_within_limits(x, depth=50):
    return np.tanh(x) if depth == 0 else recurses_within_limits(x, depth - 1)


def takes_single_numbers(x):
    return float(np.tanh(x)) if x else 0.0


def changes_the_error_state(x):
    np.seterr(all="raise")
    return np.tanh(x)


def returns_objects(x):
    return np.tanh(x).astype(object)


RIGHT = [
    writes_into_its_input,
    keeps_a_buffer,
    prints,
    warns,
    warns_of_overflow,
    is_slow,
    recurses_within_limits,
    takes_single_numbers,
    changes_the_error_state,
    returns_objects,
]


@pytest.mark.parametrize("function", RIGHT, ids=lambda function: function.__name__)
@pytest.mark.parametrize("action", ["error", "ignore"])
def test_what_computes_tanh_in_an_odd_way_gets_the_numbers_of_tanh(function, action):
    state = np.geterr()
    with warnings.catch_warnings(action=action):
        filters = list(warnings.filters)
        found = mf.gain(function)
        assert warnings.filters == filters
    assert np.geterr() == state
    assert abs(found.value - TANH) <= found.error + 1e-13
    assert found.error < 1e-9


def raises_at_some_x(x):
    if np.any(x > 4.2):
        raise ZeroDivisionError("first line\nsecond line")
    return np.tanh(x)


def raises_in_the_tails(x):
    if np.any(np.abs(x) > 12):
        raise ValueError("out of my range")
    return np.tanh(x)


def is_nan_in_the_tails(x):
    return np.where(np.abs(x) > 12, np.nan, np.tanh(x))


def is_infinite_at_a_probe(x):
    return np.where(x == 3.0, np.inf, np.tanh(x))


def changes_between_calls(x):
    CALLS.append(1)
    return np.tanh(x) + 1e-3 * len(CALLS)


def never_returns_from_recursion(x):
    return never_returns_from_recursion(x)


def leaves_the_program(x):
    sys.exit(3)


def raises_a_long_text(x):
    raise RuntimeError("7" * 10_000)


def warns_and_raises(x):
    raise UserWarning("as an exception")


def is_too_large_for_floats(x):
    return np.full(np.shape(x), 10**400, dtype=object)


def has_infinite_moments(x):
    return 1e200 * np.exp(np.minimum(x, 200))


def returns_nothing(x):
    return None


def returns_text(x):
    return np.array(["a"] * x.size).reshape(x.shape)


def returns_masked(x):
    return np.ma.masked_less(np.tanh(x), 0)


REFUSED = [
    (raises_at_some_x, r"raised ZeroDivisionError at x = 4.3: first line$"),
    (raises_in_the_tails, r"raised ValueError at x = .*: out of my range$"),
    (is_nan_in_the_tails, r"is NaN at x = "),
    (is_infinite_at_a_probe, r"is infinite at x = 3"),
    (changes_between_calls, r"depends on chance or on earlier calls"),
    (never_returns_from_recursion, r"raised RecursionError at x = -10"),
    (leaves_the_program, r"raised SystemExit at x = -10: 3$"),
    (raises_a_long_text, r"raised RuntimeError at x = -10: 777"),
    (warns_and_raises, r"raised UserWarning at x = -10: as an exception"),
    (is_too_large_for_floats, r"OverflowError"),
    (has_infinite_moments, r"overflow|infinite|exceeds"),
    (returns_nothing, r"returns NoneType"),
    (returns_text, r"returns str"),
    (returns_masked, r"masked"),
]


@pytest.mark.parametrize(("function", "message"), REFUSED, ids=lambda case: getattr(case, "__name__", None))
def test_what_is_no_function_of_the_reals_gets_one_sentence(function, message):
    with pytest.raises(mf.MeanFieldError, match=message) as caught:
        mf.gain(function)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_slow_function_is_called_few_times():
    calls = []

    def counted(x):
        calls.append(x.size)
        return np.tanh(x)

    mf.gain(counted)
    assert len(calls) < 100


def test_a_function_that_is_not_thread_safe_gets_its_own_numbers_from_threads():
    inside, met = threading.Lock(), []

    def alone(x):
        if not inside.acquire(blocking=False):
            met.append(1)
            return np.full(x.shape, 7.0)
        try:
            time.sleep(1e-4)
            return np.tanh(x)
        finally:
            inside.release()

    phi = mf.activation(alone)
    run = {"depth": 2, "width": 8, "networks": 8, "rng": 0}
    several = mf.simulate(mf.mlp(phi, 1.3, 0.3), **run, workers=4)
    assert not met
    assert np.array_equal(several.q.mean, mf.simulate(mf.mlp(phi, 1.3, 0.3), **run).q.mean)


def test_an_interrupt_passes_through():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mf.activation(interrupted)
