"""The phase diagram as data: every field of an analysis on a grid of sigma_w and sigma_b."""

import json
import os
import uuid
import zipfile
import zlib
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meanfield._version import __version__
from meanfield.arguments import positive
from meanfield.errors import InvalidInput
from meanfield.networks.network import Network, as_block
from meanfield.theory.stability import Analysis, analyze
from meanfield.workers import Workers, map_tasks

__all__ = ["PhaseDiagram", "phase_diagram"]

Floats = NDArray[np.float64]

FORMAT = "meanfield phase diagram"
UNITS = {"xi_q": "layers", "xi_c": "layers", "xi_gradient": "layers"}
ROWS_A_TASK = 4  # rows of the grid that a worker takes at once


@dataclass(frozen=True)
class PhaseDiagram(Analysis):
    """An `Analysis` on a grid: fields of shape ``(len(sigma_w), len(sigma_b))``.

    Attributes
    ----------
    sigma_w, sigma_b : ndarray
        The axes: standard deviations of weights (times √fan_in) and biases.
    label : str
        What was analysed.
    """

    sigma_w: Floats
    sigma_b: Floats
    label: str

    def plot(self, ax: Any = None) -> Any:
        """Draw sigma_w against sigma_b with the critical line, the phases and contours of xi_c; returns the Axes."""
        from meanfield.plotting.phase_diagram import plot_phase_diagram

        return plot_phase_diagram(self, ax)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to `path` as ``.npz`` with a JSON header; what was there is replaced only once all is written."""
        path = Path(path)
        header = {"format": FORMAT, "version": __version__, "label": self.label}
        arrays = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "label"}
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        try:
            with open(part, "xb") as file:
                np.savez(file, allow_pickle=False, header=np.array(json.dumps(header)), **arrays)
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "PhaseDiagram":
        """Read what `save` wrote.

        Raises
        ------
        InvalidInput
            If the file is truncated or something else.
        FileNotFoundError
            If there is none.
        """
        try:
            with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
                header = json.loads(str(file["header"]))
                if header["format"] != FORMAT:
                    raise KeyError("format")
                names = [field.name for field in fields(cls) if field.name != "label"]
                arrays = {name: file[name] for name in names}
                shape = (arrays["sigma_w"].size, arrays["sigma_b"].size)
                for name, array in arrays.items():
                    expected = {"sigma_w": shape[:1], "sigma_b": shape[1:]}.get(name, shape)
                    if array.shape != expected or array.dtype.kind != ("U" if name == "phase" else "f"):
                        raise KeyError(name)
                return cls(**arrays, label=str(header["label"]))
        except FileNotFoundError:
            raise
        except (KeyError, ValueError, TypeError, AttributeError, EOFError, OSError) as error:
            raise InvalidInput(f"{os.fspath(path)} is not a phase diagram saved by meanfield, or is damaged") from error
        except (NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            raise InvalidInput(f"{os.fspath(path)} is not a phase diagram saved by meanfield, or is damaged") from error

    def to_xarray(self) -> Any:
        """The fields as an ``xarray.Dataset`` with sigma_w and sigma_b as coordinates (needs the extra ``xarray``)."""
        try:
            import xarray
        except ImportError:
            raise InvalidInput("to_xarray needs xarray: pip install 'meanfield-nn[xarray]'") from None
        variables = {
            field.name: (("sigma_w", "sigma_b"), getattr(self, field.name), {"units": UNITS.get(field.name, "1")})
            for field in fields(Analysis)
        }
        coordinates = {"sigma_w": self.sigma_w, "sigma_b": self.sigma_b}
        return xarray.Dataset(variables, coordinates, {"label": self.label, "meanfield_version": __version__})


def phase_diagram(
    spec_or_block: Any, sigma_w: ArrayLike, sigma_b: ArrayLike, *, workers: Workers = 1, progress: bool = False
) -> PhaseDiagram:
    """Fixed points, stability and depth scales over a grid of sigma_w and sigma_b.

    Parameters
    ----------
    spec_or_block : str, callable, Activation or Network
        An activation, or a block whose weighted layers all take the grid's values.
    sigma_w, sigma_b : array_like, 1-d
        Standard deviations, ≥ 0.
    workers : int or map-like callable
        Threads (−1 for all cores), or a callable like ``concurrent.futures.Executor.map``.
    progress : bool
        Whether to show a bar on a terminal.

    Returns
    -------
    PhaseDiagram
        Fields of shape ``(len(sigma_w), len(sigma_b))``.

    Raises
    ------
    InvalidInput
        If an axis is not 1-d, or out of range.

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
    block = as_block(spec_or_block)
    axes = [np.atleast_1d(positive(a, n, zero=True)) for a, n in ((sigma_w, "sigma_w"), (sigma_b, "sigma_b"))]
    for axis, name in zip(axes, ("sigma_w", "sigma_b"), strict=True):
        if axis.ndim != 1:
            raise InvalidInput(f"{name} must be one axis of the grid, a 1-d array, not one of shape {axis.shape}")
    rows = [axes[0][i : i + ROWS_A_TASK] for i in range(0, axes[0].size, ROWS_A_TASK)]
    parts = map_tasks(partial(_rows, block, axes[1]), rows, workers, progress, "rows")
    columns = {field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Analysis)}
    label = ", ".join(phi.name for phi in block.activations)
    return PhaseDiagram(**columns, sigma_w=axes[0], sigma_b=axes[1], label=label)


def _rows(block: Network, sigma_b: Floats, sigma_w: Floats) -> Analysis:
    return analyze(block.at(sigma_w=sigma_w[:, None], sigma_b=sigma_b))
