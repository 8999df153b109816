"""`meanfield fixed-points`: every fixed point of the variance map, and where a deep network settles."""

from typing import Annotated

import typer

from meanfield.cli.arguments import (
    ActivationText,
    AsJson,
    Parameters,
    SigmaB,
    SigmaW,
    activation_from,
    sigmas_or_recommended,
)
from meanfield.cli.output import activation_keys, print_json, print_table

__all__ = ["fixed_points"]

MEANING = {
    "q_star": "second moment reached from q = 1",
    "chi_parallel": "slope of the variance map there",
    "chi_1": "growth of squared gradients a layer",
    "c_star": "correlation that two inputs end at",
    "chi_c": "slope of the correlation map there",
    "xi_q": "depth scale of the second moment, layers",
    "xi_c": "depth scale of the correlation, layers",
    "xi_gradient": "depth scale of gradients, layers; negative: they grow",
    "phase": "",
}


def fixed_points(
    activation: ActivationText,
    param: Parameters = None,
    sigma_w: SigmaW = None,
    sigma_b: SigmaB = None,
    q_max: Annotated[float, typer.Option(help="Upper end of the search.")] = 1e6,
    as_json: AsJson = False,
) -> None:
    """Fixed points, their stability, and depth scales.

    \b
    Example: meanfield fixed-points gelu --sigma-w 1.4318 --sigma-b 0.3162
    """
    from meanfield.networks.network import mlp
    from meanfield.theory.fixed_points import fixed_points as every_fixed_point
    from meanfield.theory.stability import analyze

    phi = activation_from(activation, param)
    sigma_w, sigma_b, _ = sigmas_or_recommended(phi, sigma_w, sigma_b)
    block = mlp(phi, sigma_w, sigma_b)
    points = every_fixed_point(block, q_max=q_max)
    analysis = analyze(block)
    settled = {name: getattr(analysis, name) for name in MEANING}
    if as_json:
        found = [vars(point) for point in points]
        head = {**activation_keys(phi), "sigma_w": sigma_w, "sigma_b": sigma_b}
        return print_json({**head, "fixed_points": found, "analysis": settled})
    typer.echo(f"{phi.name}, sigma_w = {sigma_w:.10g}, sigma_b = {sigma_b:.10g}")
    if points:
        rows = [
            (f"{point.q:.12g}", f"{point.slope:.10g}", "stable" if point.stable else "not stable") for point in points
        ]
        print_table(("fixed point q", "slope", ""), rows)
    else:
        typer.echo(f"The variance map has no fixed point up to q = {q_max:g}.")
    rows = [
        (name, str(value) if name == "phase" else f"{value:.10g}", MEANING[name]) for name, value in settled.items()
    ]
    print_table((), rows)
    return None
