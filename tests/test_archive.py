"""Crafted files, full disks, read-only folders: named errors, nothing half written, little memory."""

import errno
import io
import os
import subprocess
import sys
import tempfile
import tracemalloc
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from mutated_files import mutants

import meanfield as mf
from meanfield.archive import written
from meanfield.weights import loading

AXES = np.linspace(0.5, 3.0, 5), np.linspace(0.0, 1.0, 4)


@pytest.fixture(scope="module")
def diagram():
    return mf.phase_diagram("erf", *AXES)


def npy(descr="'<f8'", shape="(5, 4)", contents=b"\0" * 160, version=1):
    """The bytes of an array with any header."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + contents


def text(contents):
    file = io.BytesIO()
    np.save(file, np.array(contents))
    return file.getvalue()


DEEP = '{"format": "meanfield phase diagram", "label": "x", "about": ' + "[" * 100_000 + "]" * 100_000 + "}"
#: One member of a file, with other contents; a mapping for several members.
CRAFTED = {
    "a huge shape": {"q_star": npy(shape="(1000000000, 1000000000)")},
    "a large shape": {"q_star": npy(shape="(20000, 20000)")},
    "a negative shape": {"q_star": npy(shape="(-5, -4)")},
    "a shape of 4000 digits": {"q_star": npy(shape=f"({'9' * 4000}, 1)")},
    "no numbers for a shape": {"q_star": npy(shape="(True, 'a')")},
    "too few bytes": {"q_star": npy(contents=b"\0" * 152)},
    "too many bytes": {"q_star": npy(contents=b"\0" * 168)},
    "huge words": {"phase": npy(descr="'<U500000000'", contents=b"\0" * 80)},
    "words of no length": {"phase": npy(descr="'<U0'", shape="(1000000000000000000,)", contents=b"")},
    "objects": {"q_star": npy(descr="'|O'", contents=b"\x80\x04N.")},
    "a nested type": {"q_star": npy(descr="[" * 300 + "]" * 3000)},
    "signs": {"q_star": npy(shape="-" * 9000 + "1")},
    "an unknown type": {"q_star": npy(descr="'<q99'")},
    "a call for a type": {"q_star": npy(descr="__import__('os').getpid()")},
    "a header of 1 MB": {"q_star": npy(shape="(5, 4)" + " " * 10**6, version=2)},
    "another version": {"q_star": npy(version=9)},
    "an empty member": {"q_star": b""},
    "no array": {"q_star": b"not an array"},
    "an empty header": {"header": b""},
    "a header of numbers": {"header": npy()},
    "deep JSON": {"header": text(DEEP)},
    "a number of 10,000 digits": {"header": text(DEEP.replace("[", "1").replace("]", "1"))},
    "a header that is an array": {"header": text('["format"]')},
    "a number for a format": {"header": text('{"format": 1}')},
    "a number for what it is about": {"header": text('{"format": "meanfield phase diagram", "label": "", "about": 1}')},
    "another axis": {"sigma_w": npy(shape="(6,)", contents=b"\0" * 48)},
    "an axis of two dimensions": {"sigma_w": npy(shape="(5, 1)", contents=b"\0" * 40)},
    "an axis of words": {"sigma_w": npy(descr="'<U1'", shape="(5,)", contents=b"\0" * 20)},
    "whole numbers": {"q_star": npy(descr="'<i8'")},
}


def crafted(path, diagram, members, compression=zipfile.ZIP_STORED):
    diagram.save(path)
    with zipfile.ZipFile(path) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    contents |= {f"{name}.npy": data for name, data in members.items()}
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in contents.items():
            file.writestr(name, data)
    return path


@contextmanager
def little_memory(most=2**25):
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", CRAFTED)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_crafted_files_are_refused_in_one_sentence(kind, diagram, tmp_path):
    path = crafted(tmp_path / "d.npz", diagram, CRAFTED[kind])
    with little_memory(), pytest.raises(mf.InvalidInput, match=r"d\.npz is (not )?a ") as raised:
        mf.PhaseDiagram.load(path)
    assert len(str(raised.value)) < 300


def test_what_is_not_asked_for_is_not_read(diagram, tmp_path):
    path = crafted(tmp_path / "d.npz", diagram, {"allow_pickle": text("False"), "more": npy()})
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("note.txt", "hello")
    assert np.array_equal(mf.PhaseDiagram.load(path).q_star, diagram.q_star)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_files_changed_at_random_are_refused_or_read_as_they_were(diagram, tmp_path):
    path = tmp_path / "d.npz"
    diagram.save(path)
    for mutant in mutants(np.random.default_rng(0), path.read_bytes(), 100):
        path.write_bytes(mutant)
        for read in (mf.PhaseDiagram.load, loading.load):
            with suppress(mf.InvalidInput):
                read(path)


def test_an_archive_of_a_later_version_is_refused(tmp_path):
    np.savez(tmp_path / "w.npz", w=np.eye(9))
    data = bytearray((tmp_path / "w.npz").read_bytes())
    data[data.index(b"PK\1\2") + 6] = 161  # the version needed to extract the first member
    (tmp_path / "w.npz").write_bytes(data)
    with pytest.raises(mf.InvalidInput, match=r"w\.npz"):
        mf.measure(tmp_path / "w.npz")


def test_files_that_unpack_to_a_thousand_times_their_size_are_refused(diagram, tmp_path):
    path = crafted(tmp_path / "d.npz", diagram, {}, zipfile.ZIP_DEFLATED)
    assert np.array_equal(mf.PhaseDiagram.load(path).q_star, diagram.q_star)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        for i in range(4):
            file.writestr(f"more{i}.npy", npy(shape="(2500, 1000)", contents=bytes(20_000_000)))
    assert path.stat().st_size < 100_000
    for read in (mf.PhaseDiagram.load, mf.measure):
        with little_memory(), pytest.raises(mf.InvalidInput, match=r"unpack to 800\d{5}, which is refused"):
            read(path)


@pytest.mark.parametrize("kind", ["a huge shape", "a large shape", "an empty member", "signs", "huge words"])
def test_weights_are_read_with_the_same_care(kind, tmp_path):
    (data,) = CRAFTED[kind].values()
    (tmp_path / "w.npy").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as file:
        file.writestr("layer.npy", data)
    for name in ("w.npy", "w.npz"):
        with little_memory(), pytest.raises(mf.InvalidInput, match=name):
            mf.measure(tmp_path / name)


NO_PATHS = [None, 3, "", "a\0b", [], 1.5]


@pytest.mark.parametrize("path", NO_PATHS)
def test_what_is_no_path_is_refused(path, diagram):
    for call in (diagram.save, diagram.to_csv, mf.PhaseDiagram.load):
        with pytest.raises(mf.InvalidInput, match="a path must"):
            call(path)
    if path is not None:
        with pytest.raises(mf.InvalidInput, match="a path must"):
            mf.phase_diagram("erf", *AXES, checkpoint=path)


WRITERS = {
    "save": lambda diagram, path: diagram.save(path),
    "to_csv": lambda diagram, path: diagram.to_csv(path),
    "checkpoint": lambda diagram, path: mf.phase_diagram("erf", *AXES, checkpoint=path.parent),
}


def unwritten(write, diagram, path, error, named=None):
    """Try to write; what was there stays, nothing else appears, and the error names the file."""
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()} if path.parent.is_dir() else {}
    with pytest.raises(OSError, match=r".") as raised:
        write(diagram, path)
    assert raised.value.errno == error
    assert raised.value.filename == str(named or path)
    assert ".part" not in str(raised.value)
    assert ({p.name: p.read_bytes() for p in path.parent.iterdir()} if path.parent.is_dir() else {}) == before


@contextmanager
def read_only(folder):
    """Within it nobody may write to a folder: root becomes another user, whom permissions bind."""
    root = os.geteuid() == 0
    os.chmod(folder, 0o755 if root else 0o555)
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        os.chmod(folder, 0o755)


@pytest.mark.skipif(os.name != "posix", reason="permissions are of POSIX")
def test_a_read_only_folder(diagram):
    with tempfile.TemporaryDirectory() as name:  # tmp_path is in a folder that other users may not reach
        folder = Path(name)
        with read_only(folder):
            for kind, file in (("save", "d.npz"), ("to_csv", "d.npz"), ("checkpoint", "request.json")):
                unwritten(WRITERS[kind], diagram, folder / "d.npz", errno.EACCES, folder / file)
        mf.phase_diagram("erf", *AXES, checkpoint=folder)
        with read_only(folder):  # a finished checkpoint is read
            again = mf.phase_diagram("erf", *AXES, checkpoint=folder)
    assert np.array_equal(again.phase, diagram.phase)


@pytest.mark.parametrize("kind", ["save", "to_csv"])
def test_folders_that_are_not_there_and_names_that_are_not_free(kind, diagram, tmp_path):
    unwritten(WRITERS[kind], diagram, tmp_path / "none" / "d.npz", errno.ENOENT)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        WRITERS[kind](diagram, tmp_path / "file" / "d.npz")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="folder'"):
        WRITERS[kind](diagram, tmp_path / "folder")
    WRITERS[kind](diagram, tmp_path / ("d" * 255))  # as long as a name may be
    assert sorted(len(p.name) for p in tmp_path.iterdir()) == [4, 6, 255]


LIMITED = """
import pathlib, resource, sys
import numpy as np, meanfield as mf
folder = pathlib.Path(sys.argv[1])
axes = np.linspace(0.5, 3.0, 32), np.linspace(0.0, 1.0, 16)
diagram = mf.phase_diagram("erf", *axes)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for write in (
    lambda: diagram.save(folder / "d.npz"),
    lambda: diagram.to_csv(folder / "d.csv"),
    lambda: mf.phase_diagram("erf", *axes, checkpoint=folder / "sweep"),
):
    try:
        write()
    except OSError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
