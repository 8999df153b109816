"""The framework torch, imported when a function of this room is first called."""

from typing import Any

from meanfield.audits.framework import imported
from meanfield.errors import InvalidInput, shown

INSTALL = 'pip install "meanfield-nn[torch]"'


def framework() -> Any:
    """The module torch; raises if it is not installed.

    Raises
    ------
    MeanFieldError
        If torch cannot be imported.
    """
    return imported("torch", "meanfield.torch", INSTALL)


def checked_model(model: Any) -> Any:
    """`model`; raises unless it is a torch.nn.Module whose parameters have values.

    Raises
    ------
    InvalidInput
        If it is something else, or its parameters are lazy or on the meta device.
    """
    torch = framework()
    if not isinstance(model, torch.nn.Module):
        raise InvalidInput(f"model must be a torch.nn.Module, not {shown(model)}")
    lazy = torch.nn.parameter.UninitializedParameter
    for name, parameter in model.named_parameters():
        if isinstance(parameter, lazy) or parameter.is_meta:
            raise InvalidInput(f"{name} has no values yet: run the model once, or draw its weights, before this")
    return model
