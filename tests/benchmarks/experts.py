"""What a capable user writes for q* and χ₁ of one activation, in four ways; each is told where φ has kinks.

`by_quad_math` runs SciPy's quad over functions of `math`, `by_quad_compiled` over compiled C, both within brentq and
one point at a time. `Newton` iterates on a whole grid with a fixed rule. `Spline` tabulates V and E φ′² as cubic
splines in ln q and iterates on those.
"""

import ctypes
import math
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy import LowLevelCallable, integrate, interpolate, optimize, special

WIDEST = 9.0  # standard deviations; beyond them lies 1e-19 of the weight
SPAN = np.log((1e-9, 1e3))  # of q, in the tables

C_SOURCE = """
#include <math.h>
#define W exp(-0.5*z*z)*0.3989422804014327
static double phi(double x) {{ return {phi}; }}
static double slope(double x) {{ return {slope}; }}
double second(int n, double *at, void *s) {{ double z = at[0], y = phi(*(double*)s*z); return y*y*W; }}
double square(int n, double *at, void *s) {{ double z = at[0], y = slope(*(double*)s*z); return y*y*W; }}
"""


class Case:
    """One activation: for NumPy, for `math`, in C, and its kinks; the search for q* begins within `bracket`."""

    def __init__(self, ours, phi, slope, scalar, scalar_slope, c, c_slope, kinks=()):
        self.ours, self.phi, self.slope, self.kinks = ours, phi, slope, kinks
        self.scalar, self.scalar_slope, self.c, self.c_slope = scalar, scalar_slope, c, c_slope


def _gelu(x):
    return 0.5 * x * math.erfc(-x * math.sqrt(0.5))


def _gelu_slope(x):
    return 0.5 * math.erfc(-x * math.sqrt(0.5)) + x * math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def _sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def own_kinked(x):
    """A callable of a user, with two kinks."""
    return np.minimum(np.maximum(x - 0.3, 0), 2) + 0.1 * x


CASES = {
    "tanh": Case(
        "tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2,
        math.tanh, lambda x: 1 - math.tanh(x) ** 2, "tanh(x)", "1 - tanh(x)*tanh(x)",
    ),
    "silu": Case(
        "silu", lambda x: x * special.expit(x), lambda x: (s := special.expit(x)) * (1 + x * (1 - s)),
        lambda x: x * _sigmoid(x), lambda x: (s := _sigmoid(x)) * (1 + x * (1 - s)),
        "x/(1 + exp(-x))", "(1 + x*(1 - 1/(1 + exp(-x))))/(1 + exp(-x))",
    ),
    "gelu": Case(
        "gelu", lambda x: x * special.ndtr(x),
        lambda x: special.ndtr(x) + x * np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi),
        _gelu, _gelu_slope, "0.5*x*erfc(-x*0.7071067811865476)",
        "0.5*erfc(-x*0.7071067811865476) + x*exp(-0.5*x*x)*0.3989422804014327",
    ),
    "elu": Case(
        "elu", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), lambda x: np.exp(np.minimum(x, 0)),
        lambda x: x if x > 0 else math.expm1(x), lambda x: 1.0 if x > 0 else math.exp(x),
        "x > 0 ? x : expm1(x)", "x > 0 ? 1 : exp(x)", (0.0,),
    ),
    "hardtanh": Case(
        "hardtanh", lambda x: np.clip(x, -1, 1), lambda x: 1.0 * (np.abs(x) < 1),
        lambda x: min(max(x, -1.0), 1.0), lambda x: 1.0 if abs(x) < 1 else 0.0,
        "fmin(fmax(x, -1), 1)", "fabs(x) < 1", (-1.0, 1.0),
    ),
    "relu6": Case(
        "relu6", lambda x: np.clip(x, 0, 6), lambda x: 1.0 * ((x > 0) & (x < 6)),
        lambda x: min(max(x, 0.0), 6.0), lambda x: 1.0 if 0 < x < 6 else 0.0,
        "fmin(fmax(x, 0), 6)", "x > 0 && x < 6", (0.0, 6.0),
    ),
    "sin(3*x)": Case(
        "sin(3*x)", lambda x: np.sin(3 * x), lambda x: 3 * np.cos(3 * x),
        lambda x: math.sin(3 * x), lambda x: 3 * math.cos(3 * x), "sin(3*x)", "3*cos(3*x)",
    ),
    "own callable, 2 kinks": Case(
        own_kinked, own_kinked, lambda x: 0.1 + ((x > 0.3) & (x < 2.3)),
        lambda x: min(max(x - 0.3, 0.0), 2.0) + 0.1 * x, lambda x: 1.1 if 0.3 < x < 2.3 else 0.1,
        "fmin(fmax(x - 0.3, 0), 2) + 0.1*x", "x > 0.3 && x < 2.3 ? 1.1 : 0.1", (0.3, 2.3),
    ),
}  # fmt: skip


