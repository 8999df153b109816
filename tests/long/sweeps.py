"""The sweeps of which `pytest` runs every n-th case, whole, and the tests that are marked long."""

import sys

import pytest

sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "--long", "-m", "sweep or long", "tests"]))
