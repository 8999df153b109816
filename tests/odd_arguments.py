"""Odd values, one in the place of each argument of each public name, and the verdict on what comes of it.

A call gets a right result, or a MeanFieldError of one line that is shorter than 300 characters. A value that is another
spelling of a usual one (a 0-d array, a Fraction, a read-only array) gets what the usual one gets, or a refusal.
"""

import contextlib
import copy
import functools
import inspect
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import meanfield as mf
from meanfield import plotting

LONGEST = 300  # characters of a message
SECONDS = 10.0  # that a call may take


class Silent:
    """Shows itself as nothing that fits on a line."""

    def __repr__(self) -> str:
        return "Silent(\n" + "x" * 5000 + "\n)"


class Broken:
    """Fails whatever it is asked, even to show itself."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __float__(self) -> float:
        raise RuntimeError("no float")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("no array")


class Framed:
    """An object that becomes an array as a pandas Series does."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.values.astype(dtype or self.values.dtype)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, i: Any) -> Any:
        return self.values[i]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)


class Floating:
    """An object that is a number by ``__float__`` alone."""

    def __float__(self) -> float:
        return 0.5


def read_only(values: Any) -> Any:
    """An array that cannot be written to."""
    array = np.array(values)
    array.setflags(write=False)
    return array


#: What stands in an argument's place: label, and how to make it (generators are used up).
ODD: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "nan": lambda: np.nan,
    "inf": lambda: np.inf,
    "-inf": lambda: -np.inf,
    "-1": lambda: -1,
    "-0.0": lambda: -0.0,
    "0": lambda: 0,
    "subnormal": lambda: 5e-324,
    "1e-160": lambda: 1e-160,
    "1e155": lambda: 1e155,
    "1e308": lambda: 1e308,
    "-1e308": lambda: -1e308,
    "2**63": lambda: 2**63,
    "10**400": lambda: 10**400,
    "10**5000": lambda: 10**5000,
    "1e-17": lambda: 1e-17,
    "1j": lambda: 1j,
    "complex": lambda: np.complex128(0.5),
    "complex array": lambda: np.array([0.5 + 0j, 0.25]),
    "a": lambda: "a",
    "empty string": lambda: "",
    "lines": lambda: "re\nlu\r\n\x00",
    "digits": lambda: "7" * 10_000,
    "number as text": lambda: "0.5",
    "bytes": lambda: b"relu",
    "empty array": lambda: np.array([]),
    "empty list": lambda: [],
    "ragged": lambda: [[1.0], [1.0, 2.0]],
    "array of text": lambda: np.array(["0.5", "a"]),
    "objects of text": lambda: np.array(["0.5"], dtype=object),
    "objects with None": lambda: np.array([0.5, None], dtype=object),
    "masked": lambda: np.ma.masked_array([0.5, 99.0], mask=[False, True]),
    "the masked constant": lambda: np.ma.masked,
    "list with masked": lambda: [0.5, np.ma.masked],
    "dates": lambda: np.array(["2020-01-01"], dtype="datetime64[D]"),
    "records": lambda: np.array([(0.5, 1)], dtype=[("a", float), ("b", int)]),
    "nan array": lambda: np.array([0.5, np.nan]),
    "long array": lambda: np.linspace(-1, 1, 1000),
    "wrong shapes": lambda: np.full((2, 3, 4), 0.5),
    "32 axes": lambda: np.full((1,) * 32, 0.5),
    "dict": lambda: {"a": 0.5},
    "set": lambda: {0.5},
    "generator": lambda: (x for x in (0.5, 0.25)),
    "object": lambda: object(),
    "a class": lambda: float,
    "a module": lambda: np,
    "silent": Silent,
    "broken": Broken,
    "a function": lambda: np.tanh,
    "deep list": lambda: functools.reduce(lambda inner, _: [inner], range(2000), 0.5),
}

