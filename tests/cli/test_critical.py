import pytest


def test_tanh_is_critical_where_the_literature_has_it(meanfield):
    (row,) = meanfield("critical", "tanh", "--sigma-b", str(0.05**0.5), "--json").json["line"]
    assert row["sigma_w"] ** 2 == pytest.approx(1.7609546396067391, abs=1e-10)
    assert row["q"] == pytest.approx(0.57004788164076415, abs=1e-10)
    assert row["stable"] is True


def test_stability_is_told_row_by_row(meanfield):
    assert [row["stable"] for row in meanfield("critical", "gelu", "--sigma-b", "0.2,0.5", "--json").json["line"]] == [
        False,
        True,
    ]
    lines = meanfield("critical", "gelu", "--sigma-b", "0.2,0.5").out.splitlines()
    assert "not stable" in lines[-2]
    assert "not stable" not in lines[-1]
    assert "stable" in lines[-1]


def test_unstable_solutions_can_be_left_out(meanfield):
    rows = meanfield("critical", "gelu", "--sigma-b", "0.2,0.5", "--stable-only", "--json").json["line"]
    assert [row["sigma_b"] for row in rows] == [0.5]


def test_the_critical_point_comes_with_its_class(meanfield):
    point = meanfield("critical", "silu", "--json").json["point"]
    assert point["sigma_w"] ** 2 == pytest.approx(1.98800467826949, abs=1e-10)
    assert point["universality"] == "half_stable"


def test_no_point_is_said_and_null(meanfield):
    point = meanfield("critical", "sigmoid", "--json").json["point"]
    assert point == {"sigma_w": None, "sigma_b": None, "q": None, "universality": "none"}
    assert "none" in meanfield("critical", "sigmoid").out
    assert "no point" in meanfield("critical", "relu", "--sigma-b", "0.5").out


def test_the_line_is_drawn(meanfield, tmp_path):
    path = tmp_path / "line.svg"
    assert meanfield("critical", "tanh", "-o", str(path)).status == 0
    assert "<svg" in path.read_text()
