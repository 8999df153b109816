"""Phase diagrams as data: shapes, files that survive, and workers that do not change the numbers."""

import csv
import dataclasses
import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import meanfield as mf
from meanfield.theory.phase_diagram import diagram as diagram_module

FIELDS = ("q_star", "chi_parallel", "chi_1", "c_star", "chi_c", "xi_q", "xi_c", "xi_gradient", "phase")
SIGMA_W, SIGMA_B = np.array([0.5, 0.9, 1.4, 2.0, 3.0, 4.0]), np.array([0.0, 0.1, 0.7])


@pytest.fixture(scope="module")
def diagram():
    return mf.phase_diagram("erf", SIGMA_W, SIGMA_B)


def same(a, b):
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))


def test_shapes_and_values(diagram):
    for field in FIELDS:
        assert getattr(diagram, field).shape == (6, 3), field
    for i, j in ((0, 1), (2, 0), (5, 2)):
        alone = mf.analyze(mf.mlp("erf", SIGMA_W[i], SIGMA_B[j]))
        for field in FIELDS[:-1]:
            assert getattr(diagram, field)[i, j] == pytest.approx(float(getattr(alone, field)), rel=1e-9, abs=1e-12), (
                field
            )
        assert diagram.phase[i, j] == alone.phase


def test_the_line_separates_the_phases(diagram):
    for j, sigma_b in enumerate(SIGMA_B):
        (critical,) = mf.critical_line("erf", sigma_b).sigma_w
        assert (diagram.phase[:, j] == np.where(critical > SIGMA_W, "ordered", "chaotic")).all()


def test_any_block_has_a_diagram():
    block = mf.Network("tanh", mf.Dense(), "sin", mf.Dense())
    diagram = mf.phase_diagram(block, [0.5, 2.0], [0.3])
    alone = mf.analyze(block.at(sigma_w=2.0, sigma_b=0.3))
    assert diagram.q_star[1, 0] == pytest.approx(float(alone.q_star), rel=1e-10)


def test_one_point_is_a_grid():
    assert mf.phase_diagram("erf", 1.5, 0.1).phase.shape == (1, 1)


def test_round_trip(diagram, tmp_path):
    path = tmp_path / "erf diagram.npz"
    diagram.save(path)
    loaded = mf.PhaseDiagram.load(path)
    assert type(loaded) is mf.PhaseDiagram
    assert same(diagram, loaded)
    assert loaded.label == diagram.label
    diagram.save(str(path))
    assert same(diagram, mf.PhaseDiagram.load(str(path)))
    assert [p.name for p in tmp_path.iterdir()] == ["erf diagram.npz"]


def test_the_file_is_written_under_the_name_given(diagram, tmp_path):
    diagram.save(tmp_path / "diagram")
    assert [p.name for p in tmp_path.iterdir()] == ["diagram"]
    assert same(diagram, mf.PhaseDiagram.load(tmp_path / "diagram"))


