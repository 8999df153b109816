"""`meanfield fixed-points`: all fixed points of the variance map, and the analysis at the one reached from q = 1."""

from math import isnan
from typing import Annotated

import typer

from meanfield.cli.arguments import AsJson, BlockText, Parameters, SigmaB, SigmaW
from meanfield.cli.network_argument import parse_block
from meanfield.cli.output import print_json, print_table, reasons, say

MEANING = {
    "q_star": "second moment reached from q = 1",
    "chi_parallel": "slope of the variance map there",
    "chi_1": "growth of squared gradients a layer",
    "c_star": "limiting correlation of two inputs",
    "chi_c": "slope of the correlation map there",
    "xi_q": "depth scale of the second moment, layers",
    "xi_c": "depth scale of the correlation, layers",
    "xi_gradient": "depth scale of gradients, layers; negative: they grow",
    "phase": "what correlations and gradients do",
}


def fixed_points(
    activation: BlockText,
    param: Parameters = None,
    sigma_w: SigmaW = None,
    sigma_b: SigmaB = None,
    q_max: Annotated[float, typer.Option(help="Upper end of the search.")] = 1e6,
    as_json: AsJson = False,
) -> None:
    """Fixed points, their stability, and depth scales.

    \b
    Example: meanfield fixed-points gelu --sigma-w 1.4318 --sigma-b 0.3162
    Example: meanfield fixed-points "relu, dropout(0.1), dense(1.3, 0.2)"
    """
    from meanfield.theory.fixed_points.analysis import analyze
    from meanfield.theory.fixed_points.phases import PHASES
    from meanfield.theory.fixed_points.stability import stability
    from meanfield.theory.fixed_points.variance import fixed_points as every_fixed_point

    block = parse_block(activation, param, sigma_w, sigma_b)
    points = every_fixed_point(block.network, q_max=q_max)
    analysis = analyze(block.network)
    settled = {name: getattr(analysis, name).item() for name in MEANING}
    sides = stability(points)
    if as_json:
        found = [vars(point) for point in points]
        told = {**settled, **reasons(analysis)}
        return print_json({**block.keys, "fixed_points": found, "stability": sides, "analysis": told})
    say(block.title())
    if points:
        rows = [
            (f"{point.q:.12g}", f"{point.slope:.10g}", "stable" if point.stable else "not stable") for point in points
        ]
        print_table(("fixed point q", "slope", ""), rows)
        if sides:
            say(f"{sides}.")
    else:
        say(f"The variance map has no fixed point up to q = {q_max:g}.")
    why = {name: f"; {reason.item()}" for name, reason in analysis.not_finite.items()}
    meaning = {**MEANING, "phase": PHASES[settled["phase"]]}
    print_table((), [(name, _shown(value), meaning[name] + why.get(name, "")) for name, value in settled.items()])
    return None


def _shown(value: float | str) -> str:
    """A number or a phase; a dash for NaN."""
    return value if isinstance(value, str) else "-" if isnan(value) else f"{value:.10g}"
