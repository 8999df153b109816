"""NumPy functions of sympy expressions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield._types import ArrayFunction, Expression, Floats
from meanfield.activations.formulas.cases import floor_class, where_class
from meanfield.activations.formulas.removable_singularities.parts import part_of, removable_class
from meanfield.activations.formulas.rewriting import stable_functions
from meanfield.activations.formulas.vocabulary import real_x


def _where(g: Floats, a: Floats, b: Floats, closed: int) -> Floats:
    """`a` where g > 0, or g ≥ 0 if `closed`, and `b` elsewhere; +0 instead of −0, whose reciprocal is −∞."""
    return np.add(np.where((g >= 0) if closed else (g > 0), a, b), 0.0)


def compiled(expression: Expression) -> ArrayFunction:
    """A NumPy function of an expression in the real x; cases that are not selected have no effect."""
    import sympy as sp

    ours: dict[str, Callable[..., Any]] = {cls.__name__: function for cls, function in stable_functions().values()}
    ours[where_class().__name__] = _where
    ours[floor_class().__name__] = np.floor
    ours[removable_class().__name__] = lambda x, tag, base: part_of(tag)(x)
    function = sp.lambdify(real_x(), expression.xreplace({sp.zoo: sp.oo}), modules=[ours, "scipy", "numpy"], cse=True)

    def on_arrays(x: Floats) -> Floats:
        with np.errstate(all="ignore"):
            values = np.asarray(function(x))
        if values.shape != np.shape(x):
            values = np.broadcast_to(values, np.shape(x)).copy()
        return np.asarray(values, dtype=np.float64)[()] if values.dtype.kind != "c" else values

    return on_arrays
