"""One forward and one backward pass of a model, recorded: every call of a torch function, and the signal it returns."""

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from meanfield.errors import InvalidInput
from meanfield.torch.attention.reads import Reads, reads_of
from meanfield.torch.framework import framework
from meanfield.torch.trees import batch_size, called, floats, leaves, mapped

PAIRS = 8  # inputs whose correlation with the next one is measured


@dataclass
class Signal:
    """A tensor of a pass: moments over its entries, which become floats when the pass ends.

    Attributes
    ----------
    number : int
        Position among the signals of the pass.
    shape : tuple of int
        Shape of the tensor.
    floating : bool
        Whether its dtype is a floating one.
    second_moment, mean : float
        Means of x² and x over all entries; nan if the tensor is not of a floating dtype.
    correlation : float
        Mean cosine of two consecutive inputs of the batch; nan without two inputs.
    varies : bool
        Whether two inputs of the batch differ in it.
    gradient : float
        Mean squared gradient per entry; nan if no gradient arrived.
    unequal : float
        Logarithm of the ratio of the largest and the smallest second moment of a point, over the last axis.
    """

    number: int
    shape: tuple[int, ...]
    floating: bool = False
    second_moment: Any = math.nan
    mean: Any = math.nan
    correlation: Any = math.nan
    varies: Any = True
    gradient: Any = math.nan
    unequal: Any = 0.0


@dataclass(frozen=True)
class Call:
    """One call of a torch function.

    Attributes
    ----------
    function : str
        Name of the function.
    module : str
        Path of the innermost module that called it.
    reads : tuple of int
        Numbers of the signals among its arguments, in order.
    gives : tuple of int
        Numbers of the signals that it returns.
    parameters : tuple of str
        Names of the parameters and buffers among its arguments, in order.
    arguments : tuple
        The positional arguments, with ("signal", number) and ("parameter", name) in the places of tensors.
    options : dict
        The keyword arguments, likewise.
    attention : Reads, str or None
        What the rows of softmax attention read, or why that is not known; None for other functions.
    """

    function: str
    module: str
    reads: tuple[int, ...]
    gives: tuple[int, ...]
    parameters: tuple[str, ...]
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    attention: Reads | str | None = None


@dataclass
class Pass:
    """A recorded pass.

    Attributes
    ----------
    calls : list of Call
        In order.
    signals : list of Signal
        By number; the inputs come first.
    modules : dict of str to list of (list of int, list of int)
        For each call of a module the signals that it reads and that it returns, by path, in order of the first end.
    inputs, outputs : list of int
        Signals of the model.
    without_gradient, zero_gradient : list of str
        Parameters that require a gradient and got none, or one that is exactly 0.
    """

    calls: list[Call] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    modules: dict[str, list[tuple[list[int], list[int]]]] = field(default_factory=dict)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    without_gradient: list[str] = field(default_factory=list)
    zero_gradient: list[str] = field(default_factory=list)


def record(
    model: Any, inputs: Any, loss: Callable[[Any], Any] | None, seed: int, at: str | None = None, graph: bool = True
) -> Pass:
    """Run the model forwards and backwards once and record both.

    Parameters
    ----------
    model, inputs
        As for `audit`. Buffers, generators and gradients of the model change: `restored` puts them back.
    loss : callable or None
        From the output to a scalar; None for a Gaussian cotangent at the output.
    seed : int
        Of torch's generator for the pass, and of the cotangent.
    at : str, optional
        Module at whose input the cotangent starts.
    graph : bool
        Whether to record calls, and not the signals of modules alone.
    """
    torch = framework()
    recorder = _Recorder(torch, {**dict(model.named_buffers()), **dict(model.named_parameters())}, batch_size(inputs))
    own = mapped(inputs, lambda x: x.detach().clone().requires_grad_(x.is_floating_point()))
    behind = () if at is None else (f"{at}.",)
    wanted = [(name, p) for name, p in model.named_parameters() if p.requires_grad and not name.startswith(behind)]
    for parameter in model.parameters():
        parameter.grad = None
        parameter.requires_grad_(parameter.is_floating_point())
    with ExitStack() as stack, torch.enable_grad():
        stack.callback(recorder.remove)
        recorder.attach(model, at)
        recorder.found.inputs = [recorder.add(x) for x in leaves(own)]
        torch.manual_seed(seed)
        if graph:
            with recorder.mode():
                output = called(model, own)
        else:
            output = called(model, own)
        recorder.found.outputs = [recorder.number(x) for x in leaves(output)]
        _backward(torch, output if at is None else recorder.start, loss if at is None else None, seed)
    recorder.found.without_gradient = [name for name, p in wanted if p.grad is None]
    recorder.found.zero_gradient = [name for name, p in wanted if p.grad is not None and not bool((p.grad != 0).any())]
    for signal in recorder.found.signals:
        for name in ("second_moment", "mean", "correlation", "gradient", "unequal"):
            setattr(signal, name, float(getattr(signal, name)))
        signal.varies = bool(signal.varies)
    return recorder.found


def _backward(torch: Any, output: Any, loss: Callable[[Any], Any] | None, seed: int) -> None:
    """Gradients of the loss, or of the output with a Gaussian cotangent."""
    if loss is not None:
        try:
            loss(output).backward()
        except Exception as error:
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
            raise InvalidInput(f"loss must return a scalar tensor that depends on the output ({why})") from error
        return
    ends = [x for x in floats(output)[:1] if x.requires_grad]
    generator = torch.Generator().manual_seed(seed)
    cotangents = [torch.randn(x.shape, generator=generator).to(x) for x in ends]
    if ends:
        torch.autograd.backward(ends, cotangents)


