"""`meanfield table`: the gains of many activations."""

from typing import Annotated, Any

import typer

from meanfield.cli.arguments import AsJson, activation_from
from meanfield.cli.gain import gains_as_json, gains_or_reasons
from meanfield.cli.output import activation_keys, print_csv, print_json, print_markdown, print_table
from meanfield.errors import InvalidInput, MeanFieldError

__all__ = ["table"]

KINDS = ("forward", "centered", "backward")
FORMATS = {"plain": print_table, "markdown": print_markdown, "csv": print_csv}


def table(
    activations: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ACTIVATION]...", help="The whole catalogue if none is named.", show_default=False),
    ] = None,
    q: Annotated[float, typer.Option(help="Second moment of the pre-activation.")] = 1.0,
    layout: Annotated[str, typer.Option("--format", metavar="plain|markdown|csv", help="Layout.")] = "plain",
    as_json: AsJson = False,
) -> None:
    """The gains of many activations, or of the catalogue.

    In csv with all digits and the errors.

    \b
    Example: meanfield table relu gelu silu --format markdown
    """
    from meanfield.activations.catalogue import catalogue

    if layout not in FORMATS:
        raise InvalidInput(f"--format must be one of {', '.join(FORMATS)}, not {layout!r}")
    phis = [activation_from(text) for text in activations or catalogue()]
    every = [(phi, _gains(phi, q, forgiving=not activations)) for phi in phis]
    if as_json:
        return print_json(
            {"q": q, "table": [{**activation_keys(phi), "gains": gains_as_json(found)} for phi, found in every]}
        )
    if layout == "csv":
        columns = ["activation", *(f"{kind}{suffix}" for kind in KINDS for suffix in ("", "_error"))]
        print_csv(
            columns, [[phi.name, *(cell for kind in KINDS for cell in _cells(found[kind]))] for phi, found in every]
        )
    else:
        rows = [[phi.name, *(_digits(found[kind]) for kind in KINDS)] for phi, found in every]
        FORMATS[layout](("activation", *KINDS), rows)
    return None


def _gains(phi: Any, q: float, forgiving: bool) -> dict[str, Any]:
    """The gains; a catalogue's entry that has none at this q says why instead of ending the table."""
    try:
        return gains_or_reasons(phi, q)
    except MeanFieldError as error:
        if not forgiving or not q > 0:
            raise
        return dict.fromkeys(KINDS, str(error))


def _digits(found: Any) -> str:
    return "-" if isinstance(found, str) else f"{found.value:.12f}"


def _cells(found: Any) -> tuple[str, str]:
    return ("", "") if isinstance(found, str) else (repr(found.value), f"{found.error:.1e}")
