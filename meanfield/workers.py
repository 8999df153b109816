"""Independent tasks on several workers, in any order, with a progress bar on terminals."""

import copy
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from meanfield.errors import InvalidInput, MeanFieldError, shown

Task = TypeVar("Task")
Result = TypeVar("Result")
#: A number of threads, or a function like `map`.
Workers = int | Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Numbered:
    """A task with its number, and the name of the call of `map_tasks` that it belongs to."""

    call: str
    index: int
    value: Any


class NumberedResult(Numbered):
    """The result of a task, with the task's number and call."""


@dataclass(frozen=True)
class OfNumbered(Generic[Task, Result]):
    """A function of numbered tasks with numbered results, made of a function of tasks."""

    function: Callable[[Task], Result]
    call: str

    def __call__(self, task: object) -> NumberedResult:
        """The result of a task, which is left as it is, so that it may be run again."""
        if type(task) is not Numbered or task.call != self.call:
            raise InvalidInput(f"workers ran the function on a {type(task).__name__} that it was not given as a task")
        try:
            return NumberedResult(self.call, task.index, self.function(copy.deepcopy(task.value)))
        except Exception as error:
            error.__dict__["of_a_task"] = True  # it survives the way back from another process
            raise


def map_tasks(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: Workers,
    progress: bool,
    label: str,
    arrived: Callable[[int, Result], None] = lambda index, result: None,
) -> list[Result]:
    """Apply `function` to every task; the results are in the order of the tasks, in whatever order workers return them.

    Parameters
    ----------
    function : callable
        Function of one task; tasks must be independent of each other.
    tasks : sequence
        The tasks.
    workers : int or callable
        Number of threads (−1 for all cores; NumPy releases the interpreter lock), or a map-like callable, such as
        ``concurrent.futures.Executor.map``, ``multiprocessing.Pool.imap_unordered`` or
        ``dask.distributed.Client.map``, which may return results or futures in any order. Workers in other processes
        need functions and networks that can be pickled.
    progress : bool
        Whether to show a progress bar on standard error, if that is a terminal.
    label : str
        Label of the progress bar: the tasks, in the plural.
    arrived : callable, optional
        Called with the number of a task and its result as soon as the result is there.

    Raises
    ------
    InvalidInput
        If `workers` is neither −1, nor an integer ≥ 1, nor callable; if it fails where the function does not; or if it
        leaves out a result, returns one twice, or returns anything else.
    """
    if callable(workers):
        return _in_order(function, tasks, workers, progress, label, arrived)
    if isinstance(workers, bool) or not isinstance(workers, int | np.integer) or not (workers == -1 or workers >= 1):
        raise InvalidInput(f"workers must be -1, an integer of at least 1 or a map-like callable, not {shown(workers)}")
    threads = min((os.cpu_count() or 1) if workers == -1 else int(workers), len(tasks))
    if threads <= 1:
        return _in_order(function, tasks, map, progress, label, arrived)
    with ThreadPoolExecutor(threads) as pool:
        try:
            return _in_order(function, tasks, pool.map, progress, label, arrived)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _in_order(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]],
    progress: bool,
    label: str,
    arrived: Callable[[int, Result], None],
) -> list[Result]:
    call, total = uuid.uuid4().hex, len(tasks)
    numbered = [Numbered(call, index, task) for index, task in enumerate(tasks)]
    results: dict[int, Result] = {}
    returned = _returned(workers, OfNumbered(function, call), numbered) if tasks else iter(())
    for result in _shown(returned, total, progress, label):
        if not isinstance(result, NumberedResult) or result.call != call:
            raise InvalidInput(f"workers returned a {type(result).__name__} that is the result of no task")
        if result.index in results:
            raise InvalidInput(f"workers returned the result of task {result.index} of {total} {label} twice")
        results[result.index] = result.value
        arrived(result.index, result.value)
    if missing := [index for index in range(total) if index not in results]:
        raise InvalidInput(f"workers returned no result for {len(missing)} of {total} {label}, such as {missing[0]}")
    return [results[index] for index in range(total)]


def _returned(
    workers: Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]],
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
) -> Iterator[Any]:
    """What `workers` returns, with futures replaced by their results; its own errors become `InvalidInput`."""
    try:
        for item in workers(function, tasks):
            yield item.result() if hasattr(item, "result") else item
    except Exception as error:
        if isinstance(error, MeanFieldError) or "of_a_task" in vars(error):
            raise
        raise InvalidInput(f"workers must work like map, and failed: {type(error).__name__}: {error}") from error


def _shown(results: Iterable[Result], total: int, progress: bool, label: str) -> Iterator[Result]:
    if not progress:
        yield from results
        return
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(results, label, total, console=console, transient=True) if console.is_terminal else results