class _Recorder:
    """Hooks on modules, a function mode, and the signals that they see."""

    def __init__(self, torch: Any, parameters: dict[str, Any], batch: int) -> None:
        self.torch, self.batch = torch, batch
        self.names = {id(p): name for name, p in parameters.items()}
        self.found = Pass()
        self.numbers: dict[int, tuple[int, int]] = {}  # id: number and version, which changes in place raise
        self.alive: list[Any] = []
        self.stack: list[str] = []
        self.start: Any = None
        self.handles: list[Any] = []

    def attach(self, model: Any, at: str | None) -> None:
        """Register hooks on every module."""
        for path, module in model.named_modules():
            before, after = self._hooks(path, at)
            self.handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
            self.handles.append(module.register_forward_hook(after, with_kwargs=True, always_call=True))

    def remove(self) -> None:
        """Remove the hooks and let the tensors go."""
        for handle in self.handles:
            handle.remove()
        self.alive.clear()

    def _hooks(self, path: str, at: str | None) -> tuple[Callable[..., None], Callable[..., None]]:
        def before(module: Any, args: Any, kwargs: Any) -> None:
            self.stack.append(path)
            if path == at:
                self.start = floats((args, kwargs))

        def after(module: Any, args: Any, kwargs: Any, output: Any) -> None:
            self.stack.pop()
            reads = [self.number(x) for x in leaves((args, list(kwargs.values())))]
            self.found.modules.setdefault(path, []).append((reads, [self.number(x) for x in leaves(output)]))

        return before, after

    def number(self, tensor: Any) -> int:
        """The number of a tensor, which is measured if it is new or was changed in place."""
        known = self.known(tensor)
        return self.add(tensor) if known is None else known

    def known(self, tensor: Any) -> int | None:
        """The number of a tensor, if it is known and as it was."""
        number, version = self.numbers.get(id(tensor), (0, -1))
        return number if version == tensor._version else None

    def add(self, tensor: Any) -> int:
        """Measure a tensor; it is kept so that its id stays its own."""
        torch, signal = self.torch, Signal(len(self.found.signals), tuple(tensor.shape), tensor.is_floating_point())
        self.found.signals.append(signal)
        self.numbers[id(tensor)] = signal.number, tensor._version
        self.alive.append(tensor)
        with torch._C.DisableTorchFunction(), torch.no_grad():
            values = tensor.detach()
            axis = self._batch_axis(values)
            if values.is_floating_point() and values.numel():
                values = values if values.dtype == torch.float64 else values.float()
                signal.second_moment, signal.mean = values.square().mean(), values.mean()
                if values.ndim > 1 and values.shape[-1] > 1:
                    sizes = values.square().mean(-1).clamp_min(1e-30)
                    signal.unequal = (sizes.max() / sizes.min()).log()
                if axis is not None:
                    some = values.movedim(axis, 0)[: PAIRS + 1].reshape(min(self.batch, PAIRS + 1), -1)
                    signal.correlation = torch.nn.functional.cosine_similarity(some[:-1], some[1:], dim=1, eps=0).mean()
            if axis is not None:
                moved = values.movedim(axis, 0)
                signal.varies = (moved[1:] != moved[:1]).any()
        if tensor.requires_grad:
            tensor.register_hook(self._gradient(signal))
        return signal.number

    def _batch_axis(self, tensor: Any) -> int | None:
        if self.batch < 2 or tensor.ndim == 0:
            return None
        axes = [axis for axis in (0, 1) if axis < tensor.ndim and tensor.shape[axis] == self.batch]
        return axes[0] if axes and tensor.numel() else None

    def _gradient(self, signal: Signal) -> Callable[[Any], None]:
        def hook(gradient: Any) -> None:
            with self.torch._C.DisableTorchFunction(), self.torch.no_grad():
                signal.gradient = gradient.detach().float().square().mean()

        return hook

    def mode(self) -> Any:
        """The function mode that records calls."""
        from torch.overrides import TorchFunctionMode

        recorder = self

        class Mode(TorchFunctionMode):  # type: ignore[misc]
            def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                given = kwargs or {}
                before = [(x, recorder.known(x)) for x in leaves((args, list(given.values())))]
                output = func(*args, **given)
                tensors = list(leaves(output))
                if tensors and getattr(func, "__name__", "") != "__set__":
                    recorder.call(func, args, given, before, tensors)
                return output

        return Mode()

    def call(self, func: Any, args: Any, kwargs: Any, before: list[tuple[Any, int | None]], tensors: list[Any]) -> None:
        """Record one call; a tensor that it changed in place becomes a new signal."""
        numbers = {}
        for x, known in before:
            if id(x) not in self.names:
                numbers[id(x)] = self.add(x) if known is None else known

        def named(x: Any) -> tuple[str, Any]:
            return ("parameter", self.names[id(x)]) if id(x) in self.names else ("signal", numbers[id(x)])

        arguments = mapped(tuple(args), named)
        options = mapped(dict(kwargs), named)
        read = tuple(numbers[id(x)] for x, _ in before if id(x) in numbers)
        parameters = tuple(self.names[id(x)] for x, _ in before if id(x) in self.names)
        name = getattr(func, "__name__", str(func))
        gives = tuple(self.add(x) for x in tensors if id(x) not in self.names)
        module = self.stack[-1] if self.stack else ""
        with self.torch._C.DisableTorchFunction():
            attention = reads_of(name, args, kwargs, tensors[0])
        self.found.calls.append(Call(name, module, read, gives, parameters, arguments, options, attention))
