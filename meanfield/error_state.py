"""The floating-point error state of the library: the caller's does not reach into it, and is not changed.

Overflow, underflow and divisions by zero are expected within the library: limits, tails and bounds on errors are built
on the infinities, zeros and NaN that they give. Every public function that computes runs in `own_error_state`, and so
does every task that is given to a worker.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


def own_error_state(function: Function) -> Function:
    """`function` with errors of floating-point operations of NumPy and of scipy.special ignored while it runs.

    Both states belong to the running thread.
    """

    @functools.wraps(function)
    def undisturbed(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(all="ignore"):
            special = sys.modules.get("scipy.special")
            if special is None or all(action == "ignore" for action in special.geterr().values()):
                return function(*args, **kwargs)
            with special.errstate(all="ignore"):
                return function(*args, **kwargs)

    return cast(Function, undisturbed)
