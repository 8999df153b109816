"""`meanfield table`: the gains of many activations, or their signals under initialisation schemes."""

from typing import TYPE_CHECKING, Annotated

import typer

from meanfield.cli.arguments import AsJson, parse_activation
from meanfield.cli.gain import GainOrReason, gains_as_json, gains_or_reasons
from meanfield.cli.output import activation_keys, print_csv, print_json, print_markdown, print_table
from meanfield.errors import InvalidInput, MeanFieldError

if TYPE_CHECKING:
    from meanfield.activations.activation import Activation

KINDS = ("forward", "centered", "backward")
FORMATS = {"plain": print_table, "markdown": print_markdown, "csv": print_csv}


def table(
    activations: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ACTIVATION]...",
            help="The whole catalogue if none is named; with --schemes, a dozen.",
            show_default=False,
        ),
    ] = None,
    q: Annotated[float, typer.Option(help="Second moment of the pre-activation; with --schemes, at layer 0.")] = 1.0,
    schemes: Annotated[bool, typer.Option("--schemes", help="Signal and gradient at depth, by scheme.")] = False,
    scheme: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:PARAMETER=VALUE,...]",
            help="Only this scheme; may be repeated. he_normal:activation uses each activation's own gain.",
        ),
    ] = None,
    depth: Annotated[
        str | None,
        typer.Option(help="Layers, between commas. [default: 10,50,200]", show_default=False),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(help="For schemes that depend on it. [default: 1024]", show_default=False),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="With --schemes, the whole catalogue.")] = False,
    layout: Annotated[str, typer.Option("--format", metavar="plain|markdown|csv", help="Layout.")] = "plain",
    as_json: AsJson = False,
) -> None:
    """The gains of many activations or of the whole catalogue; with --schemes, their signals at depth.

    CSV output has all digits and the errors. With --schemes, the table has q and the squared gradient of layer 0
    relative to the last layer: meanfield table gelu --schemes.

    \b
    Example: meanfield table relu gelu silu --format markdown
    """
    from meanfield.activations.catalogue.table import catalogue
    from meanfield.cli.scheme_table import scheme_table

    if layout not in FORMATS:
        raise InvalidInput(f"--format must be one of {', '.join(FORMATS)}, not {layout!r}")
    if schemes or scheme:
        return scheme_table(activations, everything, scheme, depth, width, q, layout, FORMATS[layout], as_json)
    for option, value in (("--depth", depth), ("--width", width), ("--all", everything or None)):
        if value is not None:
            raise InvalidInput(f"{option} goes with --schemes")
    phis = [parse_activation(text) for text in activations or catalogue()]
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


def _gains(phi: "Activation", q: float, forgiving: bool) -> "dict[str, GainOrReason]":
    """The gains; with `forgiving`, an error becomes the reason of all three."""
    try:
        return gains_or_reasons(phi, q)
    except MeanFieldError as error:
        if not forgiving or not q > 0:
            raise
        return dict.fromkeys(KINDS, str(error))


def _digits(found: "GainOrReason") -> str:
    return "-" if isinstance(found, str) else f"{found.value:.12f}"


def _cells(found: "GainOrReason") -> tuple[str, str]:
    return ("", "") if isinstance(found, str) else (repr(found.value), f"{found.error:.1e}")
