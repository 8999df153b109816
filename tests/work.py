"""How much work a call is, counted and not timed: the same on every machine and under any load."""

import sys
from collections.abc import Callable
from typing import Any


def calls(job: Callable[[], Any]) -> int:
    """How often functions, of Python and of C, are called while the job runs."""
    count, before = 0, sys.getprofile()

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        job()
    finally:
        sys.setprofile(before)
    return count
