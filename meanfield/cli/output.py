"""How results are printed: tables for people, JSON for programs, figures into files."""

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from meanfield.errors import InvalidInput

FIGURES = ("png", "pdf", "svg")


def print_json(data: Mapping[str, Any]) -> None:
    """Print standard JSON: infinities as the strings "inf" and "-inf", NaN as null."""
    typer.echo(json.dumps(_plain(data), indent=2, ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def activation_keys(phi: Any) -> dict[str, Any]:
    """The keys that say which activation a JSON answer is about."""
    return {"activation": phi.name, "parameters": dict(phi.parameters)}


def estimate(value: Any) -> dict[str, Any]:
    """An `Estimate` as JSON keys."""
    return {"value": value.value, "error": value.error, "converged": value.converged}


def number(value: Any) -> str:
    """Six digits; a dash for what does not exist.

    Examples
    --------
    >>> number(1 / 3), number(float("inf")), number(None)
    ('0.333333', 'inf', '-')
    """
    return "-" if value is None or math.isnan(value) else f"{float(value):.6g}"


def thinned(depth: int, always: Sequence[int] = ()) -> list[int]:
    """All layers 0 … depth if they are few, else about twenty, denser at the beginning; `always` among them.

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
    """A table as wide as its contents, columns of numbers to the right; without names of columns, no heading."""
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
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 1000
    with console.capture() as text:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in text.get().splitlines() if line.strip()))


def print_markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table in Markdown."""
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    typer.echo("\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines))


def print_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table as comma-separated values with a heading."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    typer.echo(text.getvalue(), nl=False)


def checked_path(path: Path, kinds: Sequence[str] = FIGURES) -> Path:
    """`path`, refused before any work is done if nothing of that kind can be written there."""
    if path.suffix.lower().lstrip(".") not in kinds:
        raise InvalidInput(
            f"the name of the output must end in {', '.join('.' + kind for kind in kinds)}, not {path.name!r}"
        )
    if not path.absolute().parent.is_dir():
        raise InvalidInput(f"there is no directory {os.fspath(path.parent)!r} to write {path.name!r} into")
    return path


def save_figure(axes: Any, path: Path, *, quiet: bool) -> None:
    """Write the figure that `axes` are on; the format follows from the suffix. Says so, unless `quiet`."""
    axes.figure.savefig(path, dpi=200)
    if not quiet:
        typer.echo(f"wrote {path}")
