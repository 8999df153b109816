"""Activations among the calls of a pass: torch functions, and formulas written out in Python."""

from collections.abc import Callable
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.activations.resolve import activation
from meanfield.errors import MeanFieldError
from meanfield.torch.framework import framework
from meanfield.torch.trace import Call
from meanfield.torch.wiring import PRODUCTS, QUOTIENTS, SUMS, Wiring, names

#: Functions of one signal that act on each entry by itself and are no mere multiples of it.
ELEMENTWISE = names(
    "relu relu_ gelu silu silu_ tanh tanh_ sigmoid sigmoid_ leaky_relu leaky_relu_ elu elu_ selu selu_ celu "
    "celu_ softplus mish hardtanh hardtanh_ relu6 hardswish hardsigmoid hardshrink softshrink tanhshrink "
    "softsign logsigmoid threshold sin sin_ cos exp erf square abs sqrt clamp clamp_ clamp_min log1p"
)
#: Functions of one signal and numbers that occur in formulas written out.
ARITHMETIC = SUMS | PRODUCTS | QUOTIENTS | {"sub", "__sub__", "__rsub__", "rsub", "neg", "__neg__", "pow", "__pow__"}
LONGEST = 12  # calls of a formula written out


def activation_of(wiring: Wiring, call: Call) -> tuple[Activation, int] | None:
    """The activation that the call ends, and the signal that it reads; None if it ends none.

    A call of a torch function counts by itself. A product or a sum counts if both its operands are functions of one
    signal, entry by entry, as in ``x * torch.sigmoid(1.702 * x)``.
    """
    if call.function in ELEMENTWISE and wiring.reads_only_one(call):
        return _as_activation(_replayed([call], call.reads[0], call.gives[0]), call.function, call), call.reads[0]
    if call.function not in PRODUCTS | SUMS or len(set(call.reads)) > 2 or not call.gives or call.parameters:
        return None
    found = _formula(wiring, call)
    if found is None:
        return None
    calls, root = found
    return _as_activation(_replayed(calls, root, call.gives[0]), "formula", call), root


def _formula(wiring: Wiring, end: Call) -> tuple[list[Call], int] | None:
    """The calls of a formula in one signal that ends with `end`, and this signal: the nearest that all paths meet."""
    calls, todo = [end], sorted(set(end.reads))
    while len(todo) > 1:
        number = todo.pop()
        call = wiring.producer.get(number)
        if call is None or call.parameters or call.function not in ELEMENTWISE | ARITHMETIC or len(calls) > LONGEST:
            return None
        calls.append(call)
        todo = sorted({*todo, *call.reads})
        if not todo:
            return None
    powers = any(len(call.reads) == 2 and len(set(call.reads)) == 1 for call in calls if call.function in PRODUCTS)
    if not powers and not any(call.function in ELEMENTWISE | {"pow", "__pow__"} for call in calls):
        return None
    return sorted(calls, key=lambda one: one.gives[0]), todo[0]


def _replayed(calls: list[Call], root: int, end: int) -> Callable[[Any], Any]:
    """The calls as a function of the signal `root`."""
    torch = framework()

    def function(x: Any) -> Any:
        values = {root: x}

        def value(argument: Any) -> Any:
            return values[argument[1]] if isinstance(argument, tuple) and argument[:1] == ("signal",) else argument

        for call in calls:
            name = call.function.rstrip("_") if not call.function.startswith("__") else call.function
            options = {key: value(option) for key, option in call.options.items() if key != "inplace"}
            arguments = [value(argument) for argument in call.arguments]
            home = next((at for at in (torch.nn.functional, torch, torch.Tensor) if hasattr(at, name)), torch)
            values[call.gives[0]] = getattr(home, name)(*arguments, **options)
        return values[end]

    return function


def _as_activation(function: Callable[[Any], Any], name: str, call: Call) -> Activation:
    plain = name.rstrip("_")
    options = [one for one in call.arguments[1:] if not isinstance(one, bool)] or call.options
    if plain in ("relu", "tanh", "sigmoid", "silu", "selu", "mish", "softplus", "softsign", "relu6", "hardswish") and (
        not [one for one in options if one not in ("inplace", "beta", "threshold", False, 1, 20)]
    ):
        return activation(plain)
    if plain == "gelu":
        return activation("gelu_tanh" if "tanh" in (*call.arguments, *call.options.values()) else "gelu")
    return activation(function, name=f"{call.module or 'model'}: {plain}")


def safe_activation(wiring: Wiring, call: Call) -> tuple[Activation, int] | None:
    """As `activation_of`; None also where the function is not usable as an activation."""
    try:
        return activation_of(wiring, call)
    except MeanFieldError:
        return None
