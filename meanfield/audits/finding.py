"""One finding of an audit."""

from dataclasses import dataclass

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """Something that an audit found.

    Attributes
    ----------
    module : str
        Path of the module.
    kind : str
        "copies", "entries", "scale", "gate", "scheme", "fan", "gain", "residual", "signal", "gradient", "structure",
        "constant", "zeros", "saturated", "no gradient", "not finite" or "theory".
    severity : {"error", "warning", "note"}
        An error fails the audit.
    text : str
        What was found and what would be right, in one sentence.
    """

    module: str
    kind: str
    severity: str
    text: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.module or 'the model'}: {self.text}"
