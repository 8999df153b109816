"""The time for many networks, layers or inputs at once.

    python tests/benchmarks/many.py

Times are the best of a few in this run, after one call that analyses the activation. The error is the largest
difference from the same numbers computed one by one.
"""

import time

import numpy as np

import meanfield as mf


def kinked(x):
    return np.where(x > 0.3, x - 0.3, np.where(x < -1.0, 0.2 * (x + 1.0), 0.0))


def best(function, repeat=3):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return min(times), result


def critical_lines():
    sigma_b = np.geomspace(1e-3, 3.0, 1000)
    for name in ("tanh", "gelu", "hardtanh", "elu"):
        mf.critical_line(name, sigma_b[:2])
        taken, line = best(lambda name=name: mf.critical_line(name, sigma_b))
        some = np.arange(0, len(line.sigma_b), 97)
        found = [mf.critical_line(name, float(line.sigma_b[i])) for i in some]
        error = max(np.min(np.abs(f.sigma_w / line.sigma_w[i] - 1)) for f, i in zip(found, some, strict=True))
        print(
            f"critical_line({name!r}), 1000 sigma_b: {len(line.sigma_w)} rows, {taken * 1e3:.0f} ms, error {error:.0e}"
        )


def trajectories():
    q = np.geomspace(0.01, 10.0, 1000)
    for name in ("tanh", "gelu", kinked):
        block = mf.mlp(name, 1.4, 0.3)
        mf.propagate(block, 3, q=q)
        taken, run = best(lambda block=block: mf.propagate(block, 10_000, q=q), 1)
        alone = mf.propagate(block, 10_000, q=float(q[500])).q
        label = name if isinstance(name, str) else "a kinked callable"
        error = np.max(np.abs(run.q[:, 500] / alone - 1))
        print(f"propagate({label}), 10⁴ layers × 10³ starts: {taken:.2f} s, error {error:.0e}")


def kernels():
    rng = np.random.default_rng(0)
    block = mf.mlp(kinked, 1.8, 0.3)
    for label in ("of equal norm", "of any norm"):
        x = rng.standard_normal((2000, 100)) + 0.5
        if label == "of equal norm":
            x *= 10.0 / np.linalg.norm(x, axis=1, keepdims=True)
        mf.kernel(block, x[:30], 2)
        taken, K = best(lambda x=x: mf.kernel(block, x, 10), 1)
        few = mf.kernel(block, x[:3], 10)
        error = np.max(np.abs(K[:3, :3] / few - 1))
        smallest = np.linalg.eigvalsh(K)[0] / K.trace() * len(K)
        print(
            f"kernel of 2000 inputs {label}, 10 layers of a kinked callable: {taken:.1f} s, error {error:.0e}, "
            f"symmetric: {np.array_equal(K, K.T)}, smallest eigenvalue {smallest:.1e} of the mean one"
        )


if __name__ == "__main__":
    critical_lines()
    trajectories()
    kernels()
