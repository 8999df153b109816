"""`meanfield propagate`: second moments, correlations and gradients by layer."""

from pathlib import Path
from typing import Annotated

import typer

from meanfield.cli.arguments import AsJson, BlockText, Depth, Parameters, Pixels, SigmaB, SigmaW, parse_pixels
from meanfield.cli.network_argument import parse_block
from meanfield.cli.output import checked_path, print_json, print_report, reasons, save_figure, say

QUANTITIES = ("q", "c", "one_minus_c", "chi", "gradient")


def propagate(
    activation: BlockText,
    param: Parameters = None,
    sigma_w: SigmaW = None,
    sigma_b: SigmaB = None,
    depth: Depth = 20,
    q: Annotated[float, typer.Option(help="Second moment of the pre-activations of layer 0.")] = 1.0,
    c: Annotated[float, typer.Option(help="Correlation of two inputs there.")] = 0.5,
    pixels: Pixels = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Draw it: .png, .pdf or .svg.")] = None,
    as_json: AsJson = False,
) -> None:
    """Two inputs and their gradients, layer by layer.

    A table of about twenty layers; all of them with --json.

    \b
    Example: meanfield propagate tanh --sigma-w 1.5 --sigma-b 0.1 --depth 50
    Example: meanfield propagate "residual(layernorm, gelu, dense(1.4), scale=0.2)" --depth 100
    """
    from meanfield.theory.depth import propagate as propagation

    if output is not None:
        checked_path(output)
    block = parse_block(activation, param, sigma_w, sigma_b)
    run = propagation.propagate(block.network, depth, q=q, c=c, pixels=parse_pixels(pixels))
    if output is not None:
        from meanfield.plotting.axes import plain
        from meanfield.plotting.trajectory import plot_propagation

        axes = plot_propagation(run)
        title = block.title("$\\sigma_w$ = {:.4g}, $\\sigma_b$ = {:.4g}") if block.sigmas else plain(block.name)
        axes[0].set_title(title, loc="left", fontsize="medium")
        save_figure(axes[0], output, quiet=as_json)
    columns = {name: getattr(run, name) for name in QUANTITIES}
    if as_json:
        return print_json({**block.keys, "depth": depth, **columns, **reasons(run)})
    say(block.title())
    print_report(run.report())
    return None
