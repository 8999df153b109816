"""How the calls of a pass are connected: what a matrix reads, which sums close a residual branch, what the head is."""

from collections.abc import Iterator

from meanfield.torch.trace import Call, Pass


def names(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


#: Functions that hand on the entries of one signal, in another shape or order, some of them, or means of them.
SHAPES = names(
    "flatten view reshape transpose permute contiguous unsqueeze squeeze __getitem__ clone to float type "
    "movedim swapaxes chunk split unflatten expand expand_as __get__ detach view_as tensor_split unbind "
    "select narrow t flatten_ type_as bfloat16 half double alias requires_grad_ pixel_shuffle pixel_unshuffle "
    "roll rearrange unfold"
)
DROPOUTS = names("dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout dropout_ native_dropout")
POOLS = names(
    "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d avg_pool1d avg_pool2d avg_pool3d max_pool1d "
    "max_pool2d max_pool3d boolean_dispatch fn mean amax adaptive_max_pool2d"
)
SUMS = frozenset(("add", "add_", "__add__", "__radd__", "__iadd__"))
PRODUCTS = frozenset(("mul", "mul_", "__mul__", "__rmul__", "__imul__", "multiply"))
QUOTIENTS = frozenset(("div", "div_", "__truediv__", "true_divide"))
LINEAR = frozenset(("linear",))
CONVOLUTIONS = frozenset(("conv1d", "conv2d", "conv3d"))
TRANSPOSED = frozenset(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"))
PRODUCTS_OF_MATRICES = frozenset(("matmul", "__matmul__", "addmm", "mm", "bmm", "baddbmm", "__rmatmul__"))
MATRICES = LINEAR | CONVOLUTIONS | TRANSPOSED | PRODUCTS_OF_MATRICES
NORMS = frozenset(("layer_norm", "rms_norm", "batch_norm", "group_norm", "instance_norm"))
CELLS = frozenset(("lstm", "gru", "rnn_tanh", "rnn_relu"))


class Wiring:
    """The graph of a pass.

    Parameters
    ----------
    found : Pass
        A recorded pass.
    """

    def __init__(self, found: Pass) -> None:
        self.found = found
        self.producer: dict[int, Call] = {}
        self.readers: dict[int, list[Call]] = {}
        self.above: dict[int, int] = {}  # signal: set of the signals before it, as the bits of an integer
        for call in found.calls:
            before = 0
            for number in call.reads:
                before |= self.above.get(number, 0) | 1 << number
                self.readers.setdefault(number, []).append(call)
            for number in call.gives:
                self.producer[number] = call
                self.above[number] = before

    def reads_only_one(self, call: Call) -> bool:
        """Whether the call reads one signal, perhaps several times."""
        return len(set(call.reads)) == 1

    def passes_on(self, call: Call) -> bool:
        """Whether the call hands on one signal in another shape, with noise, or times a number or a parameter."""
        name = call.function
        return self.reads_only_one(call) and (
            name in SHAPES | DROPOUTS or (name in PRODUCTS | QUOTIENTS and len(call.reads) == 1)
        )

    def sources(self, number: int, through: frozenset[str] = frozenset()) -> Iterator[Call]:
        """The calls that made the signal, back to the first one that does more than pass it on."""
        while (call := self.producer.get(number)) is not None:
            yield call
            if not (self.passes_on(call) or (call.function in through and call.reads)):
                return
            number = call.reads[0]

    def source(self, number: int, through: frozenset[str] = frozenset()) -> Call | None:
        """The last of `sources`; None for an input of the model."""
        last = None
        for call in self.sources(number, through):
            last = call
        return None if last is None or self.passes_on(last) or last.function in through else last

    def closes_residual(self, call: Call) -> bool:
        """Whether the output of the call is added to a signal that it depends on, perhaps behind a norm."""
        return self.sum_behind(call) is not None

    def sum_behind(self, call: Call) -> Call | None:
        """The residual sum that the output of the call enters."""
        todo, seen = list(call.gives), set(call.gives)
        before = self.above.get(call.gives[0], 0) if call.gives else 0
        while todo:
            number = todo.pop()
            for reader in self.readers.get(number, []):
                if reader.function in SUMS and len(set(reader.reads)) == 2:
                    other = next(n for n in reader.reads if n != number)
                    if before >> other & 1 or before & self._trunk(other):
                        return reader
                elif self.passes_on(reader) or reader.function in NORMS - {"layer_norm", "rms_norm"}:
                    todo += [n for n in reader.gives if n not in seen]
                    seen.update(reader.gives)
        return None

    def is_damped(self, call: Call) -> bool:
        """Whether the output of the call is multiplied by a parameter, as in LayerScale, before anything reads it."""
        todo = list(call.gives)
        while todo:
            for reader in self.readers.get(todo.pop(), []):
                if reader.function in PRODUCTS and reader.parameters:
                    return True
                todo += reader.gives if self.passes_on(reader) else ()
        return False

    def in_branches(self) -> int:
        """The signals inside residual branches, as the bits of an integer."""
        inside = 0
        for call in self.found.calls:
            if call.function in SUMS and len(set(call.reads)) == 2:
                first, second = (self.above.get(n, 0) | 1 << n for n in call.reads[:2])
                a, b = call.reads[:2]
                if first >> b & 1 or second & self._trunk(a) or second >> a & 1 or first & self._trunk(b):
                    inside |= first ^ second
        return inside

    def _trunk(self, number: int) -> int:
        """The signal from which a projected skip connection starts: behind one matrix and norms; 0 for another one."""
        matrices = 0
        while (call := self.producer.get(number)) is not None:
            if call.function in CONVOLUTIONS | LINEAR:
                matrices += 1
            elif not (self.passes_on(call) or call.function in NORMS | POOLS):
                break
            if matrices > 1 or not call.reads:
                return 0
            number = call.reads[0]
        return 1 << number if matrices == 1 else 0

    def is_head(self, call: Call) -> bool:
        """Whether the output of the call is the output of the model, perhaps in another shape or scaled."""
        outputs, todo = set(self.found.outputs), list(call.gives)
        while todo:
            number = todo.pop()
            if number in outputs:
                return True
            todo += [n for reader in self.readers.get(number, []) if self.passes_on(reader) for n in reader.gives]
        return False

    def users(self, parameter: str) -> list[Call]:
        """The calls that read a parameter, or a signal that is a parameter in another shape."""
        return [call for call in self.found.calls if parameter in call.parameters]