#: Other spellings of usual values, and those.
SPELLINGS: dict[str, tuple[Callable[[], Any], Any]] = {
    "0-d array": (lambda: np.array(0.5), 0.5),
    "0-d integer array": (lambda: np.array(8), 8),
    "0-d object array": (lambda: np.array(0.5, dtype=object), 0.5),
    "object array": (lambda: np.array([0.5, 0.25], dtype=object), [0.5, 0.25]),
    "Fraction": (lambda: Fraction(1, 2), 0.5),
    "Decimal": (lambda: Decimal("0.5"), 0.5),
    "float32": (lambda: np.float32(0.5), 0.5),
    "float16": (lambda: np.float16(0.5), 0.5),
    "longdouble": (lambda: np.longdouble(0.5), 0.5),
    "float": (Floating, 0.5),
    "whole float": (lambda: 8.0, 8),
    "uint8": (lambda: np.uint8(8), 8),
    "read-only": (lambda: read_only([0.5, 0.25]), [0.5, 0.25]),
    "strided": (lambda: np.array([0.5, 9.0, 0.25, 9.0])[::2], [0.5, 0.25]),
    "big-endian": (lambda: np.array([0.5, 0.25], dtype=">f8"), [0.5, 0.25]),
    "nothing masked": (lambda: np.ma.masked_array([0.5, 0.25]), [0.5, 0.25]),
    "framed": (lambda: Framed([0.5, 0.25]), [0.5, 0.25]),
    "tuple": (lambda: (0.5, 0.25), [0.5, 0.25]),
    "True": (lambda: True, 1),
    "numpy text": (lambda: np.str_("relu"), "relu"),
}


def _weights() -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(24, 24)) / 24**0.5, rng.normal(size=(24, 24)) / 24**0.5]


_BLOCK = "Dense(1.3, 0.3), tanh"
_IMAGES = "Conv(1.3, 0.3), tanh"
_TOKENS = {"tokens": None, "token_c": None}