def test_the_file_can_be_read_by_those_who_may_read_others(diagram, tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    diagram.save(tmp_path / "d.npz")
    assert (tmp_path / "d.npz").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_truncated_files_are_refused(diagram, tmp_path):
    path = tmp_path / "d.npz"
    diagram.save(path)
    whole = path.read_bytes()
    for length in [*range(0, 60, 7), *range(60, len(whole), 397), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(mf.InvalidInput, match=r"d\.npz"):
            mf.PhaseDiagram.load(path)


def test_damaged_files_are_refused_or_harmless(diagram, tmp_path):
    path, rng = tmp_path / "d.npz", np.random.default_rng(0)
    diagram.save(path)
    whole = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    for _ in range(150):
        damaged = whole.copy()
        damaged[rng.integers(whole.size, size=3)] ^= rng.integers(1, 256, size=3, dtype=np.uint8)
        path.write_bytes(damaged.tobytes())
        try:
            loaded = mf.PhaseDiagram.load(path)
        except mf.InvalidInput:
            continue
        assert same(diagram, loaded)


def foreign(header=None, **arrays):
    def write(path):
        with path.open("wb") as file:
            np.savez(file, **({} if header is None else {"header": np.array(header)}), **arrays)

    return write


FORMAT = json.dumps({"format": "meanfield phase diagram", "version": "0", "label": "x"})
FOREIGN = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("sigma_w,sigma_b\n1,2\n"),
    "npy": lambda path: np.save(path.open("wb"), np.eye(3)),
    "pickle": lambda path: path.write_bytes(b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94."),
    "npz of something else": foreign(a=np.eye(2)),
    "header without arrays": foreign(FORMAT),
    "header that is no object": foreign("[1]"),
    "header that is no text": foreign(np.arange(3)),
    "header of another format": foreign('{"format": "other"}'),
    "zip": lambda path: __import__("zipfile").ZipFile(path, "w").writestr("header.npy", "nonsense"),
    "shapes that do not fit": foreign(
        FORMAT, sigma_w=np.ones(2), sigma_b=np.ones(3), **{f: np.zeros((4, 5)) for f in FIELDS}
    ),
    "numbers where words belong": foreign(
        FORMAT, sigma_w=np.ones(2), sigma_b=np.ones(3), **{f: np.zeros((2, 3), dtype="U3") for f in FIELDS}
    ),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_foreign_files_are_refused(kind, tmp_path):
    path = tmp_path / "file.npz"
    FOREIGN[kind](path)
    with pytest.raises(mf.InvalidInput, match=r"file\.npz"):
        mf.PhaseDiagram.load(path)


def test_a_missing_file_and_a_directory(tmp_path):
    with pytest.raises(FileNotFoundError):
        mf.PhaseDiagram.load(tmp_path / "none.npz")
    with pytest.raises((mf.InvalidInput, OSError)):
        mf.PhaseDiagram.load(tmp_path)


@pytest.mark.parametrize("where", ["fsync", "replace"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space"), MemoryError()])
def test_an_interrupted_save_leaves_the_old_file(diagram, tmp_path, monkeypatch, where, error):
    path = tmp_path / "d.npz"
    diagram.save(path)
    before = path.read_bytes()

    def broken(*arguments):
        raise error

    monkeypatch.setattr(os, where, broken)
    with pytest.raises(type(error)) as raised:
        diagram.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["d.npz"]
    assert getattr(raised.value, "filename", str(path)) == str(path)


def test_xarray(diagram):
    pytest.importorskip("xarray")
    data = diagram.to_xarray()
    assert dict(data.sizes) == {"sigma_w": 6, "sigma_b": 3}
    assert data.sigma_w.values.tolist() == SIGMA_W.tolist()
    assert set(data.data_vars) == set(FIELDS)
    assert float(data.q_star.sel(sigma_w=2.0, sigma_b=0.1)) == diagram.q_star[3, 1]
    assert str(data.phase.sel(sigma_w=4.0, sigma_b=0.7).item()) == diagram.phase[5, 2]
    assert data.xi_c.attrs["units"] == "layers"
    assert data.attrs["label"] == diagram.label


def agree(a, b):
    """Equal phases, and numbers equal within their errors: panels refined for one number serve the next one too, so the
    last digits depend on what was computed before."""
    numbers = [f for f in FIELDS if f != "phase"]
    close = all(np.allclose(getattr(a, f), getattr(b, f), rtol=1e-10, atol=1e-13) for f in numbers)
    return close and np.array_equal(a.phase, b.phase)


@pytest.mark.parametrize("name", ["erf", "tanh", "hardtanh"])
def test_workers_do_not_change_the_numbers(name, monkeypatch):
    monkeypatch.setattr(diagram_module, "LEAST_A_TASK", 6)
    one = mf.phase_diagram(name, SIGMA_W, SIGMA_B)
    equal = same if name == "erf" else agree  # erf has a closed form throughout
    assert equal(one, mf.phase_diagram(name, SIGMA_W, SIGMA_B, workers=2))
    assert equal(one, mf.phase_diagram(name, SIGMA_W, SIGMA_B, workers=map))
    with ThreadPoolExecutor(3) as pool:
        assert equal(one, mf.phase_diagram(name, SIGMA_W, SIGMA_B, workers=pool.map))


def test_workers_do_not_race_for_what_is_computed_once(monkeypatch):
    monkeypatch.setattr(diagram_module, "LEAST_A_TASK", 6)
    sigma_w = np.linspace(0.5, 3.5, 24)
    one, two = (
        mf.phase_diagram(mf.activation("x/(1 + x**2)**0.5 + 0.1*sin(x)"), sigma_w, SIGMA_B, workers=workers)
        for workers in (1, 4)
    )
    for field in FIELDS[:-1]:
        assert getattr(two, field) == pytest.approx(getattr(one, field), rel=1e-9, abs=1e-12), field


def test_progress_is_silent_where_there_is_no_terminal(capfd):
    mf.phase_diagram("erf", [1.0], [0.1], progress=True)
    assert capfd.readouterr().err.strip() == ""


def test_descriptions_can_be_sent_to_other_processes():
    import pickle

    block = pickle.loads(pickle.dumps(mf.mlp("tanh", 1.5, 0.1)))
    assert mf.analyze(block).q_star == pytest.approx(mf.analyze(mf.mlp("tanh", 1.5, 0.1)).q_star, rel=1e-13)


def test_the_mask_says_where_there_are_other_fixed_points():
    sigma_w, sigma_b = np.linspace(0.8, 1.6, 16), np.linspace(0.0, 0.5, 8)
    diagram = mf.phase_diagram("gelu", sigma_w, sigma_b)
    few = mf.phase_diagram(mf.Network("gelu", mf.Network(mf.Dense())), sigma_w[::5], sigma_b[::3])
    assert np.array_equal(diagram.multiple[::5, ::3], few.multiple)
    for i, j in ((0, 1), (12, 3), (13, 0), (15, 7)):
        count = len(mf.fixed_points(mf.mlp("gelu", sigma_w[i], sigma_b[j])))
        assert diagram.multiple[i, j] == (count > 1)
    assert diagram.multiple.any()
    assert not diagram.multiple.all()


def test_of_several_fixed_points_the_one_reached_from_q():
    lower, upper = (p.q for p in mf.fixed_points(mf.mlp("gelu", 2.05**0.5, 0.1**0.5)))
    axes = (np.linspace(1.40, 2.05**0.5, 8), np.linspace(0.2, 0.1**0.5, 8))
    below, above = (mf.phase_diagram("gelu", *axes, q=q) for q in (1.0, 1.01 * upper))
    assert below.q_star[-1, -1] == pytest.approx(lower, rel=1e-9)
    assert (above.q_star[-1, -1], above.phase[-1, -1]) == (np.inf, "unbounded")
    assert below.multiple[-1, -1]
    assert float(mf.phase_diagram("gelu", axes[0][-1], axes[1][-1], q=1.01 * upper).q_star[0, 0]) == np.inf


@pytest.mark.parametrize("q", [0.0, -1.0, np.nan, np.inf, [1.0, 2.0], "one"])
def test_a_q_to_start_from_that_is_none_is_refused(q):
    with pytest.raises(mf.InvalidInput, match="q must be"):
        mf.phase_diagram("erf", SIGMA_W, SIGMA_B, q=q)


def test_what_a_file_says_about_itself(tmp_path):
    mf.phase_diagram(mf.activation("leaky_relu", negative_slope=0.2), [1.0], [0.1], q=2.0).save(tmp_path / "d.npz")
    with np.load(tmp_path / "d.npz", allow_pickle=False) as file:
        header = json.loads(str(file["header"]))
    (phi,) = header["about"]["activations"]
    assert (phi["name"], phi["parameters"]) == ("leaky_relu", {"negative_slope": 0.2})
    assert header["about"]["q"] == 2.0
    assert set(header["about"]["versions"]) == {"meanfield", "numpy", "scipy", "python"}
    assert header["about"]["tolerances"] == {"relative": 1e-9, "critical": 1e-9}
    assert mf.PhaseDiagram.load(tmp_path / "d.npz").about == header["about"]


def test_files_of_the_first_version_are_read(diagram, tmp_path):
    arrays = {f: getattr(diagram, f) for f in (*FIELDS, "sigma_w", "sigma_b")}
    foreign('{"format": "meanfield phase diagram", "version": "0.1.0", "label": "erf"}', **arrays)(tmp_path / "old.npz")
    loaded = mf.PhaseDiagram.load(tmp_path / "old.npz")
    assert np.array_equal(loaded.xi_c, diagram.xi_c)
    assert loaded.multiple is None
    loaded.save(tmp_path / "again.npz")
    assert mf.PhaseDiagram.load(tmp_path / "again.npz").multiple is None


def test_csv_keeps_every_digit(diagram, tmp_path):
    diagram.to_csv(tmp_path / "d.csv")
    with (tmp_path / "d.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == diagram.phase.size
    for k, row in enumerate(rows):
        i, j = divmod(k, SIGMA_B.size)
        assert (float(row["sigma_w"]), float(row["sigma_b"])) == (SIGMA_W[i], SIGMA_B[j])
        assert all(float(row[f]) == getattr(diagram, f)[i, j] for f in FIELDS[:-1])
        assert row["phase"] == diagram.phase[i, j]


def test_points_without_weights_and_without_a_signal():
    diagram = mf.phase_diagram("tanh", np.linspace(0.0, 2.0, 16), np.linspace(0.0, 0.5, 5))
    assert np.allclose(diagram.q_star[0], diagram.sigma_b**2, rtol=1e-14)
    assert (diagram.chi_1[0] == 0).all()
    assert (diagram.q_star[:8, 0] == 0).all()
    assert np.allclose(diagram.chi_1[:8, 0], diagram.sigma_w[:8] ** 2, rtol=1e-12)
    assert (diagram.phase[:7, 0] == "ordered").all()
    assert not any(np.isnan(getattr(diagram, f)).any() for f in FIELDS[:-1])


@pytest.mark.parametrize("name", ["relu", "silu", "smelu"])
def test_unbounded_points_have_limits_and_no_nan(name):
    sigma_w, sigma_b = np.linspace(1.0, 3.0, 12), np.linspace(0.0, 1.0, 6)
    diagram = mf.phase_diagram(name, sigma_w, sigma_b)
    assert (diagram.phase[-3:] == "unbounded").all()
    alone = mf.analyze(mf.mlp(name, sigma_w[-2], sigma_b[3]))
    for f in FIELDS[:-1]:
        assert not np.isnan(getattr(diagram, f)).any()
        assert diagram.__dict__[f][-2, 3] == pytest.approx(float(getattr(alone, f)), rel=1e-9), f
