"""Options of the test run: one BLAS thread, the same examples on every machine, and frameworks as fixtures."""

import os
import sys
from collections import Counter
from importlib.util import find_spec

import pytest
from hypothesis import settings

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # matrices are small: threads only wait
    os.environ.setdefault(name, "1")

collect_ignore_glob = ["long/*"]  # scripts of .ci/long
for framework, models in {"torch": "torch_*.py", "flax": "flax_*.py", "keras": "keras_*.py"}.items():
    if find_spec(framework) is None:  # pytest would look for doctests in them
        collect_ignore_glob.append(models)

settings.register_profile("same", derandomize=True, deadline=None, database=None)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("same")  # --hypothesis-profile=random draws others in every run


class ClosedFigures:
    """Close the figures of every test and doctest, since matplotlib warns of more than 20."""

    def pytest_runtest_teardown(self):
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            pyplot.close("all")


def pytest_configure(config):
    config.pluginmanager.register(ClosedFigures())


def pytest_addoption(parser):
    parser.addoption(
        "--corpus",
        type=int,
        default=63,
        help="how many random functions of the corpus to try (63 takes seconds, 5000 half an hour)",
    )
    parser.addoption("--long", action="store_true", help="run whole sweeps, and what is marked long, as .ci/long does")


def pytest_collection_modifyitems(config, items):
    """Mark the tests that take a framework as a fixture, and leave out what only the long run runs."""
    for item in items:
        needed = {"torch", "jax", "keras", "flax"} & set(getattr(item, "fixturenames", ()))
        if needed:
            item.add_marker(pytest.mark.frameworks)
        if "keras" in needed:
            item.add_marker(pytest.mark.keras)
    if not config.getoption("--long"):
        seen = Counter()
        left_out = [item for item in items if only_in_the_long_run(item, seen)]
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


def only_in_the_long_run(item, seen):
    """Whether a test is marked long, or is a case of a sweep(n) other than every n-th."""
    name, sweep = item.nodeid.partition("[")[0], item.get_closest_marker("sweep")
    seen[name] += 1
    return bool(item.get_closest_marker("long") or (sweep and (seen[name] - 1) % sweep.args[0]))


@pytest.fixture
def torch():
    """The module torch; the test is skipped without it."""
    return pytest.importorskip("torch")


@pytest.fixture
def jax():
    """The module jax; the test is skipped without it."""
    return pytest.importorskip("jax")


@pytest.fixture
def keras():
    """The module keras on the backend of the environment; the test is skipped without it."""
    return pytest.importorskip("keras")


@pytest.fixture
def flax():
    """The module flax with flax.nnx and flax.linen; the test is skipped without it."""
    pytest.importorskip("flax.nnx")
    pytest.importorskip("flax.linen")
    return pytest.importorskip("flax")