#: Usual arguments of each public function and class, fast ones; each argument in turn becomes odd.
USUAL: dict[str, dict[str, Any]] = {
    "activation": {"spec": "elu", "derivative": None, "breakpoints": None, "name": None, "surrogate": None, "alpha": 1},
    "catalogue": {},
    "expectation": {"f": "tanh", "q": 1.0, "rtol": 1e-10, "atol": 0.0},
    "moment": {"spec": "tanh", "product": "ff", "q": 1.0, "rtol": None},
    "pair_expectation": {"f": "relu", "g": None, "q": 1.0, "q2": None, "c": 0.5, "rtol": 1e-10},
    "dual": {"spec": "relu"},
    "hermite_coefficients": {"spec": "tanh", "n": 4, "q": 1.0},
    "gain": {"spec": "tanh", "kind": "forward", "q": 1.0},
    "gains": {"spec": "tanh", "q": 1.0},
    "calculate_gain": {"nonlinearity": "leaky_relu", "param": 0.1},
    "Layer": {},
    "Dense": {"sigma_w": 1.3, "sigma_b": 0.3},
    "Elementwise": {"activation": "tanh"},
    "Residual": {"branch": "relu", "branch_scale": 0.5, "skip_scale": 1.0},
    "Parallel": {"branches": "relu"},
    "Scale": {"value": 0.5},
    "StochasticDepth": {"branch": "relu", "rate": 0.1},
    "Dropout": {"rate": 0.1},
    "AdditiveNoise": {"std": 0.1},
    "MultiplicativeNoise": {"std": 0.1},
    "Gated": {
        "activation": "tanh",
        "sigma_w": 1.0,
        "sigma_b": 0.0,
        "gate_sigma_w": 0.5,
        "gate_sigma_b": None,
        "expansion": 2.0,
    },
    "LayerNorm": {},
    "RMSNorm": {},
    "GroupNorm": {"groups": 4, "size": None},
    "Concatenate": {"branch": "relu", "growth": 1.0},
    "BatchNorm": {"batch_size": 16, "pixels": 4},
    "Conv": {"sigma_w": 1.3, "sigma_b": 0.3, "kernel_size": 3, "weights": "uniform", "padding": "zeros", "stride": 1},
    "AveragePool": {"size": 2},
    "Flatten": {},
    "GlobalAveragePool": {},
    "Attention": {"sigma_w": 1.0, "sigma_b": 0.0, "scores": "softmax", "sigma_qk": 1.0, "causal": False},
    "network": {"text": _BLOCK},
    "written": {"layer": mf.Dense()},
    "forget_bias": {"memory": 10.0, "cell": "minimal", "sigma_w": 1.0, "sigma_v": 1.0, "input_q": 1.0},
    "embedding": {
        "tokens": 4,
        "std": 0.02,
        "frequencies": 100,
        "patches": None,
        "positions": "sinusoidal",
        "position_std": 0.02,
        "base": 1e4,
        "width": 8,
        "scale": 1.0,
        "class_std": None,
    },
    "mode_depth_scales": {"block": _IMAGES, "pixels": 8},
    "propagate_pixels": {"block": _IMAGES, "covariance": np.eye(8), "depth": 1, "pixels": None},
    "Network": {"layers": "tanh"},
    "mlp": {"spec": "tanh", "sigma_w": 1.3, "sigma_b": 0.3},
    "variance_map": {"block": _BLOCK, "q": 1.0},
    "correlation_map": {"block": _BLOCK, "c": 0.5, "q": 1.0},
    "fixed_points": {"block": _BLOCK, "q_max": 1e6} | _TOKENS,
    "analyze": {"block": _BLOCK, "q": 1.0} | _TOKENS,
    "propagate": {"block": _IMAGES, "depth": 2, "q": 1.0, "c": 0.5, "q2": None, "width": None, "pixels": 8} | _TOKENS,
    "kernel": {"block": _BLOCK, "inputs": np.eye(3), "depth": 2},
    "fluctuations": {"block": _BLOCK, "depth": 2, "width": 64, "q": 1.0, "c": 0.5, "q2": None},
    "lyapunov": {"block": _BLOCK, "q": 1.0, "weights": "orthogonal"},
    "isometry": {"spec": "tanh", "depth": 2, "spread": 0.25},
    "jacobian": {
        "block": "tanh",
        "depth": 2,
        "width": 8,
        "networks": 2,
        "q": 1.0,
        "weights": "gaussian",
        "rng": 0,
        "workers": 1,
    },
    "spectrum": {"block": _BLOCK, "depth": 2, "q": 1.0, "weights": "orthogonal", "widths": None},
    "ntk": {"block": _BLOCK, "inputs": np.eye(3), "depth": 2},
    "critical_line": {"spec_or_block": "tanh", "sigma_b": 0.1, "stable_only": False} | _TOKENS,
    "critical_point": {"spec": "tanh"},
    "phase_diagram": {
        "spec_or_block": "tanh",
        "sigma_w": [1.0, 1.5],
        "sigma_b": [0.1],
        "workers": 1,
        "progress": False,
        "q": 1.0,
        "checkpoint": None,
        **_TOKENS,
    },
    "recommend": {"spec": "tanh", "depth": 8, "width": 32} | _TOKENS,
    "transform": {
        **{"spec": "tanh", "method": "dks", "depth": 8, "block": None},
        **{"zeta": 1.5, "tau": 0.3, "eta": 0.9, "branch": "published"},
    },
    "simulate": {
        "block": "Conv(1.3, 0.3), tanh",
        "depth": 2,
        "width": 8,
        "networks": 2,
        "q": 1.0,
        "c": 0.5,
        "inputs": None,
        "pixels": 8,
        "weights": "gaussian",
        "method": "materialized",
        "dtype": "float32",
        "rng": 0,
        "workers": 1,
        "progress": False,
        **_TOKENS,
    },
    "check_weights": {
        "weights": _weights(),
        "activation": "tanh",
        "inputs": None,
        "q": 1.0,
        "c": 0.5,
        "networks": 8,
        "layout": "torch",
        "rng": 0,
        "alpha": 0.01,
    },
    "initializer": {"name": "he_normal", "activation": None, "gain": None, "mode": None, "law": None},
    "schemes": {},
    "measure": {"weights": _weights()[0], "layout": "torch", "alpha": 0.01},
    "input_statistics": {"X": np.eye(4), "sigma_b": 0.1, "q": 1.0},
    "scheme_table": {"activations": "tanh", "schemes": "he_normal", "depths": 2, "width": 16, "q": 1.0},
}
USUAL["crosscheck"] = {**USUAL["simulate"], "alpha": 0.01}

