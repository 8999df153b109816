"""Each task beside the code that an expert writes for it, in one run on one thread.

    python tests/benchmarks/tasks.py [part of a name]

Processor times of the first call and of the best of three more; the expert's time is the best of three. Errors are the
largest, relative to the largest entry; where none is given, the expert's answer is no reference. The last column is the
aim: a multiple of the expert's time (×) or a time; "missed" says that "again" (or "first", if the aim says so) is
beyond it. Rows of one named activation share its tables, so that "first" of a later row is not cold. Tasks of the
command line are whole processes, beside processes that only import.
"""

import os
import subprocess
import sys
import time

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy import integrate

import meanfield as mf

Z, WEIGHTS = hermegauss(200)
WEIGHTS = WEIGHTS / np.sqrt(2 * np.pi)


def timed(call, repeats):
    """Processor time, children included, of the first call and the best of `repeats` more, and the first result."""
    taken, result = [], None
    for _ in range(repeats + 1):
        begun, own = os.times(), time.process_time()
        found = call()
        own, ended = time.process_time() - own, os.times()
        taken.append(own + ended.children_user + ended.children_system - begun.children_user - begun.children_system)
        result = found if result is None else result
    return taken[0], min(taken[1:], default=taken[0]), result


def difference(a, b):
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return float(np.max(np.abs(a - b)) / np.max(np.abs(b)))


def shown(seconds):
    value, unit = (
        (seconds, "s ") if seconds >= 1 else (1e3 * seconds, "ms") if seconds >= 1e-3 else (1e6 * seconds, "µs")
    )
    return f"{value:8.2f} {unit}"


def row(name, ours, expert=None, *, per=1, times=None, most=None, truth=None, repeats=3, first_counts=False):
    """Print one line; `per` divides times, `times` is the aim as a multiple of the expert's, `most` in seconds."""
    if len(sys.argv) > 1 and sys.argv[1] not in name:
        return
    first, again, result = timed(ours, repeats)
    measured, aims, reached = first if first_counts else again, [], []
    columns = [f"{name:58}{shown(first / per)} {shown(again / per)}"]
    columns.append(f"{difference(result, truth()):8.0e}" if truth else f"{'':8}")
    if expert is not None:
        _, taken, theirs = timed(expert, 3)
        columns.append(f" {shown(taken / per)}" + (f"{difference(theirs, truth()):8.0e}" if truth else f"{'':8}"))
        columns.append(f"{measured / taken:8.2f}")
        if times:
            aims.append(f"≤ {times:g} ×")
            reached.append(measured <= times * taken)
    else:
        columns.append(" " * 28)
    if most:
        aims.append(f"≤ {shown(most).strip()}")
        reached.append(measured / per <= most)
    verdict = ", ".join(aims) + (" (first)" if first_counts else "") + ("" if all(reached) else ": missed")
    print("".join(columns) + f"   {verdict}", flush=True)


# Kernels of full matrices by closed forms of E φ(u)φ(v) and E φ′(u)φ′(v), in q = diag(k) and k.


def arc_cosine(k, q):
    size = np.sqrt(np.multiply.outer(q, q))
    c = np.clip(k / size, -1, 1)
    return size * (np.sqrt((1 - c) * (1 + c)) + (np.pi - np.arccos(c)) * c) / (2 * np.pi)


def arc_cosine_slope(k, q):
    return (np.pi - np.arccos(np.clip(k / np.sqrt(np.multiply.outer(q, q)), -1, 1))) / (2 * np.pi)


def erf_dual(k, q):
    s = np.sqrt(1 + 2 * q)
    return 2 / np.pi * np.arcsin(2 * k / np.multiply.outer(s, s))


def erf_slope(k, q):
    s = 1 + 2 * q
    return 4 / np.pi / np.sqrt(np.multiply.outer(s, s) - 4 * k**2)


def gelu_dual(k, q):
    p, squares = np.multiply.outer(1 + q, 1 + q), np.multiply.outer(q, q)
    d = p - k**2
    return k / 4 + (k * np.arcsin(k / np.sqrt(p)) + (k**2 + squares * d) / (p * np.sqrt(d))) / (2 * np.pi)


def gelu_slope(k, q):
    p, squares = np.multiply.outer(1 + q, 1 + q), np.multiply.outer(q, q)
    d = p - k**2
    rest = (1 + (2 - 2 * squares + (k**2 + squares * d) / d) / p) * k / np.sqrt(d)
    return 0.25 + (np.arcsin(k / np.sqrt(p)) + rest) / (2 * np.pi)


CLOSED = {"relu": (arc_cosine, arc_cosine_slope), "gelu": (gelu_dual, gelu_slope), "erf": (erf_dual, erf_slope)}


def kernel_by_hand(phi, x, layers):
    """The NNGP kernel for sigma_w = 1, sigma_b = 0."""
    k = x @ x.T / x.shape[1]
    for _ in range(layers):
        k = CLOSED[phi][0](k, np.diag(k))
    return k


