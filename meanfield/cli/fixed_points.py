"""`meanfield fixed-points`: all fixed points of the variance map, and the analysis at the one reached from q = 1."""

from typing import Annotated

import typer

from meanfield.cli.arguments import AsJson, BlockText, Parameters, SigmaB, SigmaW
from meanfield.cli.network_argument import parse_block
from meanfield.cli.output import print_json, print_report, print_table, reasons, say


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
    from meanfield.theory.fixed_points.analysis import FIELDS, analyze
    from meanfield.theory.fixed_points.stability import stability
    from meanfield.theory.fixed_points.variance import fixed_points as every_fixed_point

    block = parse_block(activation, param, sigma_w, sigma_b)
    points = every_fixed_point(block.network, q_max=q_max)
    analysis = analyze(block.network)
    settled = {name: getattr(analysis, name) for name in FIELDS}
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
    print_report(analysis.report())
    return None
