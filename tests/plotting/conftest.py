import sys

import pytest


@pytest.fixture(autouse=True)
def without_pyplot(monkeypatch):
    """Figures are made as in a program that does not use pyplot, whatever another test imported."""
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
