"""A callable of unknown kind as a function of float64 arrays: tried at construction, guarded at every call."""

import contextlib
import functools
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from meanfield._types import ArrayFunction, Floats
from meanfield.activations.callables.coupling import check_elementwise, check_repeats
from meanfield.activations.callables.flax_modules import drawing_nothing, is_flax_module
from meanfield.activations.callables.frameworks import is_jax_array, through_jax, through_torch, torch_is_loaded
from meanfield.activations.callables.keras_layers import elementwise, is_keras_layer
from meanfield.activations.callables.precision import EPS, precision_of, rounding_unit
from meanfield.activations.callables.torch_modules import is_torch_module
from meanfield.error_state import own_error_state
from meanfield.errors import BadActivation

POSITIVE = np.array([1e-3, 0.1, 0.37, 0.5, 0.81, 1.0, 1.41, 2.0, 2.72, 3.0, 4.3, 6.0, 10.0])
PROBES = np.concatenate([-POSITIVE[::-1], [0.0], POSITIVE])  # 27 points: also a 3 × 9 array

_one_at_a_time = threading.RLock()  # changes of the warning filters must be nested


def name_of(function: object) -> str:
    """The function's own name; for a partial, the name of the function inside."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def guarded(function: Callable[..., Any], name: str) -> ArrayFunction:
    """`function` on float64 arrays of any shape; BadActivation unless it returns one real number for each entry."""
    if isinstance(function, type):
        raise BadActivation(f"{name} is a class; give an instance of it, as {name}()")
    problems: list[_Raised] = []
    for way in _ways(function):
        try:
            return _Guarded(way, name)
        except _Raised as problem:
            problems.append(problem)
    # Report the way that got furthest: a function of single floats fails on arrays for another reason.
    told = max(reversed(problems), key=lambda problem: -np.inf if problem.x is None else problem.x)
    raise BadActivation(str(told), told.x) from told.__cause__


class _Raised(BadActivation):
    """The function raised: perhaps it wants to be called in another way."""


def _ways(function: Callable[..., Any]) -> Iterator[Callable[[Floats], object]]:
    """The ways to call a function of unknown kind, in the order in which they are tried."""
    if is_torch_module(function):
        yield through_torch(function)
        return
    if is_keras_layer(function):
        function = elementwise(function)
    if is_flax_module(function):
        function = drawing_nothing(function)
    jax_is_loaded = hasattr(sys.modules.get("jax"), "Array")
    if jax_is_loaded:
        with contextlib.suppress(Exception):
            if is_jax_array(function(PROBES.copy())):
                yield through_jax(function)
                return
    yield function
    if torch_is_loaded():
        yield through_torch(function)
    if jax_is_loaded:
        yield through_jax(function)
    yield _one_by_one(function)


def _one_by_one(function: Callable[..., Any]) -> Callable[[Floats], object]:
    def on_arrays(x: Floats) -> Floats:
        values = [function(value) for value in x.ravel().tolist()]
        return np.array(values).reshape(x.shape)

    return on_arrays


class _Guarded:
    """The function, called in one way, tried on the probes.

    Its attribute `precision` is the relative rounding unit of the arithmetic of the function.
    """

    def __init__(self, way: Callable[[Floats], object], name: str) -> None:
        self.way, self.name = way, name
        self.lock = threading.RLock()  # the function may keep its own buffers
        self.unit = EPS  # rounding unit of the coarsest numbers that it returned
        values = self(PROBES)
        if not np.all(np.isfinite(values)):
            x = float(PROBES[~np.isfinite(values)][0])
            raise BadActivation(f"{name} is infinite at x = {x:g}; it must be finite for every real x", x)
        check_repeats(self, PROBES, values, self.unit, name)
        found = precision_of(self, self.unit)
        check_elementwise(self, PROBES, values, self.unit, found, name)
        self.precision = max(found.unit, self.unit)

    def __call__(self, x: Floats) -> Floats:
        """Values at `x` in float64, in memory that is shared neither with `x` nor with the function."""
        x = np.asarray(x, dtype=np.float64)
        if not x.size:
            return np.zeros(x.shape)
        try:
            values = self._values(x)
        except BadActivation:
            raise
        except (Exception, SystemExit) as error:
            where, alone = self._culprit(x, error)
            at = "" if where is None else f" at x = {where:g}"
            kind = (
                BadActivation if hasattr(self, "precision") else _Raised
            )  # once made, there is no other way to call it
            raise kind(f"{self.name} raised {type(alone).__name__}{at}: {_first_line(alone)}", where) from alone
        if np.any(bad := np.isnan(values)):
            where = float(x[bad].flat[0])
            raise BadActivation(f"{self.name} is NaN at x = {where:g}; it must be a number for every real x", where)
        return values[()]

    def _values(self, x: Floats) -> Floats:
        where = float(x.flat[0])
        with self.lock:
            returned = _called(self.way, x)
            if np.ma.is_masked(returned):
                raise BadActivation(f"{self.name} returns masked entries for an array with x = {where:g}", where)
            raw = np.array(returned)
        if raw.dtype == object and not any(value is None for value in raw.flat):
            with contextlib.suppress(TypeError, ValueError):
                raw = raw.astype(np.float64)
        if raw.dtype.kind == "c":
            if raw.shape == x.shape and np.any(raw.imag != 0):
                where = float(x[raw.imag != 0].flat[0])
            raise BadActivation(f"{self.name} returns complex numbers, at x = {where:g}; it must be real", where)
        if raw.dtype.kind not in "buif":
            kind = type(raw.flat[0]).__name__ if raw.size else raw.dtype.name
            raise BadActivation(f"{self.name} returns {kind} at x = {where:g}; it must return numbers", where)
        if raw.shape != x.shape:
            raise BadActivation(
                f"{self.name} returns the shape {raw.shape} for an array of shape {x.shape}, first x = {where:g}; "
                "it must act on each entry",
                where,
            )
        self.unit = max(self.unit, rounding_unit(raw.dtype))
        return np.asarray(raw, dtype=np.float64)

    def _culprit(self, x: Floats, error: BaseException) -> tuple[float | None, BaseException]:
        """The first entry at which the function also raises when called with it alone, and that exception."""
        for value in x.ravel()[:1000]:
            try:
                self._values(np.array(value))
            except BadActivation:
                continue
            except (Exception, SystemExit) as alone:
                return float(value), alone
        return None, error

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, lock=threading.RLock())


@own_error_state
def _called(way: Callable[[Floats], object], x: Floats) -> object:
    """What the function makes of a copy of `x`; its warnings are no errors, whatever the caller's filters say.

    Filters belong to the process. They are changed only where they have made an error of a warning, and while the call
    is repeated.
    """
    try:
        return way(x.copy())
    except Warning:
        with _one_at_a_time, warnings.catch_warnings(action="ignore"):
            return way(x.copy())


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or "no message").splitlines()[0][:200]
