"""The network of a torch model: the operations of its graph as layers in sequence, in branches and in gates."""

import math
from collections.abc import Sequence
from typing import Any

from meanfield.audits.weight import Weight
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.parallel import Parallel
from meanfield.networks.layers.residual import Residual
from meanfield.networks.layers.scale import Scale
from meanfield.torch.attention.reads import Reads
from meanfield.torch.framework import checked_model
from meanfield.torch.graph.image_layers import CONVOLUTION, convolution, pool
from meanfield.torch.graph.operations import Operation, operations
from meanfield.torch.state import restored
from meanfield.torch.trace import record
from meanfield.torch.trees import checked_inputs
from meanfield.torch.weights import weights_of
from meanfield.torch.wiring import CONVOLUTIONS, Wiring

MOST = 4  # reasons in a message


@own_error_state
def from_torch(model: Any, inputs: Any) -> Network:
    """The network of a torch model, with sigma_w and sigma_b of its weights as they are drawn.

    Parameters
    ----------
    model : torch.nn.Module
        The model. It runs once on the inputs, and stays as it was.
    inputs : tensor, tuple or dict
        As for `audit`. Of a model that reads tokens, the network starts behind the embeddings; of one that adds
        positions to patches of an image, behind the positions.

    Returns
    -------
    Network
        What the model does between its input and its output. Convolutions, gates and residual branches are layers of
        their own; changes of shape are left out.

    Raises
    ------
    InvalidInput
        If something has no map; the message lists what and why.
    MeanFieldError
        If torch is not installed.

    References
    ----------
    Poole et al. 2016 (arXiv:1606.05340) for the maps of the layers.
    """
    model, inputs = checked_model(model), checked_inputs(inputs)
    with restored(model):
        found = record(model, inputs, None, 0)
        wiring = Wiring(found)
        weights = weights_of(model, found, wiring, 0.01)
        made = list(operations(model, wiring, weights))
        if not found.outputs:
            raise InvalidInput("the model has no network: it returns no tensor")
        composer = _Composer(model, wiring, weights, made)
        layers = composer.chain(composer.start(), found.outputs[0])
    if composer.reasons:
        raise InvalidInput(f"the model has no network: {_listed(composer.reasons)}"[:290])
    if not layers:
        raise InvalidInput("the model has no network: its output is its input")
    return Network(*layers)


def _listed(reasons: Sequence[str]) -> str:
    """The reasons, each once with the first of its modules."""
    where: dict[str, list[str]] = {}
    for module, _, why in (reason.partition(": ") for reason in dict.fromkeys(reasons)):
        where.setdefault(why, []).append(module)
    told = [f"{m[0]} and {len(m) - 1} more: {why}" if len(m) > 1 else f"{m[0]}: {why}" for why, m in where.items()]
    return "; ".join(told[:MOST]) + (f"; and {len(told) - MOST} more" if len(told) > MOST else "")


