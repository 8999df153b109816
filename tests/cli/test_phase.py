import numpy as np
import pytest

import meanfield as mf

GRID = ("--sigma-w", "1:3:3", "--sigma-b", "0.1,0.5")


def test_the_json_has_every_field_by_sigma_w_then_sigma_b(meanfield):
    answer = meanfield("phase", "tanh", *GRID, "--json").json
    assert answer["sigma_w"] == [1.0, 2.0, 3.0]
    assert answer["sigma_b"] == [0.1, 0.5]
    assert answer["phase"] == [["ordered"] * 2, ["chaotic"] * 2, ["chaotic"] * 2]
    assert np.shape(answer["xi_c"]) == np.shape(answer["chi_1"]) == (3, 2)


def test_letters_are_printed_with_sigma_b_upwards(meanfield):
    lines = meanfield("phase", "relu", "--sigma-w", "1,1.2,2", "--sigma-b", "0.1,0.5").out.splitlines()
    assert lines[1].split() == ["0.5", "oou"]
    assert lines[2].split() == ["0.1", "oou"]


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_figures_are_written(meanfield, tmp_path, suffix, start):
    path = tmp_path / f"phase.{suffix}"
    result = meanfield("phase", "relu", *GRID, "-o", str(path))
    assert (result.status, result.out) == (0, f"wrote {path}\n")
    assert path.read_bytes().startswith(start)


def test_an_activation_that_jumps_is_drawn_too(meanfield, tmp_path):
    path = tmp_path / "phase.png"
    assert meanfield("phase", "sign", *GRID, "-o", str(path)).status == 0
    assert path.stat().st_size > 1000


def test_data_can_be_loaded_again(meanfield, tmp_path):
    path = tmp_path / "phase.npz"
    assert meanfield("phase", "tanh", *GRID, "-o", str(path)).status == 0
    diagram = mf.PhaseDiagram.load(path)
    assert diagram.phase.shape == (3, 2)
    assert diagram.sigma_b.tolist() == [0.1, 0.5]


def test_a_single_value_cannot_be_drawn(meanfield, tmp_path):
    result = meanfield("phase", "relu", "--sigma-w", "1", "--sigma-b", "0,1", "-o", str(tmp_path / "x.png"))
    assert result.status == 2
    assert "2 × 2" in result.err