@pytest.mark.parametrize("path", ["x" * 300, "a/" * 3000 + "b"])
def test_a_name_that_is_too_long_is_told(path, diagram, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uses = [diagram.save, diagram.to_csv, mf.PhaseDiagram.load]
    for use in (*uses, lambda folder: mf.phase_diagram("tanh", [1.0], [0.1], checkpoint=folder)):
        with pytest.raises(mf.InvalidInput, match=r"characters\) cannot be .*: File name too long"):
            use(path)
    assert list(tmp_path.iterdir()) == []


def test_a_limit_on_the_size_of_files(tmp_path):
    """As `ulimit -f`: 4 kB are enough for request.json and not for a block."""
    command = [sys.executable, "-W", "error", "-c", LIMITED, str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.stderr == ""
    names = "d.npz", "d.csv", "sweep/block-000000.npz"
    assert ran.stdout.splitlines() == [f"[Errno 27] File too large: '{tmp_path / name}'" for name in names]
    assert [p.name for p in tmp_path.rglob("*")] == ["sweep", "request.json"]


@pytest.fixture
def full_disk(tmp_path):
    """A disk of 64 kB, where one may be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        sys.platform != "linux"
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True
        ).returncode
    ):
        pytest.skip("no disk may be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk(diagram, full_disk):
    """What is there stays whole, and a sweep that ran full goes on once there is room."""
    path = full_disk / "d.npz"
    diagram.save(path)
    filler = full_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(10**6))
    for kind in ("save", "to_csv"):
        unwritten(WRITERS[kind], diagram, path, errno.ENOSPC)
    sweep = full_disk / "sweep"
    with pytest.raises(OSError, match="No space left") as raised:
        mf.phase_diagram("erf", *AXES, checkpoint=sweep)
    assert raised.value.filename == str(sweep / "request.json")
    assert not list(sweep.iterdir())
    filler.unlink()
    assert np.array_equal(mf.phase_diagram("erf", *AXES, checkpoint=sweep).phase, diagram.phase)
    assert np.array_equal(mf.PhaseDiagram.load(path).phase, diagram.phase)


def test_links_are_followed_and_the_permissions_of_a_file_are_kept(diagram, tmp_path):
    (tmp_path / "d.npz").touch()
    (tmp_path / "d.npz").chmod(0o640)
    (tmp_path / "link").symlink_to("d.npz")
    diagram.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "d.npz").stat().st_mode & 0o777 == 0o640
    assert np.array_equal(mf.PhaseDiagram.load(tmp_path / "d.npz").phase, diagram.phase)


@pytest.mark.skipif(os.name != "posix", reason="pipes are of POSIX")
def test_devices_and_pipes_are_not_replaced(diagram, tmp_path):
    null = os.stat("/dev/null")
    diagram.to_csv("/dev/null")
    assert os.stat("/dev/null").st_ino == null.st_ino
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE)
    written(tmp_path / "pipe", b"through")
    assert reader.communicate()[0] == b"through"
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"]
