"""A model and torch's generators put back as they were."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from meanfield.torch.framework import framework


@contextmanager
def restored(model: Any) -> Iterator[None]:
    """Put back, after the block: parameters, buffers, gradients, what requires gradients, and the random state.

    Parameters keep their identity, so that an optimizer still holds them.
    """
    torch = framework()
    parameters = [(p, p.detach().clone(), p.grad, p.requires_grad) for p in model.parameters()]
    buffers = [(owner, name, b, None if b is None else b.clone()) for owner, name, b in _buffers(model)]
    modes = [(module, module.training) for module in model.modules()]
    try:
        with torch.random.fork_rng(devices=_devices(model)):
            yield
    finally:
        with torch.no_grad():
            for p, values, _, _ in parameters:
                p.copy_(values)
            for owner, name, buffer, values in buffers:
                if buffer is not None:
                    buffer.copy_(values)
                owner._buffers[name] = buffer
        for p, _, grad, requires in parameters:
            p.grad = grad
            p.requires_grad_(requires)
        for module, training in modes:
            module.training = training


def _buffers(model: Any) -> list[tuple[Any, str, Any]]:
    return [(module, name, buffer) for module in model.modules() for name, buffer in module._buffers.items()]


def _devices(model: Any) -> list[int]:
    """The CUDA devices whose generators the model may use."""
    tensors = [*model.parameters(), *model.buffers()]
    return sorted({t.device.index or 0 for t in tensors if t.device.type == "cuda"})
