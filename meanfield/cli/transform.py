"""`meanfield transform`: an activation shaped for the depth of a network."""

from pathlib import Path
from typing import Annotated

import typer

from meanfield.cli.arguments import ActivationText, AsJson, Parameters, parse_activation
from meanfield.cli.output import activation_keys, checked_path, print_json, print_report, save_figure, say

LIBRARIES = ("torch", "jax", "keras", "numpy")


def transform(
    activation: ActivationText,
    param: Parameters = None,
    method: Annotated[str, typer.Option(metavar="dks|tat", help="Deep kernel shaping, or TAT.")] = "dks",
    depth: Annotated[int, typer.Option(help="How many times the block is repeated.")] = 50,
    block: Annotated[
        str | None,
        typer.Option(
            metavar="NETWORK",
            help="Layers between commas; its activations mark places. [default: the activation, dense]",
            show_default=False,
        ),
    ] = None,
    zeta: Annotated[float, typer.Option(help="Largest slope at c = 1, by dks.")] = 1.5,
    tau: Annotated[float, typer.Option(help="Largest curvature at c = 1, by tat.")] = 0.3,
    eta: Annotated[float, typer.Option(help="Largest C(0), by tat for leaky ReLUs.")] = 0.9,
    branch: Annotated[
        int | None,
        typer.Option(help="Number of a solution. [default: the one of the literature]", show_default=False),
    ] = None,
    framework: Annotated[str, typer.Option(metavar="|".join(LIBRARIES), help="Framework of the code.")] = "torch",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Draw it: .png, .pdf or .svg.")] = None,
    as_json: AsJson = False,
) -> None:
    """The activation d·(φ(ax + b) + c) for a deep network without normalisation layers.

    Its weights have the standard deviation 1/√fan_in, its biases are 0, and its inputs have the mean square 1.

    \b
    Example: meanfield transform gelu --method tat --depth 50
    Example: meanfield transform tanh --block "residual(tanh, dense, branch_scale=0.6, skip_scale=0.8)"
    """
    from meanfield.arguments import choice
    from meanfield.shaping.transform import METHODS
    from meanfield.shaping.transform import transform as shape

    if output is not None:
        checked_path(output)
    choice(framework, "--framework", LIBRARIES)
    phi = parse_activation(activation, param)
    shaped = shape(
        phi,
        method=choice(method, "--method", METHODS),
        depth=depth,
        block=block,
        zeta=zeta,
        tau=tau,
        eta=eta,
        branch="published" if branch is None else branch,
    )
    if output is not None:
        save_figure(shaped.plot(), output, quiet=as_json)
    if as_json:
        kept = {name: value for name, value in shaped.to_dict().items() if name != "name"}
        more = {"conditions": shaped.conditions, "branches": shaped.branches, "snippets": shaped.snippets}
        return print_json({**activation_keys(phi), "depth": depth, "block": block, **kept, **more})
    print_report(shaped.report())
    if code := shaped.snippets.get(framework):
        say(f"\n{code}", nl=False)
    return None
