"""`meanfield propagate`: second moments, correlations and gradients by layer."""

from pathlib import Path
from typing import Annotated

import typer

from meanfield.cli.arguments import (
    ActivationText,
    AsJson,
    Depth,
    Parameters,
    SigmaB,
    SigmaW,
    activation_from,
    sigmas_or_recommended,
)
from meanfield.cli.output import activation_keys, checked_path, number, print_json, print_table, save_figure, thinned

__all__ = ["propagate"]

QUANTITIES = ("q", "c", "one_minus_c", "chi", "gradient")


def propagate(
    activation: ActivationText,
    param: Parameters = None,
    sigma_w: SigmaW = None,
    sigma_b: SigmaB = None,
    depth: Depth = 20,
    q: Annotated[float, typer.Option(help="Second moment of the pre-activations of layer 0.")] = 1.0,
    c: Annotated[float, typer.Option(help="Correlation of two inputs there.")] = 0.5,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Draw it: .png, .pdf or .svg.")] = None,
    as_json: AsJson = False,
) -> None:
    """Two inputs and their gradients, layer by layer.

    A table of about twenty layers; all of them with --json.

    \b
    Example: meanfield propagate tanh --sigma-w 1.5 --sigma-b 0.1 --depth 50
    """
    from meanfield.networks.network import mlp
    from meanfield.theory import propagation

    if output is not None:
        checked_path(output)
    phi = activation_from(activation, param)
    sigma_w, sigma_b, _ = sigmas_or_recommended(phi, sigma_w, sigma_b)
    run = propagation.propagate(mlp(phi, sigma_w, sigma_b), depth, q=q, c=c)
    if output is not None:
        from meanfield.plotting.propagation import plot_propagation

        axes = plot_propagation(run)
        axes[0].set_title(
            f"{phi.name}, $\\sigma_w$ = {sigma_w:.4g}, $\\sigma_b$ = {sigma_b:.4g}", loc="left", fontsize="medium"
        )
        save_figure(axes[0], output, quiet=as_json)
    columns = {name: getattr(run, name) for name in QUANTITIES}
    if as_json:
        head = {**activation_keys(phi), "sigma_w": sigma_w, "sigma_b": sigma_b, "depth": depth}
        return print_json({**head, **columns})
    typer.echo(f"{phi.name}, sigma_w = {sigma_w:.10g}, sigma_b = {sigma_b:.10g}")
    rows = [(str(layer), *(number(values[layer]) for values in columns.values())) for layer in thinned(depth)]
    print_table(("layer", "q", "c", "1 - c", "chi", "gradient"), rows)
    typer.echo("chi: growth of squared gradients in the block that begins there; gradient: relative to the last layer")
    return None
