"""`meanfield check`: a simulation of finite networks, or given weights, against the theory."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from meanfield.cli.arguments import (
    BLOCK_HELP,
    BLOCK_METAVAR,
    AsJson,
    Depth,
    Parameters,
    Pixels,
    SigmaB,
    SigmaW,
    import_callable,
    parse_pixels,
)
from meanfield.cli.network_argument import parse_block, parse_spec
from meanfield.cli.output import checked_path, print_json, print_report, save_figure, say
from meanfield.errors import InvalidInput

if TYPE_CHECKING:
    from meanfield.activations.activation import Activation
    from meanfield.cross_check.result import CheckResult
    from meanfield.montecarlo.simulate import Method, TypeName
    from meanfield.montecarlo.weight_laws import Sampler
    from meanfield.weights.axis_order import Layout


def check(
    activation: Annotated[
        str | None,
        typer.Argument(metavar=BLOCK_METAVAR, help=BLOCK_HELP, show_default=False),
    ] = None,
    param: Parameters = None,
    activation_option: Annotated[
        str | None, typer.Option("--activation", metavar=BLOCK_METAVAR, help="The same.", show_default=False)
    ] = None,
    sigma_w: SigmaW = None,
    sigma_b: SigmaB = None,
    depth: Depth = 20,
    width: Annotated[int, typer.Option(help="Units of a layer.")] = 256,
    networks: Annotated[int, typer.Option(help="Independent networks.")] = 32,
    q: Annotated[float, typer.Option(help="Second moment of the pre-activations of layer 0.")] = 1.0,
    c: Annotated[float, typer.Option(help="Correlation of two inputs there.")] = 0.5,
    pixels: Pixels = None,
    weights: Annotated[
        str,
        typer.Option(
            metavar="LAW|FILE",
            help="gaussian, uniform, truncated_normal, orthogonal, sparse or student_t; or an .npz file of "
            "a network's weights.",
        ),
    ] = "gaussian",
    init: Annotated[
        str | None,
        typer.Option(
            metavar="SCHEME|PACKAGE.MODULE:CALLABLE",
            help="A named scheme, or your own (rng, fan_out, fan_in) -> weights, at its own scale; not with --weights.",
        ),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            metavar="torch|keras",
            help="Matrices in a FILE are (fan_out, fan_in), or transposed; by default as their names tell.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        str, typer.Option(metavar="materialized|exact_law", help="Draw matrices, or sample in law.")
    ] = "materialized",
    dtype: Annotated[str, typer.Option(metavar="float64|float32")] = "float64",
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 0,
    workers: Annotated[int, typer.Option(help="Threads; -1 for all cores.")] = 1,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Draw it: .png, .pdf or .svg.")] = None,
    as_json: AsJson = False,
) -> int:
    """Simulate finite networks, or run given weights, and compare with the theory.

    Exit status 1 if they disagree, or if so few networks cannot tell ("inconclusive").

    \b
    Example: meanfield check tanh --sigma-w 1.5 --sigma-b 0.1 --weights uniform
    Example: meanfield check "residual(relu, dense(0.5))" --depth 10
    """
    if (activation is None) == (activation_option is None):
        raise InvalidInput("check needs one activation, as in: meanfield check gelu")
    text = activation or activation_option or ""
    if output is not None:
        checked_path(output)
    if init is not None and weights != "gaussian":
        raise InvalidInput("give --weights or --init, not both: each sets the law of the weights")
    from meanfield.weights.file_kinds import names_file

    if names_file(weights):
        from meanfield.cross_check.check_weights import check_weights
        from meanfield.weights.measure import measure

        if sigma_w is not None or sigma_b is not None:
            raise InvalidInput(f"{weights} has its own scale: leave --sigma-w and --sigma-b out")
        network, axes = parse_spec(text, param), cast("Layout | None", layout)  # validated by check_weights
        given = check_weights(weights, network.spec, q=q, c=c, networks=max(networks, 8), layout=axes, rng=seed)
        measured = measure(weights, layout=axes)
        head = {**network.keys, "weights": weights, "seed": seed, "measured": measured.to_dict()}
        return _report(given, head, f"{measured!r}\n\n{network.name}", output, as_json)
    from meanfield.cross_check.crosscheck import crosscheck

    block = parse_block(text, param, sigma_w, sigma_b)
    law = weights if init is None else _sampler(init, block.network.activations)
    result = crosscheck(
        block.network, depth, width, networks=networks, q=q, c=c, pixels=parse_pixels(pixels), weights=law, rng=seed,
        workers=workers, progress=True, method=cast("Method", method), dtype=cast("TypeName", dtype),
    )  # fmt: skip
    head = {**block.keys, "weights": init or weights, "method": method, "seed": seed}
    return _report(result, head, f"{block.title()}{' (recommended)' if block.recommended else ''}", output, as_json)


def _sampler(text: str, activations: "Sequence[Activation]") -> "Sampler":
    """The sampler of --init: an imported function, or a named scheme for the network's activation."""
    if ":" in text and "=" not in text:
        return import_callable(text)
    from meanfield.initializers.catalogue import SCHEMES
    from meanfield.initializers.resolve import initializer, named_scheme

    depends = SCHEMES[named_scheme(text)[0]].activation
    if depends and len(set(activations)) != 1:
        raise InvalidInput(f"{text} is for one activation, and the network has {len(set(activations))}")
    return initializer(text, activation=activations[0] if depends else None)


def _report(result: "CheckResult", head: dict[str, object], title: str, output: Path | None, as_json: bool) -> int:
    """Print the result; returns the exit status."""
    if output is not None:
        save_figure(result.plot(), output, quiet=as_json)
    if as_json:
        print_json({**head, **result.to_dict()})
        return int(not result.passed)
    say(title)
    print_report(result.report())
    return int(not result.passed)
