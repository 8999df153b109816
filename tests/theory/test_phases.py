"""Phase diagrams as data: shapes, files that survive, and workers that do not change the numbers."""

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import meanfield as mf

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


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, MemoryError])
def test_an_interrupted_save_leaves_the_old_file(diagram, tmp_path, monkeypatch, error):
    path = tmp_path / "d.npz"
    diagram.save(path)
    before = path.read_bytes()

    def broken(file, *arguments, **keywords):
        file.write(b"half of it")
        raise error

    monkeypatch.setattr(np, "savez", broken)
    with pytest.raises(error):
        diagram.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["d.npz"]


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
def test_workers_do_not_change_the_numbers(name):
    one = mf.phase_diagram(name, SIGMA_W, SIGMA_B)
    equal = same if name == "erf" else agree  # erf has a closed form throughout
    assert equal(one, mf.phase_diagram(name, SIGMA_W, SIGMA_B, workers=2))
    assert equal(one, mf.phase_diagram(name, SIGMA_W, SIGMA_B, workers=map))
    with ThreadPoolExecutor(3) as pool:
        assert equal(one, mf.phase_diagram(name, SIGMA_W, SIGMA_B, workers=pool.map))


def test_workers_do_not_race_for_what_is_computed_once():
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
