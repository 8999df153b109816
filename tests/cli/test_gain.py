import pytest


def test_every_definition_is_shown_with_its_error(meanfield):
    out = meanfield("gain", "relu").out
    for digits in ("forward    1.4142135623", "centered   1.7128585504", "backward   1.4142135623", " ± "):
        assert digits in out


def test_json_has_the_values_and_errors(meanfield):
    gains = meanfield("gain", "relu", "--q", "3", "--json").json["gains"]
    assert gains["forward"]["value"] == pytest.approx((2 / 3) ** 0.5, rel=1e-13)
    assert gains["backward"]["value"] == pytest.approx(2**0.5, rel=1e-13)
    assert 0 < gains["forward"]["error"] < 1e-12


def test_one_kind_can_be_asked_for(meanfield):
    assert list(meanfield("gain", "gelu", "--kind", "centered", "--json").json["gains"]) == ["centered"]


def test_a_gain_that_does_not_exist_is_null_with_a_reason(meanfield):
    backward = meanfield("gain", "sign", "--json").json["gains"]["backward"]
    assert backward["value"] is None
    assert "jumps" in backward["reason"]
    assert "jumps" in meanfield("gain", "sign").out


def test_parameters_reach_the_activation(meanfield):
    answer = meanfield("gain", "leaky_relu:negative_slope=0.2", "--json").json
    assert answer["parameters"] == {"negative_slope": 0.2}
    assert answer["gains"]["forward"]["value"] == pytest.approx((2 / 1.04) ** 0.5, rel=1e-13)


def test_formulas_and_functions_agree_with_the_catalogue(meanfield):
    values = [
        meanfield("gain", text, "--kind", "forward", "--json").json["gains"]["forward"]["value"]
        for text in ("tanh", "(exp(x) - exp(-x))/(exp(x) + exp(-x))", "math:tanh", "numpy:tanh")
    ]
    assert values == pytest.approx([1.5925374197228312] * 4, rel=1e-11)