#: Methods of objects that users hold: how to make the method, and its usual arguments.
METHODS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "Activation()": (lambda: mf.activation("tanh"), {"x": 0.5}),
    "Activation.derivative": (lambda: mf.activation("x*tanh(x)").derivative, {"x": 0.5}),
    "Activation.backward": (lambda: mf.activation("relu").backward, {"x": 0.5}),
    "Activation.has_zero_mean": (lambda: mf.activation("silu").has_zero_mean, {"q": 0.5}),
    "Activation.varies": (lambda: mf.activation("silu").varies, {"q": 0.5}),
    "Activation.looks_scale_invariant": (lambda: mf.activation("silu").looks_scale_invariant, {"q": 0.5}),
    "Recommendation.code": (lambda: mf.recommend("tanh").code, {"framework": "jax"}),
    "Fluctuations.width_for": (lambda: mf.fluctuations("tanh", 2, 64).width_for, {"relative": 0.1}),
    "Spectrum.density": (lambda: mf.spectrum("relu", 2, q=1.0).density, {"x": 0.5, "log": False}),
    "Lyapunov.quantile": (lambda: mf.lyapunov("linear").quantile, {"u": 0.5}),
    "Spectrum.cdf": (lambda: mf.spectrum("relu", 2, q=1.0).cdf, {"x": 0.5}),
    "Spectrum.quantile": (lambda: mf.spectrum("relu", 2, q=1.0).quantile, {"u": 0.5, "log": False}),
    "Initializer()": (
        lambda: mf.initializer("he_normal"),
        {"rng": np.random.default_rng(0), "fan_out": 4, "fan_in": 4},
    ),
    "Initializer.std": (lambda: mf.initializer("he_normal").std, {"fan_out": 4, "fan_in": 4}),
    "Initializer.sigma_w_at": (lambda: mf.initializer("he_normal").sigma_w_at, {"fan_out": 4, "fan_in": 4}),
    "Initializer.sigma_b_at": (lambda: mf.initializer("torch_linear").sigma_b_at, {"fan_out": 4, "fan_in": 4}),
    "Initializer.blocks": (lambda: mf.initializer("he_normal").blocks, {"activation": "relu", "widths": [4, 8]}),
}


def _figures() -> dict[str, tuple[Callable[[], Any], dict[str, Any]]]:
    """The same of the functions that draw."""
    c, q, line = np.linspace(-1, 1, 5), np.linspace(0.1, 2, 5), mf.critical_line("erf", [0.1, 0.2])
    diagram, run = mf.phase_diagram("erf", [1.0, 1.5], [0.1, 0.2]), mf.propagate(_BLOCK, 2, c=0.5)
    scales = mf.analyze(mf.mlp("erf", [1.1, 1.5], 0.1))
    usual: dict[str, dict[str, Any]] = {
        "plot_activation": {"activation": mf.activation("tanh"), "ax": None, "q": 1.0},
        "plot_correlation_map": {"c": c, "mapped": c, "ax": None, "c_star": 0.5, "orbit": None},
        "plot_critical_lines": {"lines": {"erf": line}, "ax": None},
        "plot_crosscheck": {"check": mf.crosscheck(_BLOCK, 2, 8, networks=2, c=0.5, rng=0), "ax": None},
        "plot_decay": {"runs": {"a": run}, "ax": None, "laws": None},
        "plot_depth_map": {
            **{"sigma_w": [1.0, 2.0], "depth": [1, 2, 3], "values": np.ones((3, 2)), "ax": None},
            **{"label": "a", "xi_c": None, "scales": 6.0},
        },
        "plot_depth_scales": {"sigma_w": [1.1, 1.5], "scales": scales, "ax": None, "critical": (), "title": ""},
        "plot_fluctuations": {"fluctuations": mf.fluctuations("tanh", 2, 64), "ax": None, "label": None},
        "plot_lyapunov": {"lyapunov": mf.lyapunov("linear"), "ax": None, "label": "a"},
        "plot_spectrum": {"spectrum": mf.spectrum("relu", 2, q=1.0), "ax": None, "label": "a"},
        "plot_phase_diagram": {"diagram": diagram, "ax": None, "critical_line": None},
        "plot_phase_diagrams": {"diagrams": [diagram], "axes": None, "critical_lines": None},
        "plot_propagation": {"trajectory": run, "axes": None},
        "plot_quantity": {"trajectory": run, "quantity": "q", "ax": None},
        "plot_signal": {"runs": {"a": run}, "axes": None, "simulations": None, "quantities": None},
        "plot_simulation": {"simulation": mf.simulate(_BLOCK, 2, 8, networks=2, rng=0), "axes": None, "label": None},
        "plot_variance_map": {"q": q, "mapped": q, "ax": None, "fixed_points": (), "orbit": None},
    }
    return {name: (functools.partial(getattr, plotting, name), arguments) for name, arguments in usual.items()}


