"""The page of dual kernels is what the package says today."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_is_up_to_date():
    spec = importlib.util.spec_from_file_location("make_duals", DOCS / "make_duals.py")
    make_duals = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_duals)
    assert (DOCS / "theory" / "duals.md").read_text() == make_duals.page()
