"""Maps of users: any order will do; lost, doubled and foreign results are an error, and never other numbers."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from functools import partial
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest

import meanfield as mf

SIGMA_W, SIGMA_B = np.linspace(0.5, 3.0, 12), np.linspace(0.0, 1.0, 1100)  # three tasks
simulate = partial(mf.simulate, "relu", 2, 8, networks=8, c=0.5, rng=5)
crosscheck = partial(mf.crosscheck, "relu", 2, 8, networks=8, c=0.5, rng=5)
phase_diagram = partial(mf.phase_diagram, "erf", SIGMA_W, SIGMA_B)
CALLS = {
    "phase_diagram": (phase_diagram, lambda diagram: [diagram.q_star, diagram.c_star, diagram.xi_c]),
    "simulate": (simulate, lambda run: list(run.raw.values())),
    "crosscheck": (crosscheck, lambda check: list(check.simulation.raw.values())),
}


@pytest.fixture(params=CALLS)
def call(request):
    return CALLS[request.param]


def imap_unordered(function, tasks):
    with ThreadPool(2) as pool:
        yield from pool.imap_unordered(function, list(tasks)[::-1])


def as_they_are_completed(function, tasks):
    with ThreadPoolExecutor(2) as pool:
        yield from as_completed([pool.submit(function, task) for task in tasks])


def run_twice(function, tasks):
    """As where a lost worker's tasks are given to another one."""
    for task in tasks:
        function(task)
        yield function(task)


RIGHT = {
    "backwards": lambda function, tasks: [function(task) for task in reversed(tasks)],
    "imap_unordered": imap_unordered,
    "as completed": as_they_are_completed,
    "run twice": run_twice,
    "by number": lambda function, tasks: {i: function(task) for i, task in enumerate(tasks)}.values(),
    "an object array": lambda function, tasks: np.array([function(task) for task in tasks], dtype=object)[::-1],
}


@pytest.mark.parametrize("kind", RIGHT)
def test_the_order_of_results_does_not_matter(call, kind):
    compute, numbers = call
    for one, other in zip(numbers(compute()), numbers(compute(workers=RIGHT[kind])), strict=True):
        assert np.array_equal(one, other, equal_nan=True)


def on_its_own_items(function, tasks):
    return [function(item) for item in range(len(tasks))]


def altered(function, tasks):
    return [function(task).value for task in tasks]


def raises_midway(function, tasks):
    yield function(tasks[0])
    raise BrokenPipeError("the queue is gone\nin line 2")


def endless(function, tasks):
    while True:
        yield function(tasks[0])


WRONG = {
    "drops one": (lambda function, tasks: map(function, tasks[1:]), "no result for 1 of "),
    "drops all": (lambda function, tasks: [], "no result for "),
    "doubles one": (lambda function, tasks: map(function, [*tasks, tasks[0]]), "task 0 of .* twice"),
    "doubles one and drops one": (lambda function, tasks: map(function, [tasks[0], *tasks[:-1]]), "twice"),
    "is endless": (endless, "twice"),
    "adds None": (lambda function, tasks: [*map(function, tasks), None], "NoneType that is the result of no task"),
    "returns tasks": (lambda function, tasks: tasks, "that is the result of no task"),
    "alters results": (altered, "that is the result of no task"),
    "uses its own items": (on_its_own_items, "a int that it was not given"),
    "returns None": (lambda function, tasks: None, "must work like map, and failed: TypeError"),
    "returns a number": (lambda function, tasks: 7, "must work like map, and failed: TypeError"),
    "takes one argument": (len, "must work like map, and failed: TypeError"),
    "is another function": (np.sin, "must work like map, and failed: TypeError"),
    "raises midway": (raises_midway, "must work like map, and failed: BrokenPipeError"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_lost_doubled_and_foreign_results_are_an_error(call, kind):
    workers, says = WRONG[kind]
    with pytest.raises(mf.InvalidInput, match=says):
        call[0](workers=workers)


def test_results_of_another_call_are_foreign():
    before = []

    def cached(function, tasks):
        before.extend(map(function, tasks)) if not before else None
        return before

    simulate(workers=cached)
    with pytest.raises(mf.InvalidInput, match="result of no task"):
        simulate(workers=cached, rng=6)


def fails(rng, fan_out, fan_in):
    raise ZeroDivisionError("in the sampler")


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_errors_of_tasks_are_not_errors_of_the_map(pool):
    with pool(1) as workers, pytest.raises(mf.InvalidInput, match=r"in the sampler") as raised:
        simulate(weights=fails, workers=workers.map)
    assert "must work like map" not in str(raised.value)


def test_other_errors_of_tasks_arrive_as_they_are(monkeypatch):
    from meanfield.workers import map_tasks

    for workers in (1, 2, map, imap_unordered):
        with pytest.raises(ZeroDivisionError):
            map_tasks(lambda task: 1 / task, [1, 0], workers, False, "quotients")


def test_no_tasks_need_no_workers():
    from meanfield.workers import map_tasks

    for workers in (1, -1, 5, pytest.fail):
        assert map_tasks(abs, [], workers, False, "nothing") == []


def test_no_more_threads_than_tasks():
    assert simulate(workers=10**9).networks == 8
