"""The small architectures as a fixture."""

import importlib

import pytest


@pytest.fixture
def zoo(torch):
    """The module `torch_architectures`, with torch's generator seeded."""
    torch.manual_seed(0)
    return importlib.import_module("torch_architectures")