def ntk_by_hand(phi, x, layers):
    """The NTK of the same network."""
    k = x @ x.T / x.shape[1]
    theta = 0 * k
    for _ in range(layers):
        q = np.diag(k)
        slope, k = CLOSED[phi][1](k, q), CLOSED[phi][0](k, q)
        theta = slope * theta + k
    return theta


def pairs_by_hand(phi, x):
    """E φ(u)φ(v) of all pairs at once, by 200 × 8 nodes of half sums and half differences."""
    i, j = np.triu_indices(len(x))
    q = np.mean(x**2, axis=1)
    d = 0.5 * np.mean((x[i] - x[j]) ** 2, axis=1)
    variance, cov = 0.5 * (q[i] + q[j] - d), 0.25 * (q[i] - q[j])
    rest = np.sqrt(np.maximum(0.5 * d - cov**2 / variance, 0))
    t, w = hermegauss(8)
    s = np.sqrt(variance)[:, None, None] * Z[:, None]
    delta = (cov / variance)[:, None, None] * s + rest[:, None, None] * t
    return np.einsum("pab,a,b->p", phi(s + delta) * phi(s - delta), WEIGHTS, w / np.sqrt(2 * np.pi))


def one_by_one(phi, x, count=4):
    """E φ(u)φ(v) of the first pairs (0, j), by adaptive integration of each."""
    q = np.mean(x**2, axis=1)
    c = [float(x[0] @ x[j] / x.shape[1] / np.sqrt(q[0] * q[j])) for j in range(1, count)]
    return [mf.pair_expectation(phi, q=q[0], q2=q[j], c=c[j - 1]).value for j in range(1, count)]


def smooth(x):
    return np.tanh(x) + 0.1 * x * x


def kinked(x):
    return np.abs(x - 0.3)


def kernels():
    rng = np.random.default_rng(0)
    near = rng.normal(size=30) + 1e-3 * rng.normal(size=(40, 30))
    above = np.triu_indices(40)
    named = {"tanh": np.tanh, "own smooth callable": smooth, "hardtanh": lambda x: np.clip(x, -1, 1)}
    for name, phi in {**named, "own kinked callable": kinked}.items():
        ours = phi if name.startswith("own") else name
        row(
            f"kernel of 40 nearly equal inputs, {name}, a pair",
            lambda ours=ours: mf.kernel(ours, near, 1)[above],
            (lambda phi=phi: pairs_by_hand(phi, near)) if name in ("tanh", "own smooth callable") else None,
            per=820,
            most=20e-6,
        )
    inputs = rng.normal(size=(24, 30))
    row(
        "kernel of tanh, 24 inputs, 12 layers",
        lambda: mf.kernel(mf.mlp("tanh", 1.0, 0.3), inputs, 12),
        most=0.2,
        first_counts=True,
    )
    many = rng.normal(size=(2000, 50)) * rng.uniform(0.5, 2, size=(2000, 1))
    by_hand = kernel_by_hand("relu", many, 3)
    row(
        "kernel of relu, 2,000 inputs, 3 layers",
        lambda: mf.kernel("relu", many, 3),
        lambda: kernel_by_hand("relu", many, 3),
        times=2,
        truth=lambda: by_hand,
    )
    some = rng.normal(size=(200, 50))
    for phi in CLOSED:
        for ours, hand in ((mf.kernel, kernel_by_hand), (mf.ntk, ntk_by_hand)):
            row(
                f"{ours.__name__} of {phi}, 200 inputs, 5 layers",
                lambda ours=ours, phi=phi: ours(phi, some, 5),
                lambda hand=hand, phi=phi: hand(phi, some, 5),
                times=3,
                truth=lambda hand=hand, phi=phi: hand(phi, some, 5),
            )


def new(f):
    """The same function as an object that nothing is known about yet."""
    return lambda x: f(x)


def iterated(layers):
    """q and q·c by layer of tanh at sigma_w = 1 from q = 1, c = ½, by 200 × 200 nodes."""
    q, k, weights = 1.0, 0.5, np.multiply.outer(WEIGHTS, WEIGHTS)
    for _ in range(layers):
        s, c = np.sqrt(q), k / q
        first = np.tanh(s * Z)
        second = np.tanh(s * (c * Z[:, None] + np.sqrt(1 - c * c) * Z))
        q, k = first**2 @ WEIGHTS, np.sum(weights * first[:, None] * second)
    return k / q


def critical_by_hand(phi, slope):
    """σ_w² and σ_b² where q = 1 is a fixed point with χ₁ = 1, by quad."""

    def mean(f):
        return integrate.quad(lambda z: f(z) ** 2 * np.exp(-0.5 * z * z), -9, 9, epsrel=1e-10)[0] / np.sqrt(2 * np.pi)

    w = 1 / mean(slope)
    return w, 1 - w * mean(phi)