def rule(case, q):
    """Nodes x and weights for E f(√q Z), arrays of shape (q.size, nodes).

    It is Gauss–Legendre between the kinks, or the trapezoidal rule, which converges exponentially for a smooth φ.
    """
    s = np.sqrt(q)[:, None]
    if not case.kinks:
        z = np.linspace(-WIDEST, WIDEST, 361)
        return s * z, np.broadcast_to(np.exp(-0.5 * z * z) * (z[1] - z[0]) / np.sqrt(2 * np.pi), (q.size, z.size))
    kinks = np.clip(np.array(case.kinks) / s, -WIDEST, WIDEST)
    edges = np.hstack([np.full_like(s, -WIDEST), kinks, np.full_like(s, WIDEST)])
    t, w = leggauss(40)
    half = np.diff(edges)[..., None] / 2
    z = (edges[:, :-1, None] + half * (1 + t)).reshape(q.size, -1)
    return s * z, (half * w).reshape(q.size, -1) * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


class Spline:
    """Cubic splines of V and E φ′² in ln q, made once."""

    def __init__(self, case, knots=1200):
        log_q = np.linspace(*SPAN, knots)
        x, weights = rule(case, np.exp(log_q))
        self.v = interpolate.CubicSpline(log_q, np.sum(weights * case.phi(x) ** 2, axis=1))
        self.slope = self.v.derivative()
        self.square = interpolate.CubicSpline(log_q, np.sum(weights * case.slope(x) ** 2, axis=1))

    def __call__(self, sigma_w, sigma_b):
        """q* and χ₁ on a grid, arrays of one entry a point."""

        def map_and_slope(y):
            return self.v(y), self.slope(y)

        log_q, w = settled(map_and_slope, sigma_w, sigma_b)
        return np.exp(log_q), w * self.square(log_q)


class Newton:
    """Newton's method on a grid with a rule of 200 nodes, without tables."""

    def __init__(self, case):
        self.case = case
        z, weights = np.polynomial.hermite_e.hermegauss(200)
        self.z, self.weights = z, weights / np.sqrt(2 * np.pi)

    def __call__(self, sigma_w, sigma_b):
        """q* and χ₁ on a grid, arrays of one entry a point."""
        phi, slope = self.case.phi, self.case.slope

        def map_and_slope(log_q):
            x = np.exp(log_q / 2)[:, None] * self.z
            y = phi(x)
            return y**2 @ self.weights, (x * y * slope(x)) @ self.weights

        log_q, w = settled(map_and_slope, sigma_w, sigma_b)
        return np.exp(log_q), w * (slope(np.exp(log_q / 2)[:, None] * self.z) ** 2 @ self.weights)


