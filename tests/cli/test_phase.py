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


def test_csv_is_printed_or_written(meanfield, tmp_path):
    path = tmp_path / "phase.csv"
    assert meanfield("phase", "tanh", *GRID, "-o", str(path)).out == f"wrote {path}\n"
    printed = meanfield("phase", "tanh", *GRID, "--csv").out
    assert printed == path.read_text()
    heading, *rows = printed.splitlines()
    assert heading.split(",")[:3] == ["sigma_w", "sigma_b", "q_star"]
    assert len(rows) == 6
    assert rows[0].split(",")[-1] == "ordered"
    assert float(rows[0].split(",")[2]) == pytest.approx(float(mf.analyze(mf.mlp("tanh", 1.0, 0.1)).q_star), rel=1e-12)


def test_csv_and_json_are_alternatives(meanfield):
    result = meanfield("phase", "tanh", *GRID, "--csv", "--json")
    assert result.status == 2
    assert "give one of them" in result.err


def test_q_says_which_of_several_fixed_points(meanfield):
    grid = ("--sigma-w", "1.43178", "--sigma-b", "0.316228", "--json")
    assert meanfield("phase", "gelu", *grid).json["phase"] == [["ordered"]]
    assert meanfield("phase", "gelu", *grid, "--q", "3").json["phase"] == [["unbounded"]]


def test_a_checkpoint_is_gone_on_from(meanfield, tmp_path):
    first, again = (meanfield("phase", "tanh", *GRID, "--csv", "--checkpoint", str(tmp_path)) for _ in range(2))
    assert (first.status, first.out) == (0, again.out)
    other = meanfield("phase", "erf", *GRID, "--checkpoint", str(tmp_path))
    assert other.status == 2
    assert "another request" in other.err


NOISY = "tanh, dropout(0.1), dense"


def test_under_noise_letters_are_about_gradients(meanfield):
    grid = ("--sigma-w", "0.5,3", "--sigma-b", "0,0.5")
    text = meanfield("phase", NOISY, *grid).out
    assert "noise parts inputs, and gradients are v vanishing, = balanced, e exploding" in text
    assert "ordered" not in text
    assert meanfield("phase", NOISY, *grid, "--json").json["phase"] == [["vanishing"] * 2, ["exploding"] * 2]


def test_json_says_why_numbers_are_not_finite(meanfield):
    answer = meanfield("phase", "sign", "--sigma-w", "1", "--sigma-b", "0.5", "--json").json
    assert answer["chi_1"] == [["inf"]]
    assert answer["not_finite"] == {"chi_1": [["the activation jumps, so squared gradients are infinite"]]}
    analysis = meanfield("fixed-points", "relu", "--sigma-w", "2", "--json").json["analysis"]
    assert analysis["q_star"] == "inf"
    assert analysis["not_finite"]["q_star"] == "q grows without limit"
    assert "not_finite" not in meanfield("fixed-points", "tanh", "--sigma-w", "2", "--json").json["analysis"]


def test_tables_say_what_a_phase_means_and_why_numbers_are_not_finite(meanfield):
    text = meanfield("fixed-points", "relu, dropout(0.1), dense(2)").out
    assert "the second moment grows without limit" in text
    assert "q grows without limit" in text
    assert "noise parts inputs, gradients vanish" in meanfield("fixed-points", "tanh, dropout(0.1), dense(0.8)").out
