"""`meanfield critical`: the critical line χ₁ = 1 and the critical point."""

from pathlib import Path
from typing import Annotated

import typer

from meanfield.cli.arguments import AsJson, BlockText, Parameters, parse_grid
from meanfield.cli.network_argument import parse_spec
from meanfield.cli.output import checked_path, print_json, print_report, reasons, save_figure, say

COLUMNS = ("sigma_b", "sigma_w", "q", "chi_parallel", "stable", "error", "xi_c")
ASIDES = ("whole_line", "remark")  # of a critical point: shown where there is something to say
DEEPEST = ("sigma_b", "sigma_w", "q", "xi_c", "xi_gradient", "depth")


def critical(
    activation: BlockText,
    param: Parameters = None,
    sigma_b: Annotated[str, typer.Option(help="low:high:count, or numbers separated by commas.")] = "0:1:11",
    stable_only: Annotated[bool, typer.Option("--stable-only", help="Leave out solutions with unstable q.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Draw the line: .png, .pdf or .svg.")] = None,
    as_json: AsJson = False,
) -> None:
    """The critical line and, of an activation, the critical point.

    Every solution of chi_1 = 1 at the given sigma_b, with the stability of its second moment q. The same sigma_w and
    sigma_b replace those in the text of a NETWORK in all weighted layers. If there is no critical line, or if
    correlations decay in spite of chi_1 = 1, the output gives the reason and the sigma_w of largest depth scale.

    \b
    Example: meanfield critical gelu --sigma-b 0.2,0.4158,0.6
    Example: meanfield critical "layernorm, gelu, dense" --sigma-b 0.2,0.4
    """
    from meanfield.networks.layers.network import Network
    from meanfield.theory.criticality.line import critical_line
    from meanfield.theory.criticality.point import critical_point

    if output is not None:
        checked_path(output)
    subject = parse_spec(activation, param)
    biases = parse_grid(sigma_b, "--sigma-b")
    line = critical_line(subject.spec, biases, stable_only=stable_only)
    point = None if isinstance(subject.spec, Network) else critical_point(subject.spec)
    if output is not None:
        from numpy import linspace

        from meanfield.plotting.axes import plain
        from meanfield.plotting.critical_lines import plot_critical_lines

        curve = critical_line(subject.spec, linspace(biases.min(), biases.max(), 61), stable_only=stable_only)
        save_figure(plot_critical_lines({plain(subject.name): curve}), output, quiet=as_json)
    if as_json:
        deepest = None if line.deepest is None else _rows(line.deepest, DEEPEST)
        found = {"line": _rows(line, COLUMNS), "reason": line.reason, "deepest": deepest}
        told = None
        if point is not None:
            named = {name: value for name, value in vars(point).items() if name not in ASIDES or value}
            told = {**named, **reasons(point)}
        return print_json({**subject.keys, **found, "point": told})
    if point is None:
        say(subject.name)
    else:
        said, *remark = point.report()
        print_report([f"{subject.name}: {said}", *remark])
    print_report(line.report())
    return None


def _rows(table: object, columns: tuple[str, ...]) -> list[dict[str, float]]:
    """The rows of a table of arrays."""
    return [
        dict(zip(columns, values, strict=True))
        for values in zip(*(getattr(table, name) for name in columns), strict=True)
    ]
