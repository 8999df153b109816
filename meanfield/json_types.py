"""Conversion of results to JSON types."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def json_types(value: object, *, infinities: bool = False) -> Any:
    """`value` in JSON types: dict, list, str, float, int, bool and None.

    Parameters
    ----------
    value : object
        Numbers, texts, NumPy arrays, sequences, mappings and dataclass instances, nested to any depth.
    infinities : bool
        Whether infinities become the strings "inf" and "-inf"; by default they become None, as NaN does.

    Returns
    -------
    object
        Mappings and dataclass instances become dicts with str keys, arrays and sequences become lists. A result that
        says why some of its numbers are not finite has the reasons under "not_finite".

    Examples
    --------
    >>> import numpy as np
    >>> json_types({"xi": np.array([1.0, np.inf]), "phase": ("ordered", "critical")})
    {'xi': [1.0, None], 'phase': ['ordered', 'critical']}
    >>> json_types(float("-inf"), infinities=True)
    '-inf'
    """
    if is_dataclass(value) and not isinstance(value, type):
        why = getattr(value, "not_finite", None)
        named = {f.name: getattr(value, f.name) for f in fields(value) if not f.name.startswith("_")}
        value = {**named, "not_finite": why} if why else named
    if isinstance(value, Mapping):
        return {str(key): json_types(item, infinities=infinities) for key, item in value.items()}
    if hasattr(value, "tolist"):  # NumPy arrays and scalars, without an import of NumPy
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [json_types(item, infinities=infinities) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value) if infinities and not math.isnan(value) else None
    return value
