"""Independent tasks on several workers, with a progress bar on terminals."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from meanfield.errors import InvalidInput

Task = TypeVar("Task")
Result = TypeVar("Result")
#: A number of threads, or a function like `map`.
Workers = int | Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


def map_tasks(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: Workers, progress: bool, label: str
) -> list[Result]:
    """Apply `function` to every task; the results are in the order of the tasks.

    Parameters
    ----------
    function : callable
        Function of one task; tasks must be independent of each other.
    tasks : sequence
        The tasks.
    workers : int or callable
        Number of threads (−1 for all cores; NumPy releases the interpreter lock), or a map-like callable, such as
        ``concurrent.futures.Executor.map``, ``multiprocessing.Pool.map`` or ``dask.distributed.Client.map``. Workers
        in other processes need functions and networks that can be pickled.
    progress : bool
        Whether to show a progress bar on standard error, if that is a terminal.
    label : str
        Label of the progress bar.

    Raises
    ------
    InvalidInput
        If `workers` is neither −1, nor an integer ≥ 1, nor callable.
    """
    if callable(workers):
        results = (item.result() if hasattr(item, "result") else item for item in workers(function, tasks))
        return list(_shown(results, len(tasks), progress, label))
    if isinstance(workers, bool) or not isinstance(workers, int | np.integer) or not (workers == -1 or workers >= 1):
        raise InvalidInput(f"workers must be -1, an integer of at least 1 or a map-like callable, not {workers!r}")
    threads = (os.cpu_count() or 1) if workers == -1 else int(workers)
    if threads == 1:
        return list(_shown(map(function, tasks), len(tasks), progress, label))
    with ThreadPoolExecutor(threads) as pool:
        try:
            return list(_shown(pool.map(function, tasks), len(tasks), progress, label))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _shown(results: Iterable[Result], total: int, progress: bool, label: str) -> Iterator[Result]:
    if not progress:
        yield from results
        return
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(results, label, total, console=console, disable=not console.is_terminal, transient=True)
