"""The phase diagram as data: the fields of an `Analysis` on a grid of sigma_w and sigma_b."""

import csv
import io
import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from meanfield._types import Axes, Bools, Floats
from meanfield._version import __version__
from meanfield.archive import load_arrays, save_arrays, written
from meanfield.arguments import flag, positive
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.reports.report import Report
from meanfield.theory.assumptions.block import Block
from meanfield.theory.assumptions.tokens import start_of
from meanfield.theory.fixed_points.analysis import FIELDS, Analysis, described, described_tokens, start_from
from meanfield.theory.fixed_points.depth_scales import CRITICAL
from meanfield.theory.fixed_points.variance import multiple_q
from meanfield.theory.phase_diagram.checkpoint import Checkpoint, fingerprint
from meanfield.theory.phase_diagram.letter_map import letter_map
from meanfield.workers import Workers, map_tasks

__all__ = ["PhaseDiagram", "phase_diagram"]


FORMAT = "meanfield phase diagram"
UNITS = {"xi_q": "layers", "xi_c": "layers", "xi_gradient": "layers"}
STORED = (*FIELDS, "multiple")
ARRAYS = (*STORED, "sigma_w", "sigma_b")
KINDS = {"phase": "U", "multiple": "b"}  # NumPy dtype kinds; "f" for all other arrays
PRECISION = 1e-9  # relative error of each field; of the factor per layer where a depth scale diverges
POINTS_A_TASK, LEAST_A_TASK = 8192, 4096  # most and fewest points a task
TASKS = 8  # fewest tasks, unless they would have fewer than LEAST_A_TASK points


