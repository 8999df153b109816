"""Colours, markers and dashes of all figures, checks of their arguments, and the making of Axes, legends and labels."""

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from textwrap import fill
from types import UnionType
from typing import Any, ParamSpec, Union, get_args, get_origin

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Axes
from meanfield.arguments import entries, number
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, MeanFieldError, shown

P = ParamSpec("P")

# Okabe & Ito 2008: distinguishable with any colour vision; neighbours in this order also differ in lightness.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = "os^Dv<>PX*"  # distinguish lines in greyscale
Dash = str | tuple[int, tuple[float, ...]]
DASHES: tuple[Dash, ...] = ("-", "--", "-.", (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5, 1, 1.5)), (0, (8, 3)), (0, (3, 1)))
GREY = "#6e6e6e"
LEAST_LETTERS = 5.0  # points
ROOM = 1.05  # final width of the Axes relative to the width before layout, whose margins are larger


def axes_for(ax: Axes, size: tuple[float, float] = (5.2, 4.0), rows: int = 1, columns: int = 1) -> Axes:
    """`ax` itself, or new Axes (an array if there are several) on a figure of `size` inches; ``.figure`` is the figure.

    Axes in one column share the x axis, Axes in one row share the y axis.

    The figure is a pyplot figure only if pyplot is imported already, so that a notebook shows it; otherwise no global
    state changes and no display is needed.
    """
    if ax is not None:
        return ax
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        figure = pyplot.figure(figsize=size, layout="constrained")
    else:
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
    return figure.subplots(rows, columns, sharex="col", sharey="row")


def legend_above(ax: Axes, title: str, columns: int) -> Axes:
    """A legend with a title above the frame, in at most `columns` columns and no wider than the Axes."""
    title = "".join(c if c.isprintable() or c == "\n" else " " for c in title)  # others are no glyphs of a font
    room = ax.bbox.width * ROOM
    for count in range(columns, 0, -1):
        legend = ax.legend(
            *ax.get_legend_handles_labels(),
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=count,
            frameon=False,
            fontsize="small",
            columnspacing=1.2,
            borderaxespad=0.2,
        )
        if legend.get_window_extent().width <= room:
            break
    else:  # one column is too wide: smaller letters
        shrink = room / legend.get_window_extent().width
        for text in legend.get_texts():
            text.set_fontsize(max(text.get_fontsize() * shrink, LEAST_LETTERS))
    legend.set_title(title, {"weight": "bold", "size": "medium" if len(title) < 30 else "small"})
    if (wide := legend.get_title().get_window_extent().width / room) > 1:
        legend.get_title().set_text(fill(title, max(int(len(title) / wide), 12)))
    legend.set_alignment("left")
    return legend


def one_axes_each(axes: Axes, names: Sequence[str]) -> Axes:
    """Axes for each quantity, one below the other: the given ones, if they are as many, or those of a new figure."""
    found = np.atleast_1d(axes_for(axes, (5.2, 2.0 * len(names)), rows=len(names)))
    if found.size != len(names):
        raise InvalidInput(f"{len(names)} Axes are needed for {', '.join(names)}, not {found.size}")
    return found


def named(axes: Axes, label: str | None, title: str | None) -> Axes:
    """`axes`, the first of them with a legend if there is a `label`, and with a `title`."""
    first = np.atleast_1d(axes).flat[0]
    if label is not None:
        first.legend(frameon=False, fontsize="small")
    if title is not None:
        first.set_title(title, loc="left", fontsize="medium")
    return axes


def outer_xlabels(axes: Axes) -> None:
    """Remove the x labels of all Axes except the lowest ones."""
    for ax in axes:
        if (place := ax.get_subplotspec()) is not None and not place.is_last_row():
            ax.set_xlabel("")


def plain(text: str) -> str:
    """Text from the data with dollar signs escaped, shortened to 60 characters."""
    return (text if len(text) <= 60 else f"{text[:57]}…").replace("$", r"\$")


def drawing(function: Callable[P, Axes]) -> Callable[P, Axes]:
    """Check the arguments of a figure by their annotations, and tell in one sentence what cannot be drawn.

    Raises
    ------
    InvalidInput
        If an argument is not what its annotation says, or Matplotlib cannot draw it.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> Axes:
        given = signature.bind(*args, **kwargs)
        for name, value in given.arguments.items():
            if signature.parameters[name].kind is not inspect.Parameter.VAR_KEYWORD:
                given.arguments[name] = _checked(value, signature.parameters[name].annotation, name)
        try:
            return function(*given.args, **given.kwargs)
        except MeanFieldError:
            raise
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            raise InvalidInput(f"{function.__name__} cannot draw this: {error}") from error

    return own_error_state(checked)


def _checked(value: Any, kind: Any, name: str) -> Any:
    """`value` as its annotation `kind` says; raises `InvalidInput` unless it is that."""
    choices = set(get_args(kind))
    if kind is Any:  # Axes, one or several
        if not (value is None or all(_has(ax, ("plot", "figure")) for ax in _entries(value) or [value])):
            raise InvalidInput(f"{name} must be Axes of Matplotlib or None, not {shown(value)}")
        return value
    if _is_array(kind):
        return None if value is None and type(None) in choices else entries(value, name)
    if type(None) in choices:
        return None if value is None else _checked(value, next(one for one in choices if one is not type(None)), name)
    if kind is float:
        return number(value, name)
    if kind is str or isinstance(value, str):
        if kind is not str or not isinstance(value, str):
            raise InvalidInput(f"{name} must be {'text' if kind is str else 'a result'}, not {shown(value)}")
        return value
    if get_origin(kind) is Mapping:
        if not isinstance(value, Mapping):
            raise InvalidInput(f"{name} must be a mapping from labels, not {shown(value)}")
        return {key: _checked(one, get_args(kind)[1], f"{name}[{shown(key)}]") for key, one in value.items()}
    if get_origin(kind) in (Sequence, Iterable):
        if (several := _entries(value)) is None:
            raise InvalidInput(f"{name} must be a sequence, not {shown(value)}")
        return [_checked(one, get_args(kind)[0], f"an entry of {name}") for one in several]
    if get_origin(kind) is tuple:
        return value
    fields = [field for field in vars(kind) if not field.startswith("_")]
    if not _has(value, fields):
        raise InvalidInput(f"{name} must be a result with the fields {', '.join(fields)}, not {shown(value)}")
    return value


def _is_array(kind: Any) -> bool:
    """Whether an annotation is ArrayLike or a union with it: a union itself, or since NumPy 2.5 an alias of one."""
    choices = {kind, *(get_args(kind) if get_origin(kind) in (Union, UnionType) else ())}
    return ArrayLike in choices or choices >= set(get_args(ArrayLike) or [ArrayLike])


def _entries(value: Any) -> list[Any] | None:
    """The entries of a sequence, or of an array of any shape; None for anything else."""
    try:
        return list(value.flat) if isinstance(value, np.ndarray) and value.ndim else list(iter(value))
    except Exception:  # a foreign object's own
        return None


def _has(value: object, fields: Iterable[str]) -> bool:
    try:
        return all(hasattr(value, field) for field in fields)
    except Exception:  # a foreign object's own
        return False
