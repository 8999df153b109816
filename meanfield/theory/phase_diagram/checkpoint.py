"""A directory of finished blocks of a sweep, from which an interrupted sweep continues."""

import hashlib
import json
import os
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield._types import Floats
from meanfield.archive import PART, in_message, load_arrays, path_text, save_arrays, written
from meanfield.errors import InvalidInput
from meanfield.theory.assumptions.block import Block

FORMAT = "block of a meanfield phase diagram"
LARGEST_REQUEST = 2**24  # bytes
STALE = 3600.0  # age in seconds at which an unfinished file counts as abandoned
REQUEST = "request.json"
LOOKED_AT = np.concatenate([np.linspace(-8.0, 8.0, 257), np.geomspace(0.01, 1e4, 43), -np.geomspace(0.01, 1e4, 43)])


def fingerprint(block: Block, *numbers: Floats) -> str:
    """A hash of a request: its layers, values of its activations on a fixed grid, and the requested `numbers`."""
    digest = hashlib.sha256(repr(block).encode())
    used = [f for phi in block.activations for f in (phi, phi.surrogate) if f is not None]
    for share, phi in (part for f in used for part in f.parts):
        with np.errstate(all="ignore"):
            values = share * np.asarray(phi(LOOKED_AT), dtype=np.float64)
        digest.update(values.astype(np.float32).tobytes())  # the last digits may differ between machines
    for array in numbers:
        digest.update(repr(array.shape).encode() + array.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Checkpoint:
    """A directory that holds one file for each finished block of one request; it may be shared between processes.

    Attributes
    ----------
    directory : Path
        Directory of the files.
    request : mapping
        Identification of the request, stored in the directory as ``request.json``.
    """

    directory: Path
    request: Mapping[str, Any]

    @classmethod
    def opened(cls, directory: str | os.PathLike[str], request: Mapping[str, Any]) -> "Checkpoint":
        """The checkpoint in `directory`, which is created if it does not exist.

        Raises
        ------
        InvalidInput
            If `directory` is the checkpoint of another request, or holds other files, or is a file.
        """
        path = Path(path_text(directory))
        try:
            if path.exists() and not path.is_dir():
                raise InvalidInput(f"checkpoint must be a directory, and {in_message(os.fspath(path))} is a file")
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(f"{in_message(os.fspath(path))} cannot be made a directory: {error.strerror}") from None
        file = path / REQUEST
        if not file.exists():
            others = any(not entry.name.endswith(".part") for entry in path.iterdir())
            if others and not file.exists():  # another process may have written it in between
                raise InvalidInput(f"{os.fspath(path)} holds something else than a checkpoint: give an empty directory")
            written(file, json.dumps(request, indent=2).encode())
        there = None
        if file.stat().st_size <= LARGEST_REQUEST:
            with suppress(ValueError, RecursionError):
                there = json.loads(file.read_text(encoding="utf-8"))
        if there != dict(request):
            raise InvalidInput(
                f"{os.fspath(path)} is the checkpoint of another request ({_differs(there, request)} differ): "
                "give another directory, or delete this one"
            )
        for part in path.glob(PART.format("*")):  # unfinished files of interrupted writers
            with suppress(OSError):  # another process may clear it away first, or nobody may
                if part.stat().st_mtime < time.time() - STALE:
                    part.unlink()
        return cls(path, request)

    def block(self, index: int, names: Collection[str]) -> dict[str, NDArray[Any]] | None:
        """The arrays `names` of block number `index`; None if its file is missing, damaged or of another checkpoint."""
        try:
            return load_arrays(self._file(index), self._header(index), names)[1]
        except (FileNotFoundError, InvalidInput):
            return None

    def keep(self, index: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write block number `index`."""
        save_arrays(self._file(index), self._header(index), arrays)

    def _header(self, index: int) -> dict[str, object]:
        request = hashlib.sha256(json.dumps(self.request, sort_keys=True).encode()).hexdigest()
        return {"format": FORMAT, "request": request, "index": index}

    def _file(self, index: int) -> Path:
        return self.directory / f"block-{index:06d}.npz"


def _differs(there: object, request: Mapping[str, Any]) -> str:
    if not isinstance(there, dict):
        return "all keys"
    keys = sorted(key for key in request if key not in there or there[key] != request[key])
    return ", ".join(keys) or "further keys"
