"""Files of arrays with a JSON header, written atomically and read without pickle and without trust in stated sizes."""

import errno
import io
import json
import math
import os
import shutil
import stat
import uuid
import zipfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import IO, Any

import numpy as np

from meanfield._types import AnyArray
from meanfield.errors import InvalidInput, shown

PART = ".meanfield-{}.part"  # name of an unfinished file, beside the file that it will replace
LONGEST_SHOWN = 200  # characters of a path in a message
RATIO, ALLOWANCE = 100, 64 * 2**20  # arrays may unpack to so many times the size of their file, plus so many bytes
NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def written(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file atomically: a temporary file beside it replaces it once it is on disk.

    A link is followed. A device or a pipe is written to directly.

    Raises
    ------
    InvalidInput
        If `path` is no path, or a name in it is too long.
    OSError
        If the file cannot be written. It names `path`, and what was at `path` before is still there.
    """
    text = path_text(path)
    try:
        target = os.path.realpath(text)
        there = os.stat(target).st_mode if os.path.exists(target) else stat.S_IFREG
        if not stat.S_ISREG(there) and not stat.S_ISDIR(there):
            with open(target, "wb") as file:
                file.write(content)
            return
        _replace(target, content)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InvalidInput(f"{in_message(text)} cannot be written: {error.strerror}") from None
        raise OSError(error.errno, error.strerror, text) from None


def _replace(target: str, content: bytes) -> None:
    part = os.path.join(os.path.dirname(target), PART.format(uuid.uuid4().hex))
    try:
        with open(part, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            shutil.copymode(target, part)
        os.replace(part, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise


def save_arrays(path: str | os.PathLike[str], header: Mapping[str, object], arrays: Mapping[str, AnyArray]) -> None:
    """Write arrays of plain types and a header to `path` as ``.npz``."""
    content = io.BytesIO()  # whole before the disk is touched
    stored: dict[str, Any] = {"header": np.array(json.dumps(header, ensure_ascii=False)), **arrays}
    np.savez(content, **stored)  # without allow_pickle, which NumPy before 2.2 takes for an array
    written(path, content.getvalue())


def load_arrays(
    path: str | os.PathLike[str], expected: Mapping[str, object], names: Collection[str]
) -> tuple[dict[str, Any], dict[str, AnyArray]]:
    """Read header and arrays of a file that `save_arrays` wrote.

    Parameters
    ----------
    path : path
        The file.
    expected : mapping
        Entries that the header must have, among them "format". No array is read if it has others.
    names : collection of str
        Arrays to read, if they are there. Others are ignored.

    Raises
    ------
    InvalidInput
        If the file is damaged, states sizes that its contents do not have, or has another header.
    FileNotFoundError
        If the file does not exist.
    """
    name = in_message(path_text(path))
    try:
        with open(path, "rb") as stream:
            check_sizes(stream, name)
            with np.load(stream, allow_pickle=False) as file:
                header = dict(json.loads(str(file["header"])))
                if any(key not in header or header[key] != value for key, value in expected.items()):
                    raise KeyError("header")
                arrays = {key: file[key] for key in file.files if key in names}
                if not all(isinstance(array, np.ndarray) for array in arrays.values()):
                    raise KeyError("no array")
                return header, arrays
    except (InvalidInput, FileNotFoundError):
        raise
    except OSError as error:
        raise InvalidInput(f"{name} cannot be read: {error.strerror or type(error).__name__}") from error
    except Exception as error:  # NumPy, zipfile and json raise a dozen kinds, MemoryError and RecursionError among them
        raise InvalidInput(f"{name} is not a {expected['format']}, or is damaged") from error


def check_sizes(file: IO[bytes], name: str) -> None:
    """Raise unless each array of an open .npy or .npz file has the size that its own header states.

    Raises
    ------
    InvalidInput
        If the arrays unpack to more than 100 times the size of the file and 64 MiB.
    Exception
        Of any kind, if the file is damaged.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    packed = file.read(2) == b"PK"
    file.seek(0)
    if not packed:
        _check_size(file, size)
        file.seek(0)
        return
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(info.file_size for info in archive.infolist())
        if unpacked > RATIO * size + ALLOWANCE:
            raise InvalidInput(
                f"{name} has {size} bytes that unpack to {unpacked}, which is refused: if they are wanted, "
                "load them with numpy.load"
            )
        for info in archive.infolist():
            if info.filename.endswith(".npy"):
                with archive.open(info) as member:
                    _check_size(member, info.file_size)
    file.seek(0)


def _check_size(member: IO[bytes], size: int) -> None:
    """Raise unless a file of `size` bytes in all has NumPy's format, and the array of its header."""
    shape, _, dtype = NPY_HEADERS[np.lib.format.read_magic(member)](member)
    needed = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and (min(shape, default=0) < 0 or needed != size - member.tell()):
        raise ValueError(f"an array of {needed} bytes has {size - member.tell()}")


def in_message(path: str) -> str:
    """A path as messages show it: whole, unless it is so long that the message would be nothing else."""
    return path if len(path) <= LONGEST_SHOWN else shown(path)


def path_text(path: str | os.PathLike[str]) -> str:
    """`path` as text; raises `InvalidInput` unless a file may have that path."""
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise InvalidInput(f"a path must be text or a path object, not {type(path).__name__}") from None
    if not text or "\0" in text:
        raise InvalidInput(f"a path must have characters, none of them null, unlike {text[:60]!r}")
    return text
