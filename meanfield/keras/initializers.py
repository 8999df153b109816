"""`Critical` as a class of Keras, made and registered when it is first asked for."""

from functools import cache
from typing import Any

from meanfield.errors import MeanFieldError
from meanfield.keras.critical_weights import Critical as CriticalWeights
from meanfield.keras.framework import framework


def __getattr__(name: str) -> Any:
    if name != "Critical":
        raise AttributeError(f"module 'meanfield.keras.initializers' has no attribute {name!r}")
    return critical_class()


@cache
def critical_class() -> type[CriticalWeights]:
    """The subclass of `keras.initializers.Initializer`; without Keras, a class that says so when it is called."""
    try:
        keras = framework()
    except MeanFieldError:
        return CriticalWeights
    members = {"__doc__": CriticalWeights.__doc__, "__module__": "meanfield.keras"}
    made = type("Critical", (CriticalWeights, keras.initializers.Initializer), members)
    registered: type[CriticalWeights] = keras.saving.register_keras_serializable(package="meanfield")(made)
    return registered
