"""Options of the test run: one BLAS thread, the same examples on every machine, and frameworks as fixtures."""

import os

import pytest
from hypothesis import settings

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # matrices are small: threads only wait
    os.environ.setdefault(name, "1")

collect_ignore_glob = ["long/*"]  # scripts of .ci/long

settings.register_profile("same", derandomize=True, deadline=None, database=None)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("same")  # --hypothesis-profile=random draws others in every run


def pytest_addoption(parser):
    parser.addoption(
        "--corpus",
        type=int,
        default=105,
        help="how many random functions of the corpus to try (105 takes seconds, 5000 half an hour)",
    )


def pytest_collection_modifyitems(items):
    """Mark the tests that take a framework as a fixture."""
    for item in items:
        needed = {"torch", "jax", "keras", "flax"} & set(getattr(item, "fixturenames", ()))
        if needed:
            item.add_marker(pytest.mark.frameworks)
        if "keras" in needed:
            item.add_marker(pytest.mark.keras)


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