def settled(map_and_slope, sigma_w, sigma_b, first=6, steps=40, most=2000):
    """ln q* of a grid, and sigma_w², of one entry a point: the fixed point that q = 1 reaches.

    A few layers from q = 1, then Newton's method in ln q. Where that ends at an unstable point or not at all, layers
    until nothing moves.
    """
    w, b = (a.ravel() for a in np.broadcast_arrays(sigma_w[:, None] ** 2, sigma_b**2))
    log_q = np.zeros(w.size)
    for _ in range(first):
        log_q = np.clip(np.log(w * map_and_slope(log_q)[0] + b), *SPAN)
    start, at, residual = log_q.copy(), np.arange(w.size), np.ones(w.size)
    for _ in range(steps):
        y = log_q[at]
        q, (v, slope) = np.exp(y), map_and_slope(y)
        step = np.clip((w[at] * v + b[at] - q) / (q - w[at] * slope), -1.5, 1.5)
        residual[at] = np.where(w[at] * slope < q, np.abs(step), 1.0)
        log_q[at] = np.clip(y + step, *SPAN)
        at = at[np.abs(step) > 1e-12]
        if not at.size:
            break
    at = np.flatnonzero((residual > 1e-12) | (np.abs(log_q - start) > 1))
    log_q[at] = start[at]
    for _ in range(most):
        y = log_q[at]
        log_q[at] = np.clip(np.log(w[at] * map_and_slope(y)[0] + b[at]), *SPAN)
        at = at[(np.abs(log_q[at] - y) > 1e-12) & (log_q[at] > SPAN[0]) & (log_q[at] < SPAN[1])]
        if not at.size:
            break
    return log_q, w


def _by_quad(moments, kinks, sigma_w, sigma_b, near):
    """q* and χ₁ of one point; `moments` are V and E φ′² as functions of √q and the arguments of quad."""
    second, square = moments

    def arguments(q):
        inside = [x / math.sqrt(q) for x in kinks if abs(x) < WIDEST * math.sqrt(q)] or None
        return {"points": inside, "epsabs": 0, "epsrel": 1e-10, "limit": 200}

    def excess(q):
        return sigma_w**2 * second(math.sqrt(q), arguments(q)) + sigma_b**2 - q

    q = optimize.brentq(excess, 0.5 * near, 2.0 * near, xtol=1e-14, rtol=1e-10)
    return q, sigma_w**2 * square(math.sqrt(q), arguments(q))


def by_quad_math(case):
    """q* and χ₁ of one point, by quad over functions of `math`, from a bracket of a factor of two about q*."""

    def moment(f):
        c = 1 / math.sqrt(2 * math.pi)
        return lambda s, options: integrate.quad(
            lambda z: c * f(s * z) ** 2 * math.exp(-0.5 * z * z), -WIDEST, WIDEST, **options
        )[0]

    moments = moment(case.scalar), moment(case.scalar_slope)
    return lambda sigma_w, sigma_b, near: _by_quad(moments, case.kinks, sigma_w, sigma_b, near)


def by_quad_compiled(case):
    """The same with integrands in C, or None where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    folder = Path(tempfile.mkdtemp())
    source, library = folder / "phi.c", folder / "phi.so"
    source.write_text(C_SOURCE.format(phi=case.c, slope=case.c_slope))
    subprocess.run([compiler, "-O3", "-shared", "-fPIC", "-o", library, source, "-lm"], check=True)
    loaded = ctypes.CDLL(str(library))

    def moment(function):
        function.restype, function.argtypes = ctypes.c_double, (
            ctypes.c_int, ctypes.POINTER(ctypes.c_double), ctypes.c_void_p,
        )  # fmt: skip

        def value(s, options):
            at = ctypes.c_double(s)
            integrand = LowLevelCallable(function, ctypes.cast(ctypes.pointer(at), ctypes.c_void_p))
            return integrate.quad(integrand, -WIDEST, WIDEST, **options)[0]

        return value

    moments = moment(loaded.second), moment(loaded.square)
    return lambda sigma_w, sigma_b, near: _by_quad(moments, case.kinks, sigma_w, sigma_b, near)
