"""`meanfield gain`: the gains of an activation by every common definition."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from meanfield.cli.arguments import ActivationText, AsJson, Parameters, parse_activation
from meanfield.cli.output import activation_keys, estimate, print_json, print_table, say

if TYPE_CHECKING:
    from meanfield.activations.activation import Activation
    from meanfield.estimates import Estimate

GainOrReason: TypeAlias = "Estimate | str"

DEFINITIONS = {
    "forward": "1/√E φ², keeps the second moment",
    "centered": "1/√Var φ, keeps the variance about the mean",
    "backward": "1/√E φ′², keeps the squared gradient",
}


def gain(
    activation: ActivationText,
    param: Parameters = None,
    q: Annotated[float, typer.Option(help="Second moment of the pre-activation.")] = 1.0,
    kind: Annotated[str | None, typer.Option(metavar="forward|centered|backward", help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """The gains of an activation, with bounds on their errors.

    \b
    Example: meanfield gain gelu
    """
    from meanfield.activations import gains as theory

    phi = parse_activation(activation, param)
    found: dict[str, GainOrReason] = {kind: theory.gain(phi, kind=kind, q=q)} if kind else gains_or_reasons(phi, q)
    if as_json:
        return print_json({**activation_keys(phi), "q": q, "gains": gains_as_json(found)})
    say(f"{phi.name}, pre-activations of second moment q = {q:g}")
    print_table(
        ("kind", "gain", "definition"),
        [(name, str(e), DEFINITIONS[name]) for name, e in found.items()],
    )
    return None


def gains_or_reasons(phi: "Activation", q: float) -> dict[str, GainOrReason]:
    """By kind, the gain as an `Estimate`, or the reason why it does not exist."""
    from meanfield.activations import gains as theory
    from meanfield.errors import InfiniteDerivative, InvalidInput

    found: dict[str, GainOrReason] = {}
    for kind in theory.KINDS:
        try:
            found[kind] = theory.gain(phi, kind=kind, q=q)
        except (InfiniteDerivative, InvalidInput) as error:
            if kind == "forward":
                raise
            found[kind] = str(error)
    return found


def gains_as_json(found: "Mapping[str, GainOrReason]") -> dict[str, object]:
    """Gains in JSON output; value and error are null if there is a reason."""
    nothing = {"value": None, "error": None, "converged": None}
    return {
        kind: {**nothing, "reason": e} if isinstance(e, str) else {**estimate(e), "reason": None}
        for kind, e in found.items()
    }
