"""Sweeps that are killed and go on: nothing is lost, nothing is computed twice, nothing is mixed up."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import meanfield as mf
from meanfield.theory.phase_diagram import diagram as diagram_module
from meanfield.theory.phase_diagram.checkpoint import Checkpoint

SIGMA_W, SIGMA_B = np.linspace(0.5, 3.0, 32), np.linspace(0.0, 1.0, 16)

SWEEP = """
import sys, time
import numpy as np
import meanfield as mf
from meanfield.theory.phase_diagram import diagram

diagram.LEAST_A_TASK = 64

def slowly(function, tasks):
    for task in tasks:
        result = function(task)
        index, _ = task.value
        print("done", index, flush=True)
        yield result
        time.sleep(60 if index == int(sys.argv[2]) else 0)

mf.phase_diagram("erf", np.linspace(0.5, 3.0, 32), np.linspace(0.0, 1.0, 16), checkpoint=sys.argv[1], workers=slowly)
print("finished", flush=True)
"""


@pytest.fixture(autouse=True, scope="module")
def small_tasks():
    """Eight tasks of 64 points each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagram_module, "LEAST_A_TASK", 64)
        yield


def swept(directory, hangs_after=-1):
    """The blocks that a sweep in another process computes; one that hangs after a block is killed there."""
    command = [sys.executable, "-c", SWEEP, str(directory), str(hangs_after)]
    done = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            done.append(line.split()[-1])
            if done[-1] == str(hangs_after):
                process.send_signal(signal.SIGKILL)
                break
    return done


def equal(a, b):
    """To 1e-9: the last digits depend on what has been computed before in a process."""
    close = all(np.allclose(getattr(a, f), getattr(b, f), rtol=1e-9, atol=1e-12) for f in ("q_star", "c_star"))
    return close and all(np.array_equal(getattr(a, f), getattr(b, f)) for f in ("phase", "multiple"))


def unseen(directory, then=lambda index: None):
    """A map whose workers do not see a directory, as on another machine; `then` gets the number of each block."""

    def elsewhere(function, tasks):
        for task in tasks:
            hidden = directory.rename(directory.with_name("hidden"))
            result = function(task)
            hidden.rename(directory)
            then(task.value[0])
            yield result

    return elsewhere


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_killed_sweep_goes_on_where_it_was(tmp_path):
    first = swept(tmp_path, hangs_after=2)
    assert first == ["0", "1", "2"]
    second = swept(tmp_path)
    assert second == ["3", "4", "5", "6", "7", "finished"]
    calls = []

    def none(function, tasks):
        calls.extend(tasks)
        return []

    diagram = mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=tmp_path, workers=none)
    assert calls == []
    assert equal(diagram, mf.phase_diagram("erf", SIGMA_W, SIGMA_B))
    assert not list(tmp_path.glob("*.part"))


@pytest.fixture
def finished(tmp_path):
    mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("spec", "change", "named"),
    [
        ("tanh", {}, "activations"),
        (lambda x: x, {}, "activations"),
        ("erf", {"sigma_w": SIGMA_W[1:]}, "fingerprint"),
        ("erf", {"sigma_b": SIGMA_B + 1e-9}, "fingerprint"),
        ("erf", {"q": 2.0}, "fingerprint, q"),
        (mf.Network("erf", mf.Dense(), "erf", mf.Dense()), {}, "activations"),
    ],
)
def test_the_checkpoint_of_another_request_is_refused(finished, spec, change, named):
    request = {"sigma_w": SIGMA_W, "sigma_b": SIGMA_B, **change}
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    with pytest.raises(mf.InvalidInput, match=named):
        mf.phase_diagram(spec, request.pop("sigma_w"), request.pop("sigma_b"), checkpoint=finished, **request)
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before


def test_callables_of_one_name_are_told_apart(tmp_path):
    def phi(x):
        return np.tanh(x)

    first, axes = phi, ([0.5, 1.5], [0.1])
    mf.phase_diagram(first, *axes, checkpoint=tmp_path)

    def phi(x):
        return np.tanh(1.1 * x)

    with pytest.raises(mf.InvalidInput, match=r"\(fingerprint differ\)"):
        mf.phase_diagram(phi, *axes, checkpoint=tmp_path)


def truncated(block, other):
    block.write_bytes(block.read_bytes()[:100])


def of_another_index(block, other):
    block.write_bytes(block.with_name("block-000003.npz").read_bytes())


def of_another_request(block, other):
    block.write_bytes((other / block.name).read_bytes())


def changed(block, without="", **arrays):
    """The block with some arrays replaced, and without the one entry of its header or the one array."""
    with np.load(block) as file:
        contents = {**file, **arrays}
    header = json.loads(str(contents["header"]))
    contents["header"] = json.dumps({key: value for key, value in header.items() if key != without})
    with block.open("wb") as file:
        np.savez(file, **{name: array for name, array in contents.items() if name != without})


