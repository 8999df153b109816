"""Types that many modules share."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
#: A function of float64 arrays of any shape, elementwise.
ArrayFunction = Callable[[Floats], Floats]
#: An Axes of matplotlib, which publishes no types.
Axes = Any
#: An expression of SymPy, which publishes no types.
Expression = Any
