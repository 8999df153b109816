"""The outputs of the modules of a Flax NNX module, and the gradients that arrive there, by interception of calls."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from meanfield.audits.kernels import Output
from meanfield.errors import InvalidInput
from meanfield.jax.framework import flax_nnx, framework

Record = Callable[[str, Any, Any], Any]  # path, first argument, output


def paths_of(module: Any) -> dict[str, Any]:
    """The modules inside a module by their paths, with dots; the path of the module itself is empty."""
    return {".".join(map(str, path)): one for path, one in flax_nnx().iter_modules(module)}


def outputs_of(module: Any, inputs: Any, rng: np.random.Generator) -> tuple[dict[str, Output], frozenset[str]]:
    """The outputs of all modules in the order in which they ended, and the paths whose output is the model's.

    Gradients start from a Gaussian cotangent at the first floating array of the model's output. They are the gradients
    of zeros that are added to each output. The module runs as a copy; Flax's own transformations hide what is inside.
    """
    jax, nnx = framework(), flax_nnx()
    graph, state = nnx.split(module)
    arguments, options = _as_call(inputs)
    behind: dict[str, str] = {}

    def run(shifts: Mapping[str, Any]) -> tuple[Any, tuple[dict[str, Any], frozenset[str]]]:
        copy = nnx.merge(graph, state, copy=True)
        signals: dict[str, Any] = {}

        def record(path: str, argument: Any, output: Any) -> Any:
            if path in signals or not _is_floating(output):
                return output
            if not shifts:
                known = any(argument is signal for signal in signals.values())
                given = any(argument is one for one in (*arguments, *options.values()))
                behind[path] = "input" if given else "" if known else "function"
            signals[path] = output + shifts[path] if path in shifts else output
            return signals[path]

        with intercepted(paths_of(copy), record):
            output = copy(*arguments, **options)
        leaves = [leaf for leaf in jax.tree.leaves(output) if _is_floating(leaf)]
        if not leaves:
            raise InvalidInput("the model has no floating output")
        ends = frozenset(path for path, signal in signals.items() if signal is leaves[0])
        return leaves[0], (signals, ends)

    try:
        _, (signals, ends) = run({})
        zeros = {path: jax.numpy.zeros_like(signal) for path, signal in signals.items()}
        leaf, backwards, _ = jax.vjp(run, zeros, has_aux=True)
        (gradients,) = backwards(jax.numpy.asarray(rng.standard_normal(leaf.shape), leaf.dtype))
    except InvalidInput:
        raise
    except Exception as error:
        told = " ".join(str(error).split())[:160]
        raise InvalidInput(f"the model does not run on these inputs: {type(error).__name__}: {told}") from error
    kinds = {path: type(one).__name__ for path, one in paths_of(module).items()}
    return {
        path: Output(kinds[path], _array(signal), float(np.mean(_array(gradients[path]) ** 2)), behind[path])
        for path, signal in signals.items()
    }, ends


@contextmanager
def intercepted(modules: Mapping[str, Any], record: Record) -> Iterator[None]:
    """While this holds, `record` sees the output of every call of these modules, and may change it."""
    paths = {id(module): path for path, module in modules.items()}
    running: set[int] = set()

    def wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, *arguments: Any, **options: Any) -> Any:
            if id(self) not in paths or id(self) in running:
                return original(self, *arguments, **options)
            running.add(id(self))
            try:
                output = original(self, *arguments, **options)
                return record(paths[id(self)], arguments[0] if arguments else None, output)
            finally:
                running.discard(id(self))

        return call

    with ExitStack() as stack:
        for kind in {base for module in modules.values() for base in type(module).__mro__}:
            original = vars(kind).get("__call__")
            if callable(original):
                stack.callback(setattr, kind, "__call__", original)
                setattr(kind, "__call__", wrapped(original))  # noqa: B010
        yield


def _as_call(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, dict):
        return (), inputs
    return (inputs if isinstance(inputs, tuple) else (inputs,)), {}


def _is_floating(value: Any) -> bool:
    jnp = framework().numpy
    return hasattr(value, "dtype") and hasattr(value, "shape") and bool(jnp.issubdtype(value.dtype, jnp.floating))


def _array(value: Any) -> Any:
    return np.asarray(value, dtype=float)