def many_pairs(c, terms=60):
    """E f(u)f(v) at q = 1 by the Hermite series with 200 nodes."""
    values, before, now = smooth(Z), np.zeros(Z.size), np.ones(Z.size)
    series = np.empty(terms)
    for n in range(terms):
        series[n] = (WEIGHTS @ (values * now)) ** 2
        before, now = now, (Z * now - np.sqrt(n) * before) / np.sqrt(n + 1)
    return np.polynomial.polynomial.polyval(c, series)


def signals():
    pixels = np.random.default_rng(0).normal(size=(128, 200))  # two images of 8 × 8 pixels
    block, covariance = (
        mf.Network("tanh", mf.Conv(1.2, 0.1, kernel_size=(3, 3), padding="zeros")),
        pixels @ pixels.T / 200,
    )
    row(
        "propagate_pixels of tanh, zero padding, 2 images 8 × 8",
        lambda: mf.propagate_pixels(block, covariance, 3, pixels=(8, 8)).q[-1],
        most=0.3,
        first_counts=True,
    )
    c, phi = np.random.default_rng(0).uniform(-0.99, 0.99, 100_000), new(smooth)
    row(
        "pair_expectation, 1e5 correlations, same callable",
        lambda: mf.pair_expectation(phi, c=c).value,
        lambda: many_pairs(c),
        most=0.05,
        truth=lambda: many_pairs(c, 150),
    )
    deep = mf.mlp("tanh", 1.0)
    row(
        "propagate tanh, sigma_w = 1, c = ½, 1000 layers, a layer",
        lambda: mf.propagate(deep, 1000, c=0.5).c[-1],
        lambda: iterated(1000),
        per=1000,
        most=1e-4,
        truth=lambda: iterated(1000),
        repeats=1,
    )


def criticality():
    leaky = new(lambda x: np.tanh(1.3 * x) + 0.1 * x)
    row("recommend of a new callable", lambda: mf.recommend(new(leaky)) and 0, most=0.4)
    row(
        "critical_point of a new callable",
        lambda: mf.critical_point(new(leaky)) and 0,
        lambda: critical_by_hand(leaky, lambda x: 1.3 / np.cosh(1.3 * x) ** 2 + 0.1),
        most=0.3,
    )
    for name, call, most in (
        ("critical_point max(x-.3,0)", lambda: mf.critical_point("max(x-.3,0)"), 0.5),
        ("analyze max(x-1,0) at (2, .5)", lambda: mf.analyze(mf.mlp("max(x-1,0)", 2.0, 0.5)), 0.5),
        ("critical_point softplus", lambda: mf.critical_point("softplus"), 0.5),
        ("recommend gated(silu), dense", lambda: mf.recommend("gated(silu), dense"), 0.5),
    ):
        row(name, lambda call=call: call() and 0, most=most, repeats=1, first_counts=True)
    for name, phi in (("smooth", smooth), ("kinked", kinked)):
        row(
            f"first gain of a new {name} callable",
            lambda phi=phi: mf.gain(new(phi)).value ** -2,
            lambda phi=phi: (
                integrate.quad(lambda z: phi(z) ** 2 * np.exp(-0.5 * z * z), -12, 12)[0] / np.sqrt(2 * np.pi)
            ),
            times=5,
            most=0.01,
            truth=lambda phi=phi: mf.expectation(lambda z: phi(z) ** 2).value,
        )


BLOCKS = (
    "residual(layernorm, gelu, dense)",
    "tanh, dropout(0.1), dense",
    "layernorm, tanh, dense",
    "batchnorm(32), tanh, dense",
    "gated(gelu), dense",
    "residual(tanh, dense)",
    "prelu, additive_noise(0.1), dense",
    "attention, tanh, dense",
)


def diagrams():
    for block in BLOCKS:
        row(
            f"64² diagram of {block}, a point",
            lambda block=block: mf.phase_diagram(block, np.linspace(0.5, 3, 64), np.linspace(0, 1, 64)) and 0,
            per=4096,
            most=50e-6,
            repeats=1,
        )


def processes():
    def run(*command):
        return lambda: subprocess.run([sys.executable, *command], capture_output=True, check=False).returncode * 0

    light = run("-c", "import numpy, typer, rich")
    heavy = run("-c", "import numpy, typer, rich, scipy.special, scipy.integrate, scipy.optimize")
    cli = ("-m", "meanfield")
    row("command line: an error line", run(*cli, "gain", "nonsense"), light, times=1.3)
    row("command line: recommend gelu", run(*cli, "recommend", "gelu"), heavy, times=1.5)
    row("command line: gain of a formula", run(*cli, "gain", "x*tanh(x)"), heavy, times=1.3)


def main():
    print(f"{'task':58}{'first':>11} {'again':>11}{'error':>8} {'expert':>11}{'error':>8}{'ratio':>8}   aim")
    for part in (diagrams, kernels, signals, criticality, processes):
        part()


if __name__ == "__main__":
    main()
