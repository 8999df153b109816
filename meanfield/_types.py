"""Types that many modules share."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: A parameter of a layer: a number, or an array that broadcasts against the other parameters.
Parameter = float | Floats
#: Arrays of float32 or float64.
Reals = NDArray[np.floating]
#: float32 or float64.
RealType = np.dtype[np.floating]
#: Arrays of any type.
AnyArray = NDArray[Any]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
#: A function of float64 arrays of any shape, elementwise.
ArrayFunction = Callable[[Floats], Floats]
#: An Axes of matplotlib, which publishes no types.
Axes = Any
#: An expression of SymPy, which publishes no types.
Expression = Any
