"""The rows of an audit: what was measured at each module, and what theory and redrawn weights say of it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.audits.row import Row
from meanfield.audits.weight import Weight
from meanfield.torch.redraws import output_of
from meanfield.torch.trace import Pass
from meanfield.torch.wiring import Wiring

CONTAINERS = ("ModuleList", "Sequential", "ModuleDict")


def paths_of(model: Any, found: Pass) -> list[str]:
    """The modules that get a row: those without children, those with parameters of their own, and blocks of a list.

    The model itself, whose path is empty, counts as a module. Modules that ran come first, in the
    order in which they ended.
    """
    kept = []
    for path, module in model.named_modules():
        parent = model.get_submodule(path.rpartition(".")[0]) if path else None
        block = type(parent).__name__ in CONTAINERS
        leaf = not any(True for _ in module.children())
        if leaf or (path and block) or any(True for _ in module.parameters(recurse=False)):
            kept.append(path)
    ran = [path for path in found.modules if path in set(kept)]
    rest = [
        path for path in kept if path not in found.modules and any(True for _ in model.get_submodule(path).parameters())
    ]
    return ran + rest


def measured_rows(model: Any, wiring: Wiring, weights: Sequence[Weight]) -> tuple[Row, ...]:
    """Rows with what the pass measured."""
    rows, found, inside = [], wiring.found, wiring.in_branches()
    for path in paths_of(model, found):
        signal = output_of(found, path)
        calls = found.modules.get(path)
        reads = [found.signals[n] for n in calls[0][0]] if calls else []
        q, mean, c, g = (
            (signal.second_moment, signal.mean, signal.correlation, signal.gradient) if signal else (math.nan,) * 4
        )
        rows.append(
            Row(
                path,
                type(model.get_submodule(path)).__name__,
                signal.shape if signal else (),
                tuple(weight for weight in weights if weight.module == path),
                q,
                mean,
                c,
                g,
                in_branch=signal is not None and bool(inside >> signal.number & 1),
                varies=signal is None or signal.varies or not any(one.varies for one in reads),
            )
        )
    return tuple(rows)


def columns(
    own: Mapping[str, Floats], others: Sequence[Mapping[str, Floats]]
) -> tuple[list[tuple[str, int]], Floats, Floats]:
    """The quantities that are finite in the model and in all redrawn ones: (quantity, row), own values, sample."""
    keys, found, sample = [], [], []
    for name, values in own.items():
        stacked = np.array([other[name] for other in others])
        for i in np.flatnonzero(np.isfinite(values) & np.isfinite(stacked).all(axis=0)):
            keys.append((name, int(i)))
            found.append(values[i])
            sample.append(stacked[:, i])
    return keys, np.array(found), np.array(sample).T.reshape(len(others), len(keys))
