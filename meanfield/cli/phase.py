"""`meanfield phase`: the phase diagram as a figure, as data, or as a map of letters."""

from pathlib import Path
from typing import Annotated

import typer

from meanfield.cli.arguments import AsJson, BlockText, Parameters, parse_grid
from meanfield.cli.network_argument import check_weighted, parse_spec
from meanfield.cli.output import FIGURES, checked_path, print_csv, print_json, print_report, reasons, save_figure, say


def phase(
    activation: BlockText,
    param: Parameters = None,
    sigma_w: Annotated[str, typer.Option(help="low:high:count, or numbers separated by commas.")] = "0.5:3:41",
    sigma_b: Annotated[str, typer.Option(help="The same for the biases.")] = "0:1:41",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A figure (.png, .pdf, .svg) or the data (.npz, .csv).")
    ] = None,
    q: Annotated[float, typer.Option("--q", help="Second moment that signals start from.")] = 1.0,
    workers: Annotated[int, typer.Option(help="Threads; -1 for all cores.")] = 1,
    checkpoint: Annotated[
        Path | None, typer.Option(help="A directory for finished blocks; the same command resumes from there.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one line a point, as comma-separated values.")] = False,
    as_json: AsJson = False,
) -> None:
    """The phase diagram over sigma_w and sigma_b, of every weighted layer of a NETWORK.

    Without --output, --csv and --json, as a map of letters.

    \b
    Example: meanfield phase tanh -o phase.png
    Example: meanfield phase "layernorm, gelu, dense" -o phase.png
    """
    from dataclasses import replace

    import numpy as np

    from meanfield.errors import InvalidInput
    from meanfield.networks.block import as_block
    from meanfield.theory.fixed_points.analysis import FIELDS
    from meanfield.theory.phase_diagram.diagram import phase_diagram

    if as_csv and as_json:
        raise InvalidInput("--csv and --json both say what to print: give one of them")
    if output is not None:
        checked_path(output, (*FIGURES, "npz", "csv"))
    subject = parse_spec(activation, param)
    check_weighted(as_block(subject.spec))
    axes = (parse_grid(sigma_w, "--sigma-w"), parse_grid(sigma_b, "--sigma-b"))
    diagram = phase_diagram(subject.spec, *axes, q=q, workers=workers, progress=True, checkpoint=checkpoint)
    diagram = replace(diagram, label=subject.name)
    quiet = as_json or as_csv
    if output is not None and output.suffix.lower() in (".npz", ".csv"):
        if output.suffix.lower() == ".npz":
            diagram.save(output)
        else:
            diagram.to_csv(output)
        if not quiet:
            say(f"wrote {output}")
    elif output is not None:
        from meanfield.errors import MeanFieldError
        from meanfield.plotting.phase_diagram import plot_phase_diagram
        from meanfield.theory.criticality.line import critical_line

        try:
            line = critical_line(subject.spec, np.linspace(axes[1].min(), axes[1].max(), 61))
        except MeanFieldError:  # activations that jump and blocks with batch normalisation have no critical line
            line = None
        save_figure(plot_phase_diagram(diagram, critical_line=line), output, quiet=quiet)
    if as_json:
        fields = {name: getattr(diagram, name) for name in FIELDS}
        return print_json(
            {**subject.keys, "sigma_w": diagram.sigma_w, "sigma_b": diagram.sigma_b, **fields, **reasons(diagram)}
        )
    if as_csv:
        print_csv(("sigma_w", "sigma_b", *FIELDS), list(diagram.rows()))
    elif output is None:
        print_report(diagram.report())
    return None
