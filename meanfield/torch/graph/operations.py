"""The calls of a pass as operations that theory knows, or the sentence why it does not."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from meanfield.audits.weight import Weight
from meanfield.errors import MeanFieldError
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.torch.activation_calls import activation_of
from meanfield.torch.attention.reads import ATTENTION, Reads
from meanfield.torch.framework import framework
from meanfield.torch.trace import Call
from meanfield.torch.wiring import (
    CELLS,
    CONVOLUTIONS,
    DROPOUTS,
    MATRICES,
    POOLS,
    PRODUCTS,
    QUOTIENTS,
    SHAPES,
    SUMS,
    Wiring,
)

PARTS = frozenset(("chunk", "split", "unbind", "tensor_split"))
RMS = re.compile("rms_?norm", re.IGNORECASE)
UNEQUAL = 2.0  # logarithm of the ratio of second moments of points up to which they count as alike
WIDE = 16  # units of a group from which on group normalisation counts as that of wide groups
NEAR = 0.02  # relative deviation from 1 of the second moment behind a norm that is written out


@dataclass(frozen=True)
class Operation:
    """One step of the graph.

    Attributes
    ----------
    kind : str
        "layers" (one signal through layers), "dense" (through fresh weights), "sum", "product", "same" (another shape),
        "parts", "part", "attention", "average" (over points), "drawn" (a signal of parameters alone), or "stop".
    call : Call
        The call, or the last call of a norm that is written out.
    reads, gives : tuple of int
        Signals.
    layers : tuple of Layer
        For "layers" and "dense".
    factor : float
        What multiplies the signal, or the root mean square of a parameter that does; 1/points of an average.
    share : float
        Share of the taps of a convolution that are inside of the image.
    weight : str
        Name of the fresh weight.
    why : str
        Why theory stops.
    backwards : str
        Why theory of gradients stops, where theory of signals does not.
    """

    kind: str
    call: Call
    reads: tuple[int, ...]
    gives: tuple[int, ...]
    layers: tuple[Layer, ...] = ()
    factor: float = 1.0
    share: float = 1.0
    weight: str = ""
    why: str = ""
    backwards: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


def operations(model: Any, wiring: Wiring, weights: Sequence[Weight]) -> Iterator[Operation]:
    """The operations of a pass, in order."""
    reader = _Reader(model, wiring, weights)
    for call in wiring.found.calls:
        if call.gives and not reader.is_inside(call):
            yield reader.read(call)


class _Reader:
    """Makes operations of calls."""

    def __init__(self, model: Any, wiring: Wiring, weights: Sequence[Weight]) -> None:
        self.model, self.wiring = model, wiring
        self.modules = dict(model.named_modules())
        self.parameters = dict(model.named_parameters())
        self.weights: dict[str, Weight] = {weight.name: weight for weight in weights}
        self.inside = {}  # signal that ends a norm written out: signal that it reads
        for path, calls in wiring.found.modules.items():
            if RMS.search(type(self.modules[path]).__name__):
                for reads, gives in calls:
                    if len(reads) == 1 and len(gives) == 1 and self._is_norm(gives[0], path):
                        self.inside[gives[0]] = (reads[0], path)
        self.norms = {path for _, path in self.inside.values()}

    def is_inside(self, call: Call) -> bool:
        """Whether the call is a part of a norm that is written out, other than its end."""
        return call.module in self.norms and call.gives[0] not in self.inside

    def read(self, call: Call) -> Operation:
        """The operation of a call."""
        if call.gives[0] in self.inside:
            before, path = self.inside[call.gives[0]]
            weight = getattr(self.modules[path], "weight", None)
            return self._by_points(Operation("layers", call, (before,), call.gives, (RMSNorm(),), self._rms(weight)))
        if call.function in ATTENTION:
            return self._attention(call)
        if call.function in CELLS:
            return self._stop(call, "a recurrent cell has no map")
        if not call.reads:
            return Operation("drawn" if call.parameters else "constant", call, (), call.gives)
        if call.function == "embedding":
            return Operation("drawn", call, (), call.gives, weight=call.parameters[0] if call.parameters else "")
        if call.function in MATRICES:
            return self._matrix(call)
        if call.function.endswith("_norm"):
            return self._norm(call)
        if call.function in DROPOUTS:
            return self._dropout(call)
        if call.function in SHAPES:
            whole = call.function not in ("__getitem__", "narrow", "select", *PARTS)
            kind = "same" if whole else "parts" if call.function in PARTS else "part"
            return Operation(kind, call, call.reads[:1], call.gives, weight=_index(call))
        try:
            found = activation_of(self.wiring, call)
        except MeanFieldError as error:
            return self._stop(call, f"the activation is refused: {error}")
        if found is not None:
            phi, root = found
            return Operation("layers", call, (root,), call.gives, (Elementwise(phi),))
        if call.function in ("neg", "__neg__"):
            return Operation("same", call, call.reads, call.gives, factor=-1.0)
        if call.function in SUMS and len(set(call.reads)) == 2 and not call.parameters:
            return Operation("sum", call, call.reads, call.gives)
        if call.function in SUMS and len(call.reads) == 1 and call.parameters:
            return Operation("sum", call, call.reads, call.gives, extra={"parameter": call.parameters[0]})
        if call.function in PRODUCTS | QUOTIENTS:
            return self._product(call)
        if call.function in POOLS:
            return self._pool(call)
        return self._stop(call, f"{call.function} has no map")

    def _pool(self, call: Call) -> Operation:
        """A mean over axes, or over windows that do not overlap."""
        before, after = (self.wiring.found.signals[n].shape for n in (call.reads[0], call.gives[0]))
        points = math.prod(before) // max(math.prod(after), 1)
        kernel = call.arguments[1] if len(call.arguments) > 1 else call.options.get("kernel_size", 0)
        windows = kernel ** (len(before) - 2) if isinstance(kernel, int) else math.prod(kernel or (0,))
        adaptive = call.function.startswith("adaptive_avg") and all(
            x % y == 0 for x, y in zip(before, after, strict=True)
        )
        if not (call.function == "mean" or adaptive or (call.function.startswith("avg_pool") and windows == points)):
            return self._stop(call, "a maximum over points, or a mean over windows that overlap, has no map")
        return Operation("average", call, call.reads[:1], call.gives[:1], factor=1.0 / points)

    def _attention(self, call: Call) -> Operation:
        """Softmax attention; `nn.MultiheadAttention` with its matrices of queries, keys, values and outputs."""
        if not isinstance(call.attention, Reads):
            return self._stop(call, call.attention or "this attention has no map")
        three = [a for a in (*call.arguments[:3], *(call.options.get(k) for k in ("query", "key", "value"))) if a]
        reads = tuple(a[1] for a in three if isinstance(a, tuple) and a[0] == "signal")
        if len(reads) != 3:
            return self._stop(call, "this attention reads parameters as tokens, and has no map")
        sides = tuple((1.0, 0.0) for _ in reads)
        if call.function == "scaled_dot_product_attention":
            return Operation("attention", call, reads, call.gives[:1], extra={"sides": sides})
        module = self.modules[call.module]
        packed = [self.weights.get(f"{call.module}.in_proj_weight#{part}") for part in "qkv"]
        apart = [self.weights.get(f"{call.module}.{part}_proj_weight") for part in "qkv"]
        matrices = packed if None not in packed else apart
        out = self.weights.get(f"{call.module}.out_proj.weight")
        if None in matrices or out is None:
            return self._stop(call, "the matrices of this attention are not known")
        biases = [0.0] * 3
        if module.in_proj_bias is not None:
            biases = [self._rms(part) for part in module.in_proj_bias.chunk(3)]
        sides = tuple((weight.sigma_w, b) for weight, b in zip(matrices, biases, strict=True) if weight)
        layer = Dense(out.sigma_w, 0.0 if module.out_proj.bias is None else self._rms(module.out_proj.bias))
        return Operation("attention", call, reads, call.gives[:1], (layer,), weight=out.name, extra={"sides": sides})

    def _stop(self, call: Call, why: str) -> Operation:
        return Operation("stop", call, call.reads, call.gives, why=why)

    def _rms(self, parameter: Any) -> float:
        return 1.0 if parameter is None else math.sqrt(float(parameter.detach().cpu().double().square().mean()))

    def _is_norm(self, number: int, path: str) -> bool:
        weight = self._rms(getattr(self.modules[path], "weight", None))
        return weight > 0 and abs(self.wiring.found.signals[number].second_moment / weight**2 - 1.0) < NEAR

    def _matrix(self, call: Call) -> Operation:
        name = next((p for p in call.parameters if p in self.weights), None)
        parts = [w for key, w in self.weights.items() if key.partition("#")[0] in call.parameters]
        weight = self.weights[name] if name else parts[0] if parts else None
        if weight is None or len(set(call.reads)) != 1 or weight.role == "other":
            return self._stop(call, f"{call.function} of two signals depends on their correlations")
        sigma_w = math.sqrt(sum(w.sigma_w**2 for w in parts) / len(parts)) if parts else weight.sigma_w
        sigma_w = math.sqrt(weight.fan_in) * weight.std if weight.axes == "rows" else sigma_w
        bias = next((p for p in call.parameters if self.parameters[p].ndim == 1), None) if self._named(call) else None
        sigma_b = self._rms(self.parameters[bias]) if bias else 0.0
        share = _inside(self.modules.get(call.module), self.wiring.found.signals[call.reads[0]].shape, call)
        if share is None:
            return self._stop(call, "the padding of this convolution is not known")
        layer = Dense(sigma_w * math.sqrt(share), sigma_b)
        return Operation(
            "dense", call, call.reads[:1], call.gives, (layer,), share=share, weight=weight.name,
            extra={"sigma_w": sigma_w, "sigma_b": sigma_b},
        )  # fmt: skip

    def _named(self, call: Call) -> bool:
        return all(name in self.parameters for name in call.parameters)

    def _norm(self, call: Call) -> Operation:
        named = [p for p in call.parameters if p in self.parameters]
        weight = next((self.parameters[p] for p in named if p.endswith("weight")), None)
        biases = [self.parameters[p] for p in named if not p.endswith("weight")]
        factor = self._rms(weight)
        if any(bool((bias != 0).any()) for bias in biases) or factor == 0:
            return self._stop(call, "a norm whose shift is not 0, or whose weight is 0, has no map")
        one = Operation("layers", call, call.reads[:1], call.gives, factor=factor)
        layer: Layer = RMSNorm() if call.function == "rms_norm" else LayerNorm()
        module = self.modules.get(call.module)
        if call.function in ("layer_norm", "rms_norm"):
            return self._by_points(Operation(one.kind, call, one.reads, one.gives, (layer,), factor))
        if call.function == "batch_norm" and not getattr(module, "training", True):
            return self._stop(call, "batch normalisation in eval mode applies given statistics")
        if call.function == "group_norm" and self._units_of_a_group(call) >= WIDE:
            return replace(one, layers=(layer,))
        why = "the variance that this norm divides by depends on the correlations of inputs or pixels"
        return Operation(one.kind, call, one.reads, one.gives, (layer,), factor, backwards=why)

    def _units_of_a_group(self, call: Call) -> int:
        groups = call.arguments[1] if len(call.arguments) > 1 else call.options.get("num_groups", 0)
        return (
            int(self.wiring.found.signals[call.reads[0]].shape[1] // groups)
            if isinstance(groups, int) and groups
            else 0
        )

    def _by_points(self, norm: Operation) -> Operation:
        """A norm of each point by itself; gradients through it depend on the size of the point that they are at."""
        unequal = self.wiring.found.signals[norm.reads[0]].unequal
        if unequal <= UNEQUAL:
            return norm
        why = f"second moments of the points that this norm reads differ by factors up to {math.exp(unequal):.2g}"
        return replace(norm, backwards=why)

    def _dropout(self, call: Call) -> Operation:
        numbers = [a for a in call.arguments if isinstance(a, int | float) and not isinstance(a, bool)]
        flags = [a for a in call.arguments if isinstance(a, bool)]
        rate = float(call.options.get("p", numbers[0] if numbers else 0.5))
        training = bool(call.options.get("training", flags[0] if flags else True))
        if call.function != "dropout" and training and rate:
            return self._stop(call, f"{call.function} has no map")
        if not training or rate == 0:
            return Operation("same", call, call.reads[:1], call.gives)
        return Operation("noise", call, call.reads[:1], call.gives, (Dropout(rate),))

    def _product(self, call: Call) -> Operation:
        numbers = [a for a in call.arguments if isinstance(a, int | float) and not isinstance(a, bool)]
        if len(call.reads) == 1 and len(call.parameters) == 1 and call.function in PRODUCTS:
            factor = self._rms(self.parameters.get(call.parameters[0]))
            return Operation("same", call, call.reads, call.gives, factor=factor)
        if len(call.reads) == 1 and len(numbers) == 1:
            factor = float(numbers[0]) if call.function in PRODUCTS else 1.0 / float(numbers[0] or math.nan)
            return Operation("same", call, call.reads, call.gives, factor=factor)
        if call.function in PRODUCTS and len(set(call.reads)) == 2:
            return Operation("product", call, call.reads, call.gives)
        return self._stop(call, f"{call.function} of these arguments has no map")


def _index(call: Call) -> str:
    """The index of a signal from which one entry of its first axis is taken, with the signal; else empty."""
    index = call.arguments[1] if call.function == "__getitem__" and len(call.arguments) == 2 else ""
    return f"part {call.reads[0]} {index}" if isinstance(index, int) and not isinstance(index, bool) else ""


def _inside(module: Any, shape: tuple[int, ...], call: Call) -> float | None:
    """The share of a kernel's taps that read pixels inside of the image, over all places; None if it is not known."""
    if call.function not in CONVOLUTIONS:
        return None if call.function.startswith("conv") else 1.0
    torch = framework()
    if module is None or not hasattr(module, "kernel_size") or module.padding_mode != "zeros":
        return None
    axes = len(module.kernel_size)
    ones, kernel = torch.ones((1, 1, *shape[-axes:])), torch.ones((1, 1, *module.kernel_size))
    convolve = getattr(torch.nn.functional, call.function)
    with torch.no_grad():
        counts = convolve(ones, kernel, None, module.stride, module.padding, module.dilation)
    return float(counts.mean() / math.prod(module.kernel_size))
