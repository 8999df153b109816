"""A report: sentences and tables, laid out as text of a given width or as HTML."""

import html
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 88  # columns of the text of a result
EQUALS = "\u00a0=\u00a0"  # does not break
ENDLESS = 1000  # columns where nothing is to be broken


@dataclass(frozen=True)
class Table:
    """Cells of text under headings; without headings, rows of a name and what belongs to it.

    Attributes
    ----------
    columns : tuple of str
        The headings; () for none.
    rows : tuple of tuple of str
        The cells.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


#: Sentences and tables, in the order in which they are read.
Report: TypeAlias = Sequence[str | Table]


def as_text(report: Report, width: int = WIDTH, *, styled: bool = False) -> str:
    """The report as lines of at most `width` columns, unless a word is longer.

    A table that is too wide becomes a block of lines for each of its rows. `styled` text has bold headings.

    Examples
    --------
    >>> table = Table(("layer", "q"), (("0", "1"), ("1", "0.394294")))
    >>> print(as_text(["tanh", table]))
    tanh
    layer          q
    ────────────────
        0          1
        1   0.394294
    >>> print(as_text([table], width=16))
    layer  0
    q      1
    <BLANKLINE>
    layer  1
    q      0.394294
    """
    return "\n".join(
        _table_text(part, width, styled) if isinstance(part, Table) else _wrapped(part, width) for part in report
    )


def as_html(report: Report) -> str:
    """The report as paragraphs and tables of HTML, for notebooks.

    Examples
    --------
    >>> print(as_html(["q < 1", Table(("layer", "q"), (("0", "1"),))]))
    <p>q &lt; 1</p>
    <table><thead><tr><th>layer</th><th>q</th></tr></thead><tbody><tr><td>0</td><td>1</td></tr></tbody></table>
    """
    return "\n".join(
        _table_html(part) if isinstance(part, Table) else f"<p>{html.escape(part)}</p>" for part in report if part
    )


def _wrapped(sentence: str, width: int) -> str:
    lines = sentence.replace(" = ", EQUALS).split("\n")
    text = "\n".join(textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False) for line in lines)
    return text.replace(EQUALS, " = ")


def _table_text(table: Table, width: int, styled: bool) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable

    drawn = RichTable(
        box=box.SIMPLE_HEAD if table.columns else None,
        pad_edge=False,
        show_header=bool(table.columns),
        header_style="bold",
    )
    for i, cells in enumerate(zip(*table.rows, strict=True)):
        right = bool(table.columns) and all(_is_number(cell) for cell in cells)
        heading = table.columns[i] if table.columns else ""
        drawn.add_column(heading, justify="right" if right else "left", no_wrap=i == 0)
    for row in table.rows:
        drawn.add_row(*row)
    text = io.StringIO()
    console = Console(
        file=text, width=width, force_terminal=styled, highlight=False, markup=False, emoji=False, legacy_windows=False
    )
    unbroken = console.options.update(width=ENDLESS)
    if len(table.columns) > 1 and console.measure(drawn, options=unbroken).maximum > width:
        blocks = (Table((), tuple(zip(table.columns, row, strict=True))) for row in table.rows)
        return "\n\n".join(_table_text(block, width, styled) for block in blocks)
    console.print(drawn)
    return textwrap.dedent("\n".join(line.rstrip() for line in text.getvalue().splitlines() if line.strip()))


def _is_number(cell: str) -> bool:
    return cell in ("-", "inf") or cell[:2].lstrip("-")[:1].isdigit()


def _table_html(table: Table) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in table.columns)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"
