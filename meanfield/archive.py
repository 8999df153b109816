"""Files of arrays with a JSON header, written atomically and read without pickle."""

import json
import os
import uuid
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from meanfield._types import AnyArray
from meanfield.errors import InvalidInput

UNREADABLE = (KeyError, ValueError, TypeError, AttributeError, EOFError, OSError, NotImplementedError)
DAMAGED = (zipfile.BadZipFile, zlib.error)


def written(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> None:
    """Write a file atomically: `write` fills a temporary file, which replaces `path` once it is on disk."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with open(part, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def save_arrays(path: str | os.PathLike[str], header: Mapping[str, object], arrays: Mapping[str, AnyArray]) -> None:
    """Write arrays and a header to `path` as ``.npz``."""
    text = np.array(json.dumps(header, ensure_ascii=False))
    written(path, lambda file: np.savez(file, allow_pickle=False, header=text, **arrays))


def load_arrays(path: str | os.PathLike[str], format: str) -> tuple[dict[str, Any], dict[str, AnyArray]]:
    """Read header and arrays of a file that `save_arrays` wrote; ``header["format"]`` must equal `format`.

    Raises
    ------
    InvalidInput
        If the file is damaged or has another format.
    FileNotFoundError
        If the file does not exist.
    """
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            if header["format"] != format:
                raise KeyError("format")
            return dict(header), {name: file[name] for name in file.files if name != "header"}
    except FileNotFoundError:
        raise
    except (*UNREADABLE, *DAMAGED) as error:
        raise InvalidInput(f"{os.fspath(path)} is not a {format}, or is damaged") from error
