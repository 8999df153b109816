"""`meanfield check`: does a simulation of finite networks do what the theory says?"""

from pathlib import Path
from typing import Annotated, Any

import typer

from meanfield.cli.arguments import (
    ActivationText,
    AsJson,
    Depth,
    Parameters,
    SigmaB,
    SigmaW,
    activation_from,
    imported,
    sigmas_or_recommended,
)
from meanfield.cli.output import activation_keys, checked_path, number, print_json, print_table, save_figure, thinned
from meanfield.errors import InvalidInput

__all__ = ["check"]

NAMES = {
    "one_minus_c": "1 - c",
    "sigma_w": "weights: sigma_w",
    "mean": "weights: mean",
    "correlation": "weights: correlation",
}


def check(
    activation: ActivationText,
    param: Parameters = None,
    sigma_w: SigmaW = None,
    sigma_b: SigmaB = None,
    depth: Depth = 20,
    width: Annotated[int, typer.Option(help="Units of a layer.")] = 256,
    networks: Annotated[int, typer.Option(help="Independent networks.")] = 32,
    q: Annotated[float, typer.Option(help="Second moment of the pre-activations of layer 0.")] = 1.0,
    c: Annotated[float, typer.Option(help="Correlation of two inputs there.")] = 0.5,
    weights: Annotated[
        str, typer.Option(metavar="LAW", help="gaussian, uniform, truncated_normal, orthogonal or sparse.")
    ] = "gaussian",
    init: Annotated[
        str | None,
        typer.Option(
            metavar="PACKAGE.MODULE:CALLABLE",
            help="Your own (rng, fan_out, fan_in) -> weights, used at the scale they come in, in place of --weights.",
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
    """Simulate finite networks and compare with the theory.

    Exit status 1 if they disagree.

    \b
    Example: meanfield check tanh --sigma-w 1.5 --sigma-b 0.1 --weights uniform
    """
    from meanfield.networks.network import mlp
    from meanfield.verdict import crosscheck

    if output is not None:
        checked_path(output)
    if init is not None and weights != "gaussian":
        raise InvalidInput("give --weights or --init, not both: a function of your own is a law of weights too")
    law: Any = weights if init is None else imported(init)
    phi = activation_from(activation, param)
    sigma_w, sigma_b, recommended = sigmas_or_recommended(phi, sigma_w, sigma_b)
    options: dict[str, Any] = {"method": method, "dtype": dtype}  # whose values crosscheck checks
    result = crosscheck(
        mlp(phi, sigma_w, sigma_b), depth, width, networks=networks, q=q, c=c, weights=law, rng=seed, workers=workers,
        progress=True, **options,
    )  # fmt: skip
    if output is not None:
        save_figure(result.plot(), output, quiet=as_json)
    if as_json:
        head = {
            **activation_keys(phi),
            "sigma_w": sigma_w,
            "sigma_b": sigma_b,
            "weights": init or weights,
            "method": method,
            "seed": seed,
        }
        print_json({**head, **result.to_dict()})
        return int(not result.passed)
    typer.echo(
        f"{phi.name}, sigma_w = {sigma_w:.10g}, sigma_b = {sigma_b:.10g}{' (recommended)' if recommended else ''}"
    )
    shown = set(thinned(depth, [result.worst.layer]))
    rows = [
        (
            str(row.layer),
            NAMES.get(row.quantity, row.quantity),
            number(row.theory),
            number(row.simulation),
            f"{row.standard_error:.1g}",
            f"{row.z:.1f}".replace("-0.0", "0.0"),
        )
        for row in result.rows
        if row.layer in shown
    ]
    print_table(("layer", "quantity", "theory", "simulation", "standard error", "z"), rows)
    typer.echo(result.summary)
    return int(not result.passed)
