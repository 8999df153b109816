import pytest

import meanfield as mf
from meanfield.networks.text.text import network


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
    reason = dict.fromkeys(("sigma_w", "sigma_b", "q"), "chi_1 and chi_parallel are 1 at no common q")
    assert point == {"sigma_w": None, "sigma_b": None, "q": None, "universality": "none", "not_finite": reason}
    assert "none" in meanfield("critical", "sigmoid").out
    assert "no point" in meanfield("critical", "relu", "--sigma-b", "0.5").out


def test_the_line_is_drawn(meanfield, tmp_path):
    path = tmp_path / "line.svg"
    assert meanfield("critical", "tanh", "-o", str(path)).status == 0
    assert "<svg" in path.read_text()


def test_why_there_is_no_line_is_said_and_where_signals_carry_deepest(meanfield):
    words = ("critical", "relu, dropout(0.1), dense", "--sigma-b", "0")
    answer = meanfield(*words, "--json").json
    line = mf.critical_line(network(words[1]), 0.0)
    assert answer["reason"] == line.reason != ""
    assert [row["xi_c"] for row in answer["line"]] == line.xi_c.tolist()
    assert [row["sigma_w"] for row in answer["deepest"]] == line.deepest.sigma_w.tolist()
    out = meanfield(*words).out
    assert line.reason in out
    assert "layers that train" in out


def test_a_whole_skip_has_a_reason_and_no_depth(meanfield):
    words = ("critical", "residual(layernorm, gelu, dense, scale=0.2)", "--sigma-b", "0,0.3")
    answer = meanfield(*words, "--json").json
    assert answer["line"] == []
    assert answer["deepest"] is None
    assert f"no point at these sigma_b: {answer['reason']}\n" in meanfield(*words).out
    assert "skip" in answer["reason"]


def test_a_critical_line_needs_no_reason(meanfield):
    answer = meanfield("critical", "tanh", "--sigma-b", "0.3", "--json").json
    assert (answer["reason"], answer["deepest"], answer["line"][0]["xi_c"]) == ("", None, "inf")
    assert "xi_c" not in meanfield("critical", "tanh", "--sigma-b", "0.3").out
