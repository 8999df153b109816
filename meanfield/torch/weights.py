"""The weights of a model: their role, their parts, the activation before them, and their measured scale."""

import math
import re
from collections.abc import Iterator
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.audits.weight import Use, Weight, weight_of
from meanfield.torch.activation_calls import ELEMENTWISE, safe_activation
from meanfield.torch.attention.reads import ATTENTION
from meanfield.torch.trace import Call, Pass
from meanfield.torch.wiring import (
    CELLS,
    CONVOLUTIONS,
    MATRICES,
    POOLS,
    PRODUCTS_OF_MATRICES,
    TRANSPOSED,
    Wiring,
)  # fmt: skip
from meanfield.weights.loading import plain_array
from meanfield.weights.measure import measure
from meanfield.weights.measurement import Measurement

PACKED = re.compile(
    r"(in_proj_weight|(.*[._])?(qkv|wqkv|c_attn|in_proj|query_key_value)(_proj)?\.weight)", re.IGNORECASE
)
GATES = {"lstm": ("input", "forget", "cell", "output"), "gru": ("reset", "update", "new")}
PARTS = ("q", "k", "v")


def weights_of(model: Any, found: Pass, wiring: Wiring, alpha: float) -> tuple[Weight, ...]:
    """All parameters of two or more axes, in the order in which the pass reads them.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    found : Pass
        A pass of it, with calls.
    wiring : Wiring
        The graph of the pass.
    alpha : float
        False-alarm rate of the tests of all matrices together.
    """
    first: dict[str, tuple[int, Call]] = {}
    for order, call in enumerate(found.calls):
        for name in call.parameters:
            first.setdefault(name, (order, call))
    parts: dict[str, tuple[Any, Use, str, tuple[int, ...]]] = {}
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2 and parameter.is_floating_point() and parameter.numel():
            use = _use(model, name, parameter, first, wiring)
            for part, array in _parts(name, plain_array(parameter, name), use):
                parts[f"{name}#{part}" if part else name] = (array, use, name, tuple(parameter.shape))
    usable = {name: array for name, (array, *_) in parts.items() if array.size > 1}
    by_name = {one.name: one for one in _measured(usable, min(alpha, 0.1))}
    biases = {name: p for name, p in model.named_parameters() if p.ndim == 1 and p.numel()}
    found_weights = (
        weight_of(name, *of, by_name.get(name), _rms(biases.get(of[2].replace("weight", "bias"))))
        for name, of in parts.items()
    )
    return tuple(sorted(found_weights, key=lambda weight: weight.order))


def _rms(bias: Any) -> float:
    return 0.0 if bias is None else math.sqrt(float(bias.detach().cpu().double().square().mean()))


def _measured(arrays: dict[str, Any], alpha: float) -> Iterator[Measurement]:
    found = measure(arrays, layout="torch", alpha=alpha) if arrays else ()
    yield from (found,) if isinstance(found, Measurement) else found


def _use(model: Any, name: str, parameter: Any, first: dict[str, tuple[int, Call]], wiring: Wiring) -> Use:
    order, call = first.get(name, (len(first) + 10**6, None))
    module = model.get_submodule(name.rpartition(".")[0])
    kind = type(module).__name__
    if call is None:
        return Use("other", order, "torch")
    if call.function == "embedding" or kind == "Embedding":
        head = next((c for c in wiring.users(name) if c.function in MATRICES and wiring.is_head(c)), None)
        return Use("embedding" if head is None else "embedding and head", order, "rows")
    if call.function in CELLS:
        return Use("recurrent", order, "torch", cell=call.function)
    if call.function in ATTENTION:
        role = "residual_out" if "out_proj" in name and wiring.closes_residual(call) else "attention"
        return Use(role, order, "torch", reads=call.reads[0])
    if call.function not in MATRICES | {"einsum"} or not call.reads:
        return Use("other", order, "torch")
    axes = "torch"
    if call.function == "einsum" and (axes := _contraction(call, name, parameter.ndim)) == "":
        return Use("other", order, "torch")
    if call.function in TRANSPOSED:
        axes = "transposed"
    if call.function in PRODUCTS_OF_MATRICES:
        axes = "matrices" if _is_right_factor(call, name) else "torch"
    groups = int(getattr(module, "groups", 1)) if call.function in CONVOLUTIONS | TRANSPOSED else 1
    ends = "scaled_out" if wiring.is_damped(call) else "residual_out"
    role = "head" if wiring.is_head(call) else ends if wiring.closes_residual(call) else "hidden"
    return Use(role, order, axes, groups, activation_before(wiring, call.reads[0]), call.reads[0])


def _contraction(call: Call, name: str, axes: int) -> str:
    """Which axes of a parameter an einsum sums over, as "einsum:ioo"; "" where it is not a linear layer."""
    equation = call.arguments[0] if call.arguments and isinstance(call.arguments[0], str) else ""
    terms, _, result = equation.replace(" ", "").partition("->")
    operands = [a for a in call.arguments[1:] if isinstance(a, tuple)]
    named = list(zip(terms.split(","), operands, strict=False))
    own = next((term for term, operand in named if operand == ("parameter", name)), "")
    others = "".join(term for term, operand in named if operand != ("parameter", name))
    kinds = ["i" if axis not in result else "o" if axis not in others else "b" for axis in own]
    return f"einsum:{''.join(kinds)}" if len(kinds) == axes and "i" in kinds and "b" not in kinds else ""


def activation_before(wiring: Wiring, number: int) -> Activation | None:
    """The activation that made a signal, perhaps behind dropout, pooling and changes of shape."""
    call = wiring.source(number, POOLS)
    if call is None or not (call.function in ELEMENTWISE or not call.parameters):
        return None
    ended = safe_activation(wiring, call)
    return None if ended is None else ended[0]


def _is_right_factor(call: Call, name: str) -> bool:
    """Whether the parameter is the right factor of a product of matrices, so that it multiplies from (…, fan_in)."""
    tensors = [a for a in call.arguments if isinstance(a, tuple) and a[:1] in (("signal",), ("parameter",))]
    return bool(tensors) and tensors[-1] == ("parameter", name)


def _parts(name: str, array: Any, use: Use) -> Iterator[tuple[str, Any]]:
    """The matrix ``(fan_out, fan_in, *kernel)``, in parts where several are packed into one parameter."""
    if use.axes.startswith("einsum:"):
        kinds = use.axes[len("einsum:") :]
        order = [i for i, kind in enumerate(kinds) if kind == "o"] + [i for i, kind in enumerate(kinds) if kind == "i"]
        units = math.prod(size for size, kind in zip(array.shape, kinds, strict=True) if kind == "o")
        yield "", array.transpose(order).reshape(units, -1)
        return
    if use.axes in ("transposed", "matrices") and array.ndim >= 2:
        array = array.swapaxes(-1, -2) if use.axes == "matrices" else array.swapaxes(0, 1)
    if use.axes == "matrices" and array.ndim == 3:  # one matrix for each expert
        yield "", array.reshape(-1, array.shape[2])
        return
    if use.role == "other":
        yield "", array.reshape(-1, array.shape[-1])
        return
    labels: tuple[str, ...] = ()
    if use.role == "recurrent":
        labels = GATES.get(use.cell, ())
    elif PACKED.fullmatch(name.rpartition(".")[2]) or PACKED.fullmatch(name):
        labels = PARTS if array.ndim == 2 and len(array) == 3 * array.shape[1] else ()
    if labels and len(array) % len(labels) == 0:
        size = len(array) // len(labels)
        for i, label in enumerate(labels):
            yield label, array[i * size : (i + 1) * size]
    else:
        yield "", array
