"""`meanfield critical`: where gradients keep their size, and where q is marginal too."""

from pathlib import Path
from typing import Annotated

import typer

from meanfield.cli.arguments import AsJson, BlockText, Parameters, grid_from
from meanfield.cli.blocks import subject_from
from meanfield.cli.output import checked_path, number, print_json, print_table, save_figure

__all__ = ["critical"]

COLUMNS = ("sigma_b", "sigma_w", "q", "chi_parallel", "stable", "error")


def critical(
    activation: BlockText,
    param: Parameters = None,
    sigma_b: Annotated[str, typer.Option(help="low:high:count, or numbers separated by commas.")] = "0:1:11",
    stable_only: Annotated[bool, typer.Option("--stable-only", help="Leave out those whose q runs away.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Draw the line: .png, .pdf or .svg.")] = None,
    as_json: AsJson = False,
) -> None:
    """The critical line and, of an activation, the critical point.

    Every solution of chi_1 = 1 at the given sigma_b, with the stability of its second moment q. All weighted layers of
    a NETWORK take the same sigma_w and sigma_b there, whatever its text says.

    \b
    Example: meanfield critical gelu --sigma-b 0.2,0.4158,0.6
    Example: meanfield critical "layernorm, gelu, dense" --sigma-b 0.2,0.4
    """
    from meanfield.networks.network import Network
    from meanfield.theory.criticality import critical_line, critical_point

    if output is not None:
        checked_path(output)
    subject = subject_from(activation, param)
    biases = grid_from(sigma_b, "--sigma-b")
    line = critical_line(subject.spec, biases, stable_only=stable_only)
    point = None if isinstance(subject.spec, Network) else critical_point(subject.spec)
    if output is not None:
        from numpy import linspace

        from meanfield.plotting.axes import plain
        from meanfield.plotting.critical_lines import plot_critical_lines

        curve = critical_line(subject.spec, linspace(biases.min(), biases.max(), 61), stable_only=stable_only)
        save_figure(plot_critical_lines({plain(subject.name): curve}), output, quiet=as_json)
    if as_json:
        solutions = [{name: getattr(line, name)[i] for name in COLUMNS} for i in range(len(line))]
        return print_json({**subject.keys, "line": solutions, "point": point and vars(point)})
    if point is None:
        typer.echo(subject.name)
    else:
        where = f", sigma_w = {point.sigma_w:.12g}, sigma_b = {point.sigma_b:.12g}, q = {point.q:.10g}"
        none = point.universality == "none"
        typer.echo(f"{subject.name}: critical point {point.universality}{'' if none else where}")
    if not len(line):
        typer.echo("The critical line has no point at these sigma_b.")
        return None
    rows = [
        (
            number(line.sigma_b[i]),
            f"{line.sigma_w[i]:.12g}",
            f"{line.q[i]:.10g}",
            number(line.chi_parallel[i]),
            "stable" if line.stable[i] else "not stable",
            f"{line.error[i]:.1e}",
        )
        for i in range(len(line))
    ]
    print_table(("sigma_b", "sigma_w", "q", "chi_parallel", "q is", "error of sigma_w"), rows)
    return None
