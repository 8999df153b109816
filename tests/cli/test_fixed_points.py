import pytest


def test_gelu_has_a_stable_and_an_unstable_one(meanfield):
    words = ("fixed-points", "gelu", "--sigma-w", str(2.05**0.5), "--sigma-b", str(0.1**0.5))
    points = meanfield(*words, "--json").json["fixed_points"]
    assert [point["q"] for point in points] == pytest.approx([0.3865, 2.3166], abs=5e-5)
    assert [point["stable"] for point in points] == [True, False]
    assert "not stable" in meanfield(*words).out


def test_the_analysis_is_that_of_the_literature(meanfield):
    analysis = meanfield("fixed-points", "tanh", "--sigma-w", "2.5", "--sigma-b", "0.3", "--json").json["analysis"]
    assert analysis["q_star"] == pytest.approx(4.079123875282246, abs=1e-9)
    assert analysis["chi_1"] == pytest.approx(1.585224765006033, abs=1e-9)
    assert analysis["c_star"] == pytest.approx(0.122103747305585, abs=1e-9)
    assert analysis["xi_c"] == pytest.approx(5.10891898916677, abs=1e-8)
    assert analysis["phase"] == "chaotic"


def test_an_unbounded_signal_is_said(meanfield):
    words = ("fixed-points", "relu", "--sigma-w", "3", "--sigma-b", "1")
    answer = meanfield(*words, "--json").json
    assert answer["fixed_points"] == []
    assert answer["analysis"]["q_star"] == "inf"
    assert "no fixed point" in meanfield(*words).out


def test_the_recommended_sigmas_are_the_default(meanfield):
    answer = meanfield("fixed-points", "relu", "--json").json
    assert answer["sigma_w"] == pytest.approx(2**0.5, rel=1e-14)
    assert answer["sigma_b"] == 0
    assert answer["analysis"]["phase"] == "critical"


def test_what_does_not_exist_is_a_dash(meanfield):
    out = meanfield("fixed-points", "exponential", "--sigma-w", "2").out
    assert "nan" not in out
    assert "phase         unbounded" in out