class _Composer:
    """Composes layers from the operations of a graph, and collects reasons where it cannot."""

    def __init__(self, model: Any, wiring: Wiring, weights: Sequence[Weight], made: Sequence[Operation]) -> None:
        self.model, self.wiring = model, wiring
        self.modules, self.parameters = dict(model.named_modules()), dict(model.named_parameters())
        self.weights = {weight.name: weight for weight in weights}
        self.made = {number: one for one in made for number in one.gives}
        self.reasons: list[str] = []

    def start(self) -> int:
        """The signal that the network starts from: the model's input, or the sum of embeddings and positions."""
        signals, inputs = self.wiring.found.signals, self.wiring.found.inputs
        floating = [n for n in inputs if signals[n].floating]
        if floating:
            return max((one.gives[0] for one in self.made.values() if self._adds_positions(one)), default=floating[0])
        drawn = [one for one in self.made.values() if one.kind == "drawn"]
        number = max((one.gives[0] for one in drawn), default=inputs[0])
        while True:  # up to the last signal that embeddings alone make
            readers = [call for call in self.wiring.readers.get(number, []) if call.gives]
            sums = [c for c in readers if self.made.get(c.gives[0]) and self._of_embeddings(c.gives[0])]
            if not sums:
                return number
            number = sums[0].gives[0]

    def _adds_positions(self, one: Operation) -> bool:
        """Whether an operation adds a parameter with a row for each token."""
        name = one.extra.get("parameter", "")
        parameter = self.parameters.get(name) if one.kind == "sum" else None
        shape = self.wiring.found.signals[one.gives[0]].shape
        return parameter is not None and parameter.ndim > 1 and len(shape) == 3 and parameter.shape[-2:] == shape[1:]

    def _of_embeddings(self, number: int) -> bool:
        one = self.made[number]
        if one.kind in ("drawn", "constant"):
            return True
        plain = one.kind in ("same", "noise", "sum") and "parameter" not in one.extra
        return plain and all(n in self.made and self._of_embeddings(n) for n in one.reads)

    def chain(self, start: int, end: int) -> list[Layer]:
        """The layers that lead from one signal to another."""
        layers: list[Layer] = []
        number = end
        while number != start:
            one = self.made.get(number)
            if one is None or not one.reads or number < start:
                self.reasons.append(f"{self._where(one)}: a signal is not made from the input of its branch alone")
                break
            before, own = self._layers(one)
            layers[:0] = own
            number = before
        return layers

    def _takes_tokens(self, one: Operation) -> bool:
        """Whether an operation takes some of the tokens, as a class token: each of them is a point of the network."""
        before, after = (self.wiring.found.signals[n].shape for n in (one.reads[0], one.gives[0]))
        return one.kind == "part" and len(before) == 3 and before[::2] == (after[0], after[-1]) and len(after) > 1

    def _where(self, one: Operation | None) -> str:
        return (one.call.module or "the model") if one else "a signal"

    def _layers(self, one: Operation) -> tuple[int, list[Layer]]:
        """The signal before an operation, and its layers."""
        before, signals = one.reads[0], self.wiring.found.signals
        scaled: list[Layer] = [Scale(one.factor)] if one.factor != 1 else []
        if one.kind == "same" or self._takes_tokens(one):
            return before, scaled
        if one.kind == "noise":
            return before, list(one.layers)
        if one.kind == "dense":
            return self._dense(one)
        if one.kind == "layers":
            return before, [*self._norm(one), *scaled]
        if one.kind == "sum" and "parameter" not in one.extra:
            return self._sum(one)
        if one.kind == "product":
            return self._gate(one)
        if one.kind == "sum":
            self.reasons.append(f"{self._where(one)}: it adds the parameter {one.extra['parameter']}")
        elif one.kind == "attention" and one.layers:
            return before, self._packed_attention(one)
        elif (pooled := pool(one, *(signals[n].shape for n in (before, one.gives[0])))) is not None:
            return before, [pooled]
        else:
            what = one.why or f"{one.call.function} takes a part of a signal, or has no output matrix"
            self.reasons.append(f"{self._where(one)}: {what}")
        return before, []

    def _dense(self, one: Operation) -> tuple[int, list[Layer]]:
        sigma_w, sigma_b = one.extra["sigma_w"], one.extra["sigma_b"]
        if one.call.function in CONVOLUTIONS:
            layers = convolution(one, self.modules[one.call.module], sigma_w, sigma_b)
            return (one.reads[0], layers) if layers else (self._without_layer(one, CONVOLUTION), [])
        inner = self._through_shapes(one.reads[0])
        if inner is not None and inner.kind == "attention" and not inner.layers:
            return self._attention(one, inner)
        return one.reads[0], [Dense(sigma_w, sigma_b)]

    def _through_shapes(self, number: int) -> Operation | None:
        one = self.made.get(number)
        while one is not None and one.kind in ("same", "part", "parts") and one.factor == 1:
            one = self.made.get(one.reads[0])
        return one

    def _attention(self, out: Operation, inner: Operation) -> tuple[int, list[Layer]]:
        """Softmax attention with the matrices of queries, keys, values and outputs."""
        sources = [self._through_shapes(number) for number in inner.reads]
        dense = [one for one in sources if one is not None and one.kind == "dense"]
        if sources[2] is None or sources[2] not in dense:
            return self._without_layer(inner, "this attention's values are no matrix of a signal"), []
        root = sources[2].reads[0]
        if len(dense) != 3 or any(one.reads[0] != root for one in dense):
            return self._without_layer(inner, "queries and keys that are not matrices alone have no layer", root), []
        if any(one.extra["sigma_b"] for one in dense):
            return self._without_layer(inner, "attention with biases of queries, keys or values has no layer", root), []
        sigmas = (self._part(one, i) for i, one in enumerate(dense))
        return root, self._softmax(inner, (*sigmas,), out.extra["sigma_w"], out.extra["sigma_b"])

    def _without_layer(self, one: Operation, why: str, before: int | None = None) -> int:
        """Keep a reason, and go on from the signal before."""
        self.reasons.append(f"{self._where(one)}: {why}")
        return one.reads[0] if before is None else before

    def _packed_attention(self, one: Operation) -> list[Layer]:
        """`nn.MultiheadAttention` of one signal with itself."""
        if len(set(one.reads)) != 1:
            self._without_layer(one, "attention between two signals has no layer")
        elif any(sigma_b for _, sigma_b in one.extra["sides"]):
            self._without_layer(one, "attention with biases of queries, keys or values has no layer")
        else:
            (out,) = one.layers
            assert isinstance(out, Dense)
            return self._softmax(one, tuple(w for w, _ in one.extra["sides"]), out.sigma_w, out.sigma_b)
        return []

    def _softmax(self, one: Operation, sigmas: Sequence[float], sigma_w: float, sigma_b: float) -> list[Layer]:
        """The layer, for σ_w of queries, keys and values, and of the output."""
        reads = one.call.attention
        assert isinstance(reads, Reads)
        if reads.mask == "other":
            self._without_layer(one, "softmax attention is a layer without a mask, or with the causal one")
        elif reads.rate:
            self._without_layer(one, "dropout of attention weights has no layer: call the model's eval()")
        else:
            q, k, v = sigmas
            sigma_qk = q * k * math.sqrt(reads.variance)
            return [Attention(sigma_w * v, sigma_b, "softmax", sigma_qk, reads.mask == "causal")]
        return []

    def _part(self, one: Operation, position: int) -> float:
        """sigma_w of the queries, keys or values, which may be packed into one matrix."""
        name = f"{one.weight.partition('#')[0]}#{'qkv'[position]}"
        return self.weights[name].sigma_w if name in self.weights else float(one.extra["sigma_w"])

    def _norm(self, one: Operation) -> Sequence[Layer]:
        if one.call.function != "batch_norm":
            if one.backwards and one.call.function not in ("layer_norm", "rms_norm", "mul", "__mul__"):
                self.reasons.append(f"{self._where(one)}: {one.call.function} has no layer")
            return one.layers
        shape = self.wiring.found.signals[one.reads[0]].shape
        if len(shape) != 2:
            self.reasons.append(f"{self._where(one)}: batch normalisation over pixels has no layer")
        return (BatchNorm(shape[0]),)

    def _sum(self, one: Operation) -> tuple[int, list[Layer]]:
        """A residual sum, or branches beside each other, from the signal at which they part."""
        a, b = one.reads[:2]
        for skip, branch in ((a, b), (b, a)):
            if self.wiring.above.get(branch, 0) >> skip & 1:
                return skip, [Residual(*(self.chain(skip, branch) or [Scale(1.0)]))]
        shared = self.wiring.above.get(a, 0) & self.wiring.above.get(b, 0)
        if not shared:
            self.reasons.append(f"{self._where(one)}: it adds two signals that have no common source")
            return a, []
        meet = shared.bit_length() - 1
        return meet, [Parallel(*(Network(*(self.chain(meet, n) or [Scale(1.0)])) for n in (a, b)))]

    def _gate(self, one: Operation) -> tuple[int, list[Layer]]:
        """The product of a matrix and an activation of another matrix, which read one signal."""
        for first, second in (one.reads[:2], one.reads[1::-1]):
            value, gate = self.made.get(first), self.made.get(second)
            if value is None or gate is None or value.kind != "dense" or not gate.layers:
                continue
            argument, phi = self.made.get(gate.reads[0]), gate.layers[0]
            if (
                argument is not None
                and argument.kind == "dense"
                and argument.reads == value.reads
                and isinstance(phi, Elementwise)
            ):
                of_gate = {f"gate_{name}": argument.extra[name] for name in ("sigma_w", "sigma_b")}
                return value.reads[0], [
                    Gated(phi.activation, value.extra["sigma_w"], value.extra["sigma_b"], **of_gate)
                ]
        self.reasons.append(f"{self._where(one)}: it multiplies signals that are not a matrix and an activation of one")
        return one.reads[0], []
