"""Output of results: tables, JSON, CSV and figures."""

import csv
import io
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from meanfield.errors import InvalidInput
from meanfield.json_types import json_types

if TYPE_CHECKING:
    from meanfield._types import Axes
    from meanfield.activations.activation import Activation
    from meanfield.estimates import Estimate
    from meanfield.nonfinite import Explained

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


def number(value: float | None) -> str:
    """Six digits; a dash for None and NaN.

    Examples
    --------
    >>> number(1 / 3), number(float("inf")), number(None)
    ('0.333333', 'inf', '-')
    """
    return "-" if value is None or math.isnan(value) else f"{float(value):.6g}"


def thinned(depth: int, always: Sequence[int] = ()) -> list[int]:
    """All layers 0 … depth if depth ≤ 20, else about twenty, denser at the beginning, and those in `always`.

    Examples
    --------
    >>> thinned(3)
    [0, 1, 2, 3]
    >>> len(thinned(1000)) <= 21 and thinned(1000)[-1] == 1000
    True
    """
    if depth <= 20:
        return list(range(depth + 1))
    ratio = (depth / 5) ** (1 / 14)
    return sorted({*range(6), *(round(5 * ratio**k) for k in range(15)), *always})


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with numbers right-aligned, and with a heading if `columns` is not empty."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(
        box=box.SIMPLE_HEAD if columns else None, pad_edge=False, show_header=bool(columns), header_style="bold"
    )
    for i, cells in enumerate(zip(*rows, strict=True)):
        numbers = bool(columns) and all(cell in ("-", "inf") or cell[:2].lstrip("-")[:1].isdigit() for cell in cells)
        table.add_column(columns[i] if columns else "", justify="right" if numbers else "left", no_wrap=i == 0)
    for row in rows:
        table.add_row(*row)
    console = Console(file=_ANSWERS.get(), highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 1000
    with console.capture() as text:
        console.print(table)
    say("\n".join(line.rstrip() for line in text.get().splitlines() if line.strip()))


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
