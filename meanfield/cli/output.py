"""Output of results: tables, JSON, CSV and figures."""

import csv
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from meanfield.errors import InvalidInput
from meanfield.json_types import json_types
from meanfield.reports.report import ENDLESS, Report, Table, as_text

if TYPE_CHECKING:
    from meanfield._types import Axes
    from meanfield.activations.activation import Activation
    from meanfield.estimates import Estimate
    from meanfield.reports.nonfinite import Explained

FIGURES = ("png", "pdf", "svg")
_ANSWERS: ContextVar[TextIO | None] = ContextVar("_ANSWERS", default=None)  # None: standard output


@contextmanager
def answers_alone() -> Iterator[None]:
    """Keep standard output for `say`: what a user's module or function prints goes to standard error."""
    token = _ANSWERS.set(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _ANSWERS.reset(token)


def say(text: str, nl: bool = True) -> None:
    """Print a part of the answer."""
    typer.echo(text, file=_ANSWERS.get(), nl=nl)


def print_json(data: Mapping[str, object]) -> None:
    """Print standard JSON: infinities as the strings "inf" and "-inf", NaN as null."""
    say(json.dumps(json_types(data, infinities=True), indent=2, ensure_ascii=False, allow_nan=False))


def reasons(result: "Explained") -> dict[str, object]:
    """Why numbers of a result are null or infinite in JSON output: under "not_finite", by field; {} if none is."""
    return {"not_finite": result.not_finite} if result.not_finite else {}


def activation_keys(phi: "Activation") -> dict[str, object]:
    """The description of an activation in JSON output."""
    return {"activation": phi.name, "parameters": dict(phi.parameters)}


def estimate(value: "Estimate") -> dict[str, object]:
    """An `Estimate` in JSON output."""
    return {"value": value.value, "error": value.error, "converged": value.converged}


def print_report(report: Report) -> None:
    """Print sentences and tables: in the width of a terminal, unbroken into anything else."""
    terminal = (_ANSWERS.get() or sys.stdout).isatty()
    width = shutil.get_terminal_size().columns if terminal else ENDLESS
    say(as_text(report, width, styled=terminal and "NO_COLOR" not in os.environ))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with numbers right-aligned, and with a heading if `columns` is not empty."""
    print_report([Table(tuple(columns), tuple(map(tuple, rows)))])


def print_markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    say("\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines))


def print_csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table as comma-separated values with a heading."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    say(text.getvalue(), nl=False)


def checked_path(path: Path, kinds: Sequence[str] = FIGURES) -> Path:
    """`path`; raises unless its suffix is one of `kinds` and its directory exists."""
    if path.suffix.lower().lstrip(".") not in kinds:
        raise InvalidInput(
            f"the name of the output must end in {', '.join('.' + kind for kind in kinds)}, not {path.name!r}"
        )
    if not path.absolute().parent.is_dir():
        raise InvalidInput(f"there is no directory {os.fspath(path.parent)!r} to write {path.name!r} into")
    return path


def save_figure(axes: "Axes", path: Path, *, quiet: bool) -> None:
    """Write the figure of `axes` in the format of the suffix, and report it unless `quiet`."""
    from meanfield.archive import written

    figure = io.BytesIO()
    axes.figure.savefig(figure, dpi=200, format=path.suffix.lower().lstrip("."))
    written(path, figure.getvalue())
    if not quiet:
        say(f"wrote {path}")