METHODS |= _figures()

METHODS |= {
    "Embedding.normalised": (lambda: mf.embedding(3).normalised, {"norm": "layernorm", "eps": 1e-5}),
    "Embedding.norm_gradient": (lambda: mf.embedding(3).norm_gradient, {"norm": "rmsnorm", "eps": 1e-5}),
}

#: Records of results: their fields are computed by the library, and they check nothing.
RECORDS = {
    "Activation", "ModeDepthScales", "PixelTrajectory", "FixedPoint",
    "Analysis", "Embedding", "Trajectory", "Fluctuations", "Spectrum", "Lyapunov", "Isometry",
    "CriticalLine", "CriticalPoint",
    "Deepest", "PhaseDiagram", "Recommendation", "TransformedActivation", "Simulation", "CrossCheck", "WeightCheck",
    "Initializer", "Measurement", "Measurements", "InputStatistics", "Estimate", "Sample",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One call: the name of what is called, the argument that is odd, and the label of its value."""

    name: str
    argument: str
    label: str

    def __str__(self) -> str:
        return f"{self.name}({self.argument}={self.label})"


def cases() -> list[Case]:
    """Every argument of every public name with every odd value."""
    labels = [*ODD, *SPELLINGS]
    usual = USUAL | {name: arguments for name, (_, arguments) in METHODS.items()}
    return [Case(name, argument, label) for name in usual for argument in usual[name] for label in labels]


def outcome(case: Case) -> str:
    """``""`` if the call ends as promised, else what is wrong with it."""
    if case.label in ODD:
        made, error = _called(case, ODD[case.label]())
        return error or _shows(made)
    odd, usual = SPELLINGS[case.label]
    made, error = _called(case, odd())
    if error or isinstance(made, mf.MeanFieldError):
        return error
    expected, error = _called(case, usual)
    if isinstance(expected, mf.MeanFieldError):
        return "" if case.label in ("float", "framed", "True") else f"accepted, while {usual!r} is refused: {expected}"
    if not same(made, expected):
        return f"is {made!r:.200} for {case.label}, and {expected!r:.200} for {usual!r}"
    return _shows(made)


def _called(case: Case, value: Any) -> tuple[Any, str]:
    usual = METHODS[case.name][1] if case.name in METHODS else USUAL[case.name]
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        pyplot.close("all")  # Matplotlib warns of many open figures
    return called(case.name, {**copy.deepcopy(usual), case.argument: value})


def called(name: str, arguments: dict[str, Any]) -> tuple[Any, str]:
    """What a public name makes of these arguments, a MeanFieldError included, and what is wrong with that."""
    function, arguments = METHODS[name][0]() if name in METHODS else getattr(mf, name), dict(arguments)
    positional = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            positional.append(arguments.pop(name))
    try:
        with limited(SECONDS):
            made = function(*positional, **arguments)
    except mf.MeanFieldError as error:
        text = str(error)
        if not text.isprintable() or len(text) >= LONGEST:
            return error, f"message of {len(text)} characters: {text[:400]!r}"
        return error, ""
    except TimeoutError:
        return None, f"took over {SECONDS} s"
    except Exception as error:
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if "meanfield" in frame.filename]
        at = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "another library"
        return None, f"{type(error).__name__} at {at}: {str(error)[:150]!r}"
    return made, ""


def _shows(made: Any) -> str:
    if isinstance(made, mf.MeanFieldError):
        return ""
    try:
        repr(made)
    except Exception as error:
        return f"the result cannot be shown: {type(error).__name__}: {error}"
    return ""


def same(one: Any, other: Any) -> bool:
    """Whether two results have the same type and the same numbers, as they show themselves in full."""
    with np.printoptions(precision=10, suppress=True, threshold=10**6):
        a, b = repr(one), repr(other)
    return a == b or (" object at 0x" in a and type(one) is type(other))


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the main thread after so many seconds."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def over(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
