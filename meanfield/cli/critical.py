"""`meanfield critical`: where gradients keep their size, and where q is marginal too."""

from pathlib import Path
from typing import Annotated

import typer

from meanfield.cli.arguments import ActivationText, AsJson, Parameters, activation_from, grid_from
from meanfield.cli.output import activation_keys, checked_path, number, print_json, print_table, save_figure

__all__ = ["critical"]

COLUMNS = ("sigma_b", "sigma_w", "q", "chi_parallel", "stable", "error")


def critical(
    activation: ActivationText,
    param: Parameters = None,
    sigma_b: Annotated[str, typer.Option(help="low:high:count, or numbers separated by commas.")] = "0:1:11",
    stable_only: Annotated[bool, typer.Option("--stable-only", help="Leave out those whose q runs away.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Draw the line: .png, .pdf or .svg.")] = None,
    as_json: AsJson = False,
) -> None:
    """The critical line and the critical point.

    Every solution of chi_1 = 1 at the given sigma_b, with the stability of its second moment q.

    \b
    Example: meanfield critical gelu --sigma-b 0.2,0.4158,0.6
    """
    from meanfield.theory.criticality import critical_line, critical_point

    if output is not None:
        checked_path(output)
    phi = activation_from(activation, param)
    biases = grid_from(sigma_b, "--sigma-b")
    line = critical_line(phi, biases, stable_only=stable_only)
    point = critical_point(phi)
    if output is not None:
        from numpy import linspace

        from meanfield.plotting.critical_lines import plot_critical_lines

        curve = critical_line(phi, linspace(biases.min(), biases.max(), 61), stable_only=stable_only)
        save_figure(plot_critical_lines({phi.name: curve}), output, quiet=as_json)
    if as_json:
        solutions = [{name: getattr(line, name)[i] for name in COLUMNS} for i in range(len(line))]
        return print_json({**activation_keys(phi), "line": solutions, "point": vars(point)})
    typer.echo(f"{phi.name}: critical point {point.universality}", nl=False)
    if point.universality != "none":
        typer.echo(f", sigma_w = {point.sigma_w:.12g}, sigma_b = {point.sigma_b:.12g}, q = {point.q:.10g}", nl=False)
    typer.echo()
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
