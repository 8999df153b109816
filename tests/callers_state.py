"""Runs a call of every public function, in the usual state or a hostile one; prints what it showed and what changed.

As a script: ``python callers_state.py [hostile] [slow]``.
"""

import decimal
import json
import locale
import os
import random
import re
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import matplotlib
import numpy as np
import sympy
from matplotlib import pyplot
from odd_arguments import USUAL, called
from scipy import special

import meanfield as mf
from meanfield import plotting


def _overflows(x: Any) -> Any:
    return x / (1 + np.exp(-5 * x)) + np.exp(-((x - 40.0) ** 2)) + (x > 0.3) * np.exp(-np.abs(x))


def _usual(name: str) -> Callable[[], Any]:
    return lambda: called(name, USUAL[name])[0]


#: A call of every public function, and of methods and properties that compute.
CALLS: dict[str, Callable[[], Any]] = {name: _usual(name) for name in USUAL} | {
    "Activation()": lambda: mf.activation("gelu")([0.5, -1e300, 1e300]),
    "Activation.derivative": lambda: mf.activation("gelu").derivative([0.5, -1e300, 1e300]),
    "breakpoints": lambda: mf.activation(_overflows).breakpoints,
    "jumps": lambda: mf.activation(_overflows).jumps,
    "gain of a callable": lambda: mf.gain(_overflows, kind="forward"),
    "slope of a callable": lambda: mf.activation(_overflows).derivative([0.5, -1e3, 1e300]),
    "varies": lambda: mf.activation(_overflows).varies([1e-300, 1.0, 1e100]),
    "has_zero_mean": lambda: mf.activation("x*exp(-x**2)").has_zero_mean([1e-300, 1.0, 1e100]),
    "xi_c": lambda: mf.critical_line(mf.Network("tanh", mf.Dropout(0.1), mf.Dense()), 0.2).xi_c,
    "deepest": lambda: mf.critical_line(mf.Network("tanh", mf.Dropout(0.1), mf.Dense()), 0.2).deepest,
    "critical_line of two": lambda: mf.critical_line("gelu", [0.2, 0.5]),
    "two workers": lambda: mf.phase_diagram(mf.Network("relu", mf.Dense()), [0.5, 1.0], [0.0, 0.1], workers=2),
    "simulation of two workers": lambda: mf.simulate("gelu", 2, 8, networks=4, rng=0, workers=2).gradient,
    "exact law": lambda: mf.simulate("relu", 2, 8, networks=4, rng=0, c=0.5, method="exact_law").c,
    "batch": lambda: mf.propagate(mf.Network("relu", mf.Dense(), mf.BatchNorm(8)), 3, c=0.5).one_minus_c,
    "attention": lambda: mf.propagate(mf.network("attention(1, scores=gaussian), relu, dense"), 2, c=0.5, pixels=4).c,
    "tiny q": lambda: mf.propagate("tanh", 2, q=1e-300, c=0.5),
    "huge q": lambda: mf.propagate("tanh", 2, q=1e300, c=0.5),
    "draws": lambda: mf.initializer("orthogonal")(np.random.default_rng(0), 3, 3),
    "scales": lambda: mf.initializer("lecun_normal").sigma_w,
    "figure": lambda: plotting.plot_activation(mf.activation("tanh"), ax=pyplot.figure().subplots()).get_xlabel(),
    "refusal": lambda: mf.activation("geluu"),
    "divergence": lambda: mf.expectation("exp(x**2)"),
}


#: Those that take seconds.
SLOW = ("varies", "xi_c", "deepest")


def shown(name: str) -> str:
    """What a call returns or raises, with all digits."""
    try:
        answer = CALLS[name]()
    except mf.MeanFieldError as error:
        answer = error
    with np.printoptions(precision=17, threshold=10**6):
        return re.sub(r" at 0x[0-9a-f]+", "", repr(answer))


def state() -> dict[str, Any]:
    """The state of the process and of this thread that belongs to the caller."""
    return {
        "error state": np.geterr(),
        "error call": np.geterrcall(),
        "special": special.geterr(),
        "filters": list(warnings.filters),
        "locale": locale.setlocale(locale.LC_ALL),
        "environment": dict(os.environ),
        "numpy.random": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "random": random.getstate(),
        "print options": np.get_printoptions(),
        "decimal": decimal.getcontext().prec,
        "threads": threading.active_count(),
        "signals": [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)],
        "recursion": sys.getrecursionlimit(),
        "digits": sys.get_int_max_str_digits(),
        "streams": [sys.stdout, sys.stderr],
        "backend": matplotlib.get_backend(),
        "figures": {key: value for key, value in matplotlib.rcParams.items() if not key.startswith("backend")},
        "mpmath": sympy.mpmath.mp.dps if hasattr(sympy, "mpmath") else None,
    }


def make_hostile() -> None:
    """Errors for every rounding and every warning, and no directory to work in."""
    np.seterr(all="raise")
    special.seterr(all="raise")
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="matplotlib")  # old ones call new pyparsing
    decimal.getcontext().prec = 3
    gone = tempfile.mkdtemp()
    os.chdir(gone)
    os.rmdir(gone)


if __name__ == "__main__":
    import_module("scipy.sparse")  # adds to the filters
    if "hostile" in sys.argv:
        make_hostile()
    matplotlib.use("agg")
    texts, changed = {}, {}
    for each in SLOW if "slow" in sys.argv else (name for name in CALLS if name not in SLOW):
        before = state()
        texts[each] = shown(each)
        if differs := [key for key, value in state().items() if value != before[key] and key != "figures"]:
            changed[each] = differs
    print(json.dumps({"shown": texts, "changed": changed}))
