"""torch modules in the place of an activation: their parts in order, their mode, and which of them are refused.

A module is taken in the mode that its own `training` says. `torch.nn.Sequential` is read part by part, so that the
dropout inside it is known; every other module is a single part.
"""

import copy
import sys
from typing import Any

import numpy as np

from meanfield.activations.callables.keras_layers import is_keras_layer
from meanfield.errors import BadActivation

# Modules that are not elementwise, by what they do, and the layer that stands for them in a block.
NORMS = (
    ("BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm", "normalises over the batch", "mf.BatchNorm(batch_size)"),
    ("LayerNorm", "normalises over units", "mf.LayerNorm()"),
    ("RMSNorm", "normalises over units", "mf.RMSNorm()"),
    ("GroupNorm InstanceNorm1d InstanceNorm2d InstanceNorm3d", "normalises over units or pixels", ""),
    ("LocalResponseNorm CrossMapLRN2d", "normalises over neighbouring units", ""),
    ("Softmax Softmin LogSoftmax Softmax2d", "normalises over the entries of an axis", ""),
    ("GLU", "multiplies one half of the units by a function of the other half", "mf.Gated('sigmoid')"),
)
# Files of torch.nn.modules whose classes move or join entries.
FILES = {
    "pooling": "pools over pixels",
    "padding": "adds pixels",
    "upsampling": "adds pixels",
    "fold": "moves entries",
    "flatten": "changes the shape",
    "pixelshuffle": "moves entries",
    "channelshuffle": "moves entries",
    "distance": "joins entries",
    "loss": "joins entries",
}
DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")
DENSE = "mf.Dense(sigma_w, sigma_b)"


def is_torch_module(thing: object) -> bool:
    """Whether `thing` is an instance of torch.nn.Module, and no Keras layer, which on torch is one too."""
    torch: Any = sys.modules.get("torch")
    return hasattr(torch, "float64") and isinstance(thing, torch.nn.Module) and not is_keras_layer(thing)


def parts(module: Any) -> list[Any]:
    """The modules that act on x one after the other, without those that leave every x as it is.

    Raises
    ------
    BadActivation
        If one of them is known not to be elementwise.
    """
    found: list[Any] = []
    for part in _flattened(module):
        _refuse_coupling(part, module)
        if not _leaves_all(part):
            found.append(part)
    return found


def name_of_module(module: Any) -> str:
    """The class of the module, and of a Sequential those of its parts, with the mode where it matters."""
    mode = mode_of(module)
    return _classes(module) + (f" in {mode} mode" if mode else "")


def mode_of(module: Any) -> str:
    """ "training" or "eval" where the values depend on the mode, else ""."""
    noisy = [part for part in _flattened(module) if _depends_on_mode(part)]
    if not noisy:
        return ""
    return "training" if any(part.training for part in noisy) else "eval"


def in_float64(module: Any) -> Any:
    """A copy of the module in float64 on the CPU, in its own mode.

    Raises
    ------
    BadActivation
        If it has no values to copy, or cannot be copied.
    """
    name = _classes(module)
    try:
        return copy.deepcopy(module).cpu().double()
    except NotImplementedError:
        raise BadActivation(f"{name} is on the meta device, so its parameters have no values") from None
    except RuntimeError as error:
        first = str(error).strip().splitlines()[0]
        raise BadActivation(f"{name} cannot be copied: {first}") from error


def held_weights(module: Any) -> str:
    """The classes of the modules in it that multiply by a matrix, as text; "" if there are none."""
    names = {type(part).__name__: None for part in module.modules() if _has_matrix(part)}
    return ", ".join(names)


def is_torchs(part: Any, kind: str) -> bool:
    """Whether the part is of this class of torch.nn and acts as the class does: no subclass, no hooks."""
    hooks = part._forward_hooks or part._forward_pre_hooks
    return type(part) is getattr(sys.modules["torch"].nn, kind, None) and not hooks


def is_dropout(part: Any) -> bool:
    """Whether the part sets units or whole channels to a constant at random."""
    return any(is_torchs(part, kind) for kind in DROPOUTS)


def draws(called: Any, x: Any) -> bool:
    """Whether the call draws from torch's generator, whose state is put back."""
    torch: Any = sys.modules["torch"]
    before = torch.get_rng_state()
    try:
        with torch.no_grad():
            called(x)
        return not torch.equal(before, torch.get_rng_state())
    finally:
        torch.set_rng_state(before)


def _is_sequence(module: Any) -> bool:
    """Whether the module applies its parts one after the other and does nothing else."""
    kind = sys.modules["torch"].nn.Sequential
    hooks = module._forward_hooks or module._forward_pre_hooks
    return isinstance(module, kind) and type(module).forward is kind.forward and not hooks


def _flattened(module: Any) -> list[Any]:
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    return [part for inner in module for part in _flattened(inner)] if _is_sequence(module) else [module]


def _classes(module: Any) -> str:
    module = getattr(module, "_orig_mod", module)
    name = getattr(module, "original_name", type(module).__name__)  # the class that torch.jit compiled
    return f"{name}({', '.join(map(_classes, _flattened(module)))})" if _is_sequence(module) else str(name)


def _leaves_all(part: Any) -> bool:
    return is_torchs(part, "Identity") or (is_dropout(part) and not (part.training and part.p > 0))


def _depends_on_mode(part: Any) -> bool:
    if is_dropout(part):
        return bool(part.p > 0)
    if is_torchs(part, "RReLU"):
        return bool(part.lower != part.upper)
    if type(part).__module__.startswith("torch.nn.") and is_torchs(part, type(part).__name__):
        return False
    torch: Any = sys.modules["torch"]
    x = torch.linspace(-3.0, 3.0, 7, dtype=torch.float64)
    values: list[Any] = []
    try:
        for training in (False, True):
            there = in_float64(part).train(training)
            if draws(there, x.clone()):
                return True
            with torch.no_grad():
                values.append(np.asarray(there(x.clone()).detach()))
        return not np.array_equal(values[0], values[1], equal_nan=True)
    except Exception:  # what it raises in its own mode is reported where it is called
        return False


def _refuse_coupling(part: Any, module: Any) -> None:
    name, whole = type(part).__name__, "" if part is module else f" in {_classes(module)}"
    for inner in part.modules():
        if what := _couples(inner):
            does = f"it {what}" if inner is part else f"its {type(inner).__name__} {what}"
            raise BadActivation(f"{name}{whole} is not elementwise, {does}")
    if type(part).__module__.startswith("torch.nn.") and (held := held_weights(part)):
        which = "multiplies by a matrix" if held == name else f"holds {held}"
        raise BadActivation(
            f"{name}{whole} is not elementwise, it {which}: give the activation alone; in a block, weights are {DENSE}"
        )


def _couples(part: Any) -> str:
    """What a module of torch's that is known not to be elementwise does; "" for any other."""
    nn: Any = sys.modules["torch"].nn
    for classes, what, layer in NORMS:
        if isinstance(part, tuple(kind for word in classes.split() if (kind := getattr(nn, word, None)))):
            return what + (f": in a block it is {layer}" if layer else "")
    home, _, file = type(part).__module__.rpartition(".")
    return FILES.get(file, "") if home == "torch.nn.modules" else ""


def _has_matrix(part: Any) -> bool:
    torch: Any = sys.modules["torch"]
    lazy = torch.nn.parameter.UninitializedParameter
    return any(isinstance(p, lazy) or p.ndim >= 2 for p in part.parameters(recurse=False))
