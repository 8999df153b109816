"""Independent networks, spread over workers: the results do not depend on how."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from meanfield.errors import InvalidInput

__all__ = ["Workers", "run_networks", "spawn"]

Workers = int | Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


def spawn(rng: Any, networks: int) -> list[np.random.Generator]:
    """One independent generator a network from `rng`: None, a seed, a SeedSequence or a Generator (SPEC 7)."""
    try:
        return np.random.default_rng(rng).spawn(networks)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"rng must be None, an integer ≥ 0, a SeedSequence or a Generator made from one, not {rng!r}"
        ) from None


def run_networks(
    run: Callable[[np.random.Generator], Any], generators: list[np.random.Generator], workers: Workers, progress: bool
) -> list[Any]:
    """`run` on every generator, in order.

    Parameters
    ----------
    run : callable
        Simulates one network from its generator.
    generators : list of numpy.random.Generator
        One a network.
    workers : int or callable
        Threads (−1 for one a core; NumPy computes outside the interpreter lock), or a map-like callable, as
        ``concurrent.futures.Executor.map``, ``multiprocessing.Pool.map`` or ``dask.distributed.Client.map``; those that
        run in other processes need a network that can be pickled.
    progress : bool
        Whether to show a bar on standard error; only ever on a terminal.

    Raises
    ------
    InvalidInput
        If `workers` is neither −1, nor an integer ≥ 1, nor callable.
    """
    if callable(workers):
        results = (item.result() if hasattr(item, "result") else item for item in workers(run, generators))
        return list(_shown(results, len(generators), progress))
    if isinstance(workers, bool) or not isinstance(workers, (int, np.integer)) or not (workers == -1 or workers >= 1):
        raise InvalidInput(f"workers must be −1, an integer ≥ 1 or a map-like callable, not {workers!r}")
    threads = (os.cpu_count() or 1) if workers == -1 else int(workers)
    if threads == 1:
        return list(_shown(map(run, generators), len(generators), progress))
    with ThreadPoolExecutor(threads) as pool:
        try:
            return list(_shown(pool.map(run, generators), len(generators), progress))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _shown(results: Iterable[Any], total: int, progress: bool) -> Iterator[Any]:
    if not progress:
        yield from results
        return
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(results, "networks", total, console=console, disable=not console.is_terminal, transient=True)
