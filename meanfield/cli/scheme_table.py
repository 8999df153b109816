"""`meanfield table --schemes`: signal and gradient at depth under initialisation schemes."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from meanfield.cli.arguments import parse_activation
from meanfield.cli.output import print_csv, print_json, say
from meanfield.errors import InvalidInput
from meanfield.reports.numbers import number

if TYPE_CHECKING:
    from meanfield.initializers.scheme_table import SchemeRow


MOST_REMARKS = 20


def scheme_table(
    activations: list[str] | None,
    everything: bool,
    schemes: list[str] | None,
    depths: str | None,
    width: int | None,
    q: float,
    layout: str,
    printed: Callable[[Sequence[str], Sequence[Sequence[str]]], None],
    as_json: bool,
) -> None:
    """Print the table: every row in JSON and CSV, else one row for all schemes with equal results."""
    from meanfield.activations.catalogue.table import catalogue
    from meanfield.initializers import scheme_table as table

    if activations and everything:
        raise InvalidInput("--all means the whole catalogue: name activations or give --all, not both")
    named = [parse_activation(text) for text in activations or (catalogue() if everything else table.ACTIVATIONS)]
    layers = table.DEPTHS if depths is None else _depths(depths)
    units = table.WIDTH if width is None else width
    rows = table.scheme_table(named, schemes or table.IN_TABLE, depths=layers, width=units, q=q)
    layers = rows[0].depths
    if as_json:
        return print_json({"q": q, "depths": layers, "table": [_as_json(row) for row in rows]})
    columns = ["activation", "scheme", "sigma_w", "sigma_b"]
    columns += [f"{what} {depth}" for what in ("q", "gradient") for depth in layers] + ["verdict"]
    if layout == "csv":
        return print_csv([*columns, "remark"], [[*_cells(row, _exact), row.reason] for row in rows])
    groups = _grouped(rows)
    printed(columns, [_cells(row, number_short, _label(names)) for row, names in groups])
    _print_notes(groups)
    return None


def _depths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InvalidInput(f"--depth is whole numbers between commas, as 10,50,200, not {text[:60]!r}") from None


def _as_json(row: "SchemeRow") -> dict[str, object]:
    return {name: value for name, value in vars(row).items() if name != "depths"}


def _cells(row: "SchemeRow", shown: Callable[[float | None], str], label: str | None = None) -> list[str]:
    numbers = (
        row.sigma_w,
        row.sigma_b,
        *(row.q or [None] * len(row.depths)),
        *(row.gradient or [None] * len(row.depths)),
    )
    return [row.activation, label or row.scheme, *map(shown, numbers), row.verdict]


def _exact(value: float | None) -> str:
    return "" if value is None else repr(value)


def number_short(value: float | None) -> str:
    """Three digits; a dash for None.

    Examples
    --------
    >>> number_short(1.414213562), number_short(2.97e-14), number_short(None)
    ('1.41', '2.97e-14', '-')
    """
    return number(value if value is None else float(f"{value:.3g}"))


def _grouped(rows: Iterable["SchemeRow"]) -> list[tuple["SchemeRow", list[str]]]:
    """Rows of one activation with equal numbers (nine digits), and the names of their schemes."""
    groups: dict[tuple[object, ...], tuple[SchemeRow, list[str]]] = {}
    for row in rows:
        numbers = (row.sigma_w, row.sigma_b, *row.q, *row.gradient)
        same = tuple("" if value is None else f"{value:.9g}" for value in numbers)
        key = (row.activation, tuple(row.parameters.items()), same, row.reason)
        groups.setdefault(key, (row, []))[1].append(row.scheme)
    return list(groups.values())


def _label(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"


def _print_notes(groups: Sequence[tuple["SchemeRow", list[str]]]) -> None:
    """Print the other schemes of each row, and the remarks."""
    for first, *others in dict.fromkeys(tuple(names) for _, names in groups if len(names) > 1):
        say(f"{first} +{len(others)}: and {', '.join(others)}")
    remarks: dict[tuple[str, str], list[str]] = {}
    for row, names in groups:
        if row.reason:
            remarks.setdefault((row.activation, row.reason), []).append(_label(names))
    for (activation, remark), labels in list(remarks.items())[:MOST_REMARKS]:
        say(f"{', '.join([activation, *labels] if len(labels) == 1 else [activation])}: {remark}")
    if len(remarks) > MOST_REMARKS:
        say(f"{len(remarks) - MOST_REMARKS} more remarks are in --format csv and --json")