@dataclass(frozen=True, repr=False)
class PhaseDiagram(Analysis):
    """An `Analysis` on a grid: fields of shape ``(len(sigma_w), len(sigma_b))``.

    Attributes
    ----------
    sigma_w, sigma_b : ndarray
        The axes, 1-d: standard deviations of the weights, times √fan_in, and of the biases.
    label : str
        Names of the activations.
    multiple : ndarray of bool or None
        Whether the variance map has fixed points in [0, 1e6] besides q_star. None if the file was written by a version
        without this field.
    about : mapping
        Activations with their parameters, the block, the initial q, versions and tolerances.
    """

    sigma_w: Floats
    sigma_b: Floats
    label: str
    multiple: Bools | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def report(self) -> Report:
        """The phases as a map of letters."""
        return letter_map(self.phase, self.sigma_w, self.sigma_b, self.label)

    def plot(self, ax: Axes | None = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw sigma_w against sigma_b with the critical line, the phases and contours of xi_c; returns the Axes.

        `title`, or else `label`, takes the place of the diagram's own label, which heads the legend.
        """
        from meanfield.plotting.phase_diagram import plot_phase_diagram

        heading = label if title is None else title
        return plot_phase_diagram(self if heading is None else replace(self, label=heading), ax)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to `path` as ``.npz`` with a JSON header; an existing file is replaced once the new one is complete.

        Raises
        ------
        InvalidInput
            If `path` is no path, or a name in it is too long.
        OSError
            If the file cannot be written, as on a full disk; an existing file is left as it was.
        """
        header = {"format": FORMAT, "version": __version__, "label": self.label, "about": dict(self.about)}
        arrays = {name: getattr(self, name) for name in ARRAYS if getattr(self, name) is not None}
        save_arrays(path, header, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "PhaseDiagram":
        """Read a file written by `save`.

        Raises
        ------
        InvalidInput
            If the file is truncated, damaged, of another format, or unpacks to more than 100 times its size.
        FileNotFoundError
            If there is no file at `path`.
        """
        header, arrays = load_arrays(path, {"format": FORMAT}, ARRAYS)
        try:
            sigma_w, sigma_b = arrays.pop("sigma_w"), arrays.pop("sigma_b")
            if any(axis.ndim != 1 or axis.dtype.kind != "f" for axis in (sigma_w, sigma_b)):
                raise KeyError("axes")
            if not _fits({"multiple": None, **arrays}, (sigma_w.size, sigma_b.size)):
                raise KeyError("fields")
            about = dict(header.get("about", {}))
            stored: dict[str, Any] = arrays
            return cls(**stored, sigma_w=sigma_w, sigma_b=sigma_b, label=str(header["label"]), about=about)
        except (KeyError, ValueError, TypeError) as error:
            raise InvalidInput(f"{os.fspath(path)} is a damaged {FORMAT}") from error

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One tuple a point for tables: sigma_w, sigma_b and the fields of `Analysis`; sigma_b varies fastest."""
        columns = [getattr(self, name).ravel().tolist() for name in FIELDS]
        axes = np.meshgrid(self.sigma_w, self.sigma_b, indexing="ij")
        return zip(*(axis.ravel().tolist() for axis in axes), *columns, strict=True)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write `rows` to `path` as comma-separated values with a header line; the file is replaced as in `save`."""
        text = io.StringIO()
        heading = ("sigma_w", "sigma_b", *FIELDS)
        csv.writer(text, lineterminator="\n").writerows([heading, *self.rows()])
        written(path, text.getvalue().encode())

    def to_xarray(self) -> Any:
        """The fields as an ``xarray.Dataset`` with sigma_w and sigma_b as coordinates (needs the extra ``xarray``)."""
        try:
            import xarray
        except ImportError:
            raise InvalidInput("to_xarray needs xarray: pip install 'meanfield-nn[xarray]'") from None
        variables = {
            name: (("sigma_w", "sigma_b"), getattr(self, name), {"units": UNITS.get(name, "1")}) for name in FIELDS
        }
        axes: dict[str, Any] = {name: (name, getattr(self, name), {"units": "1"}) for name in ("sigma_w", "sigma_b")}
        if self.multiple is not None:
            axes["multiple"] = (("sigma_w", "sigma_b"), self.multiple, {})
        about = {"label": self.label, "meanfield_version": __version__, "about": json.dumps(dict(self.about))}
        return xarray.Dataset(variables, axes, about)


@own_error_state
def phase_diagram(
    spec_or_block: Any,
    sigma_w: ArrayLike,
    sigma_b: ArrayLike,
    *,
    workers: Workers = 1,
    progress: bool = False,
    q: ArrayLike = 1.0,
    checkpoint: str | os.PathLike[str] | None = None,
    tokens: int | None = None,
    token_c: float | None = None,
) -> PhaseDiagram:
    """Fixed points, stability and depth scales over a grid of sigma_w and sigma_b.

    Parameters
    ----------
    spec_or_block : str, callable, Activation or Network
        An activation, or a block, whose weighted layers all have the sigma_w and sigma_b of the grid point. Any takes
        tens of microseconds a point after tenths of a second of preparation; blocks whose second moment falls somewhere
        as q grows may take milliseconds.
    sigma_w, sigma_b : array_like, 1-d
        Standard deviations, ≥ 0.
    q : float
        Initial second moment. If there are several fixed points, the fields describe the fixed point reached from `q`.
    workers : int or map-like callable
        Threads (−1 for all cores), or a callable like ``concurrent.futures.Executor.map``.
    progress : bool
        Whether to show a progress bar on a terminal.
    checkpoint : path, optional
        A directory for finished blocks of the grid, created if it does not exist. A repeated call reads the finished
        blocks and computes the others. Workers in other processes write their blocks to it too.
    tokens, token_c
        As in `analyze`: the fields are then of the tokens of one sequence, and nan where these do not settle.

    Returns
    -------
    PhaseDiagram
        Fields of shape ``(len(sigma_w), len(sigma_b))``.

    Raises
    ------
    InvalidInput
        If an axis is not 1-d or out of range, or if `checkpoint` belongs to another request.

    References
    ----------
    Poole et al. 2016 (arXiv:1606.05340), figure 1; Schoenholz et al. 2017 (arXiv:1611.01232), figure 1.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.phase_diagram("tanh", [1.0, 2.0], [0.1, 0.5]).phase
    array([['ordered', 'ordered'],
           ['chaotic', 'chaotic']], dtype='<U9')
    """
    q0, progress = start_from(q), flag(progress, "progress")
    block, start = start_of(spec_or_block, tokens, token_c)
    axes = [np.atleast_1d(positive(a, n, zero=True)) for a, n in ((sigma_w, "sigma_w"), (sigma_b, "sigma_b"))]
    for axis, name in zip(axes, ("sigma_w", "sigma_b"), strict=True):
        if axis.ndim != 1:
            raise InvalidInput(f"{name} must be one axis of the grid, a 1-d array, not one of shape {axis.shape}")
    bare = block.at(sigma_w=1.0, sigma_b=0.0)
    rows = _rows_a_task(axes[0].size, axes[1].size)
    tasks = [(i, axes[0][start : start + rows]) for i, start in enumerate(range(0, axes[0].size, rows))]
    about = _about(bare, q0) | ({} if start is None else {"tokens": start[0], "token_c": start[1]})
    kept = None
    if checkpoint is not None:
        request = {**about, "rows": rows, "fingerprint": fingerprint(bare, *axes, np.array(q0))}
        kept = Checkpoint.opened(checkpoint, json.loads(json.dumps(request)))
    found = [None if kept is None else _finished(kept, task, axes[1].size) for task in tasks]
    missing = [task for task, part in zip(tasks, found, strict=True) if part is None]

    def arrived(position: int, part: dict[str, NDArray[Any]]) -> None:
        index, _ = task = missing[position]
        if kept is not None and _finished(kept, task, axes[1].size) is None:  # as a worker on another machine leaves it
            kept.keep(index, part)

    run = partial(_part, bare, axes[1], q0, start, kept)
    computed = iter(map_tasks(run, missing, workers, progress, "blocks", arrived))
    parts = [next(computed) if part is None else part for part in found]
    columns: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if start is not None:
        columns["multiple"] = None  # not known of tokens
    label = ", ".join(phi.name for phi in block.activations)
    return PhaseDiagram(**columns, sigma_w=axes[0], sigma_b=axes[1], label=label, about=about)


@own_error_state
def _part(
    block: Block,
    sigma_b: Floats,
    q0: float,
    start: tuple[int, float] | None,
    kept: Checkpoint | None,
    task: tuple[int, Floats],
) -> dict[str, NDArray[Any]]:
    """The fields on the rows of one task, as arrays of shape (rows, len(sigma_b)), written to `kept` if possible."""
    index, sigma_w = task
    grid = block.at(sigma_w=sigma_w[:, None], sigma_b=sigma_b)
    analysis, multiple = described(grid, q0) if start is None else (described_tokens(grid, q0, *start), None)
    if multiple is None and start is not None:
        multiple = np.zeros(grid.shape, dtype=np.bool_)
    elif multiple is None:
        multiple = multiple_q(grid).reshape(grid.shape)
    part = {**{name: getattr(analysis, name) for name in FIELDS}, "multiple": multiple}
    if kept is not None and kept.directory.is_dir():
        kept.keep(index, part)
    return part


def _finished(kept: Checkpoint, task: tuple[int, Floats], columns: int) -> dict[str, NDArray[Any]] | None:
    index, sigma_w = task
    part = kept.block(index, STORED)
    return part if part is not None and _fits(part, (sigma_w.size, columns)) else None


def _fits(arrays: Mapping[str, NDArray[Any] | None], shape: tuple[int, int]) -> bool:
    """Whether arrays are the fields of a diagram of this shape; those that are None count as there."""
    return set(arrays) == set(STORED) and all(
        array is None or (array.shape == shape and array.dtype.kind == KINDS.get(name, "f"))
        for name, array in arrays.items()
    )


def _rows_a_task(rows: int, columns: int) -> int:
    return max(min(POINTS_A_TASK // columns, -(-rows // TASKS)), -(-LEAST_A_TASK // columns))


def _about(block: Block, q0: float) -> dict[str, Any]:
    """The provenance of the numbers: activations, block, initial q, versions, tolerances."""
    activations = [
        {"name": phi.name, "parameters": {k: float(v) for k, v in phi.parameters.items()}, "formula": phi.formula}
        | ({"surrogate": phi.surrogate.formula or phi.surrogate.name} if phi.surrogate else {})
        for phi in block.activations
    ]
    versions = {
        "meanfield": __version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "python": platform.python_version(),
    }
    tolerances = {"relative": PRECISION, "critical": CRITICAL}
    return {"activations": activations, "block": repr(block), "q": q0, "versions": versions, "tolerances": tolerances}
