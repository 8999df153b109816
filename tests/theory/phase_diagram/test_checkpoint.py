"""Sweeps that are killed and go on: nothing is lost, nothing is computed twice, nothing is mixed up."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import meanfield as mf

SIGMA_W, SIGMA_B = np.linspace(0.5, 3.0, 32), np.linspace(0.0, 1.0, 16)

SWEEP = """
import sys, time
import numpy as np
import meanfield as mf

def slowly(function, tasks):
    for task in tasks:
        result = function(task)
        print("done", task[0], flush=True)
        yield result
        time.sleep(60 if task[0] == int(sys.argv[2]) else 0)

mf.phase_diagram("erf", np.linspace(0.5, 3.0, 32), np.linspace(0.0, 1.0, 16), checkpoint=sys.argv[1], workers=slowly)
print("finished", flush=True)
"""


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


def test_a_damaged_block_is_computed_again(finished):
    whole = mf.phase_diagram("erf", SIGMA_W, SIGMA_B)
    block = finished / "block-000002.npz"
    block.write_bytes(block.read_bytes()[:100])
    computed = []

    def watched(function, tasks):
        computed.extend(i for i, _ in tasks)
        return map(function, tasks)

    assert equal(mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=finished, workers=watched), whole)
    assert computed == [2]


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


def test_results_of_workers_that_see_no_directory_are_kept(tmp_path, monkeypatch):
    directory = tmp_path / "sweep"

    def elsewhere(function, tasks):
        for task in tasks:
            hidden = directory.rename(tmp_path / "hidden")
            result = function(task)
            hidden.rename(directory)
            yield result

    mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=directory, workers=elsewhere)
    assert len(list(directory.glob("block-*.npz"))) == 8


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
    old, new = (finished / f".block-000001.npz.{name}.part" for name in ("deadbeef", "cafe"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    mf.phase_diagram("erf", SIGMA_W, SIGMA_B, checkpoint=finished)
    assert list(finished.glob("*.part")) == [new]