BAD_BLOCKS = {
    "truncated": truncated,
    "of another index": of_another_index,
    "of another request": of_another_request,
    "without an index": lambda block, other: changed(block, "index"),
    "of fewer rows": lambda block, other: changed(block, q_star=np.ones((3, 16))),
    "without a field": lambda block, other: changed(block, "chi_c"),
    "words for numbers": lambda block, other: changed(block, chi_1=np.full((4, 16), "x")),
}


@pytest.fixture(scope="module")
def of_another_q(tmp_path_factory):
    path = tmp_path_factory.mktemp("other")
    mf.phase_diagram("erf", SIGMA_W, SIGMA_B + 0.3, checkpoint=path)
    return path


@pytest.mark.parametrize("kind", BAD_BLOCKS)
def test_a_block_that_is_not_the_right_one_is_computed_and_written_again(finished, of_another_q, kind):
    block = finished / "block-000002.npz"
    right = mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=finished)
    BAD_BLOCKS[kind](block, of_another_q)
    for expected in ([2], []):
        computed = []
        elsewhere = unseen(finished, then=computed.append)
        assert equal(mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=finished, workers=elsewhere), right)
        assert computed == expected


def test_a_folder_in_the_place_of_a_block_is_named(finished):
    block = finished / "block-000002.npz"
    block.unlink()
    block.mkdir()
    with pytest.raises(IsADirectoryError) as raised:
        mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=finished)
    assert raised.value.filename == str(block)
    assert not list(finished.glob(".*"))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[]", '{"q": 1}', "\ufeff", "1" * 10_000])
def test_a_request_that_is_not_readable_is_refused(finished, text):
    (finished / "request.json").write_text(text, encoding="utf-8")
    with pytest.raises(mf.InvalidInput, match="checkpoint of another request"):
        mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=finished)


def test_what_is_no_checkpoint_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(mf.InvalidInput, match="something else"):
        mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=tmp_path)
    with pytest.raises(mf.InvalidInput, match="is a file"):
        mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=tmp_path / "thesis.tex")
    (tmp_path / "request.json").write_text("[")
    with pytest.raises(mf.InvalidInput, match="another request"):
        mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "x"


def test_results_of_workers_that_see_no_directory_are_kept(tmp_path):
    mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=tmp_path / "sweep", workers=unseen(tmp_path / "sweep"))
    assert len(list(tmp_path.glob("sweep/block-*.npz"))) == 8


def test_results_of_such_workers_are_kept_as_they_come(tmp_path):
    def interrupt(index):
        if index == 3:
            raise KeyboardInterrupt

    workers = unseen(tmp_path / "sweep", then=interrupt)
    with pytest.raises(KeyboardInterrupt):
        mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=tmp_path / "sweep", workers=workers)
    assert len(list(tmp_path.glob("sweep/block-*.npz"))) == 3


def test_blocks_do_not_depend_on_the_workers(finished):
    with ProcessPoolExecutor(2) as pool:
        again = mf.phase_diagram("erf", SIGMA_W, SIGMA_B, workers=pool.map)
    assert equal(again, mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=finished))


def test_the_request_is_readable(finished):
    request = json.loads((finished / "request.json").read_text())
    assert request["activations"][0]["name"] == "erf"
    assert request["rows"] == 4


def test_a_dask_cluster_takes_blocks_as_tasks(tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, processes=False, dashboard_address=":0", local_directory=str(tmp_path / "dask")
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        diagram = mf.phase_diagram("erf", SIGMA_W, SIGMA_B, workers=client.map, checkpoint=tmp_path / "sweep")
    assert equal(diagram, mf.phase_diagram("erf", SIGMA_W, SIGMA_B))
    assert len(list((tmp_path / "sweep").glob("block-*.npz"))) == 8


def test_what_killed_writers_left_is_cleared_away_once_it_is_old(finished):
    old, new, others = (finished / name for name in (".meanfield-beef.part", ".meanfield-cafe.part", ".film.part"))
    for path in (old, new, others):
        path.write_bytes(b"half")
    for path in (old, others):
        os.utime(path, (0, 0))
    with pytest.raises(mf.InvalidInput, match="another request"):
        mf.phase_diagram("tanh", SIGMA_W, SIGMA_B, checkpoint=finished)
    assert old.exists()
    mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=finished)
    assert sorted(finished.glob("*.part")) == [others, new]


def test_two_processes_may_begin_at_once(tmp_path):
    """The second looks for the request before the first has written it."""
    request = {"q": 1.0}
    Checkpoint.opened(tmp_path, request)
    exists = iter([False, True])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "exists", lambda self: self == tmp_path or next(exists))
        Checkpoint.opened(tmp_path, request)
