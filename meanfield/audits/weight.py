"""One weight of a model as an audit sees it: its place, its fans and its measured scale."""

import math
from dataclasses import dataclass
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.weights.measurement import Measurement


@dataclass(frozen=True)
class Weight:
    """A weight matrix, or a part of a packed one.

    Attributes
    ----------
    name : str
        Name of the parameter, and of the part behind "#".
    module : str
        Path of the module that holds it.
    role : str
        "hidden", "residual_out" (the last matrix before a residual sum), "scaled_out" (the same where a parameter
        multiplies the branch, as in LayerScale), "head" (its output is the model's),
        "embedding", "attention" (of queries, keys and values), "recurrent", or "other", where its axes are not known.
    order : int
        Position of the first call that reads it; a large number without one.
    axes : str
        "torch" for ``(fan_out, fan_in, *kernel)``, "transposed" for ``(fan_in, fan_out, *kernel)``, "matrices" for
        (…, fan_in, fan_out), "rows" for an embedding, "einsum:" and a letter an axis, i for inputs and o for outputs.
    shape : tuple of int
        Shape ``(fan_out, fan_in, *kernel)`` of the part.
    fan_in, fan_out : int
        Inputs of a unit, outputs of an input; kernels counted.
    groups : int
        Groups of a convolution.
    stored : tuple of int
        Shape of the parameter.
    std : float
        Root mean square of the entries.
    sigma_w : float
        √fan_in · std; `std` itself for an embedding.
    error : float
        Relative standard error of both.
    sigma_b : float
        Root mean square of the bias of the same module; 0 without one.
    scheme : str
        The most likely named scheme, or that there is none.
    measured : Measurement or None
        All statistics; None if the entries are constant or few.
    activation : Activation or None
        The activation whose output it reads, perhaps in another shape.
    reads : int
        The signal that it reads; -1 without one.
    behind : str
        What it reads, where its kind and not the activation is known, such as "input".
    """

    name: str
    module: str
    role: str
    order: int
    axes: str
    shape: tuple[int, ...]
    fan_in: int
    fan_out: int
    groups: int
    stored: tuple[int, ...]
    std: float
    sigma_w: float
    error: float
    sigma_b: float
    scheme: str
    measured: Measurement | None
    activation: Activation | None
    reads: int
    behind: str = ""


@dataclass(frozen=True)
class Use:
    """How a model uses a parameter, with the attributes of `Weight`, and `cell`, the kind of a recurrent cell."""

    role: str
    order: int
    axes: str
    groups: int = 1
    activation: Activation | None = None
    reads: int = -1
    cell: str = ""
    behind: str = ""


def weight_of(
    name: str,
    array: Any,
    use: Use,
    parameter: str,
    stored: tuple[int, ...],
    measured: Measurement | None,
    sigma_b: float,
) -> Weight:
    """The weight of a matrix ``(fan_out, fan_in, *kernel)``, which may be a part of a parameter."""
    fan_out, fan_in = len(array), math.prod(array.shape[1:])
    if array.ndim > 2:
        fan_out = fan_out * math.prod(array.shape[2:]) // use.groups
    sigma = float(measured.sigma_w) if measured else math.sqrt(float((array.astype(float) ** 2).mean()) * fan_in)
    std = sigma / math.sqrt(fan_in)
    error = measured.sigma_w.standard_error / sigma if measured and sigma else 0.0
    return Weight(
        name=name,
        module=parameter.rpartition(".")[0],
        role=use.role,
        order=use.order,
        axes=use.axes,
        shape=tuple(array.shape),
        fan_in=fan_in,
        fan_out=fan_out,
        groups=use.groups,
        stored=stored,
        std=std,
        sigma_w=std if use.axes == "rows" else sigma,
        error=error,
        sigma_b=sigma_b,
        scheme=_scheme_of(measured, std),
        measured=measured,
        activation=use.activation,
        reads=use.reads,
        behind=use.behind,
    )


def _scheme_of(measured: Measurement | None, std: float) -> str:
    """The most likely named scheme of a weight, or that there is none."""
    if std == 0:
        return "zeros"
    if measured is None:
        return "not measured"
    return " = ".join(measured.scheme.names[:2]) or f"no named scheme, std {std:.3g}"
