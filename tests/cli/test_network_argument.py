"""Networks where a command took an activation: the library's numbers, under the network's text."""

import math

import pytest

import meanfield as mf
from meanfield.cli.network_argument import parse_block, parse_spec
from meanfield.networks.text.text import network

TEXT = "residual(layernorm, gelu, dense(1.4), scale=0.2)"
BLOCK = mf.Residual(mf.LayerNorm(), "gelu", mf.Dense(1.4), branch_scale=0.2)


@pytest.mark.parametrize("text", ["gelu", "x*tanh(x)", "leaky_relu:negative_slope=0.2", "math:tanh", "Leaky-ReLU(0.2)"])
def test_what_has_no_layer_is_an_activation(text):
    subject = parse_spec(text)
    assert isinstance(subject.spec, mf.Activation)
    assert subject.keys == {"activation": subject.name, "parameters": dict(subject.spec.parameters)}


def test_an_activation_with_numbers_is_the_one_with_these_parameters():
    assert parse_spec("leaky_relu(0.2)").spec is parse_spec("leaky_relu", ["negative_slope=0.2"]).spec


def test_a_network_is_named_by_its_text_however_it_was_typed():
    subject = parse_spec("Residual( LayerNorm , gelu, dense(1.4), branch_scale=1/5)")
    assert subject.name == TEXT
    assert subject.keys == {"network": TEXT}


def test_sigmas_set_every_weighted_layer_or_stay_as_they_are():
    text = "residual(tanh, dense(1.5, 0.1)), relu, dense(2, 0.3)"
    assert parse_block(text, None, None, None).name == "residual(tanh, dense(1.5, 0.1)), relu, dense(2.0, 0.3)"
    assert parse_block(text, None, 3.0, None).name == "residual(tanh, dense(3.0, 0.1)), relu, dense(3.0, 0.3)"
    assert parse_block(text, None, None, 0.0).name == "residual(tanh, dense(1.5)), relu, dense(2.0)"
    assert parse_block(text, None, 3.0, 0.2).keys["sigma_b"] == 0.2


def test_propagate_is_that_of_the_library(meanfield):
    answer = meanfield("propagate", TEXT, "--depth", "100", "--json").json
    run = mf.propagate(BLOCK, 100, c=0.5)
    assert (answer["network"], answer["sigma_w"], answer["depth"]) == (TEXT, None, 100)
    for name in ("q", "c", "gradient"):
        assert answer[name] == pytest.approx(getattr(run, name).tolist(), rel=1e-13)
    assert meanfield("propagate", TEXT, "--depth", "100").out.startswith(f"{TEXT}\n")


def test_propagate_takes_sigmas_for_the_layers(meanfield):
    answer = meanfield("propagate", "relu, dense", "--sigma-w", str(math.sqrt(2)), "--json").json
    assert answer["network"] == f"relu, dense({math.sqrt(2)})"
    assert answer["q"] == pytest.approx([1.0] * 21, rel=1e-12)
    bare = meanfield("propagate", "relu", "--sigma-w", str(math.sqrt(2)), "--json").json
    assert answer["gradient"] == bare["gradient"]


def test_fixed_points_are_those_of_the_library(meanfield):
    text = "relu, dropout(0.1), dense(1.3, 0.2)"
    answer = meanfield("fixed-points", text, "--json").json
    (point,) = answer["fixed_points"]
    assert point["q"] == pytest.approx(0.04 / (1 - 1.69 / 1.8), rel=1e-12)
    assert answer["analysis"]["c_star"] == pytest.approx(float(mf.analyze(network(text)).c_star), rel=1e-12)
    assert meanfield("fixed-points", text).out.startswith(f"{text}\n")


def test_critical_is_the_line_of_a_network_without_a_point(meanfield, tmp_path):
    # Doshi, He & Gromov 2021: with LayerNorm, only the ratio of sigma_w and sigma_b matters
    answer = meanfield("critical", "layernorm, erf, dense", "--sigma-b", "0.32380701094355827", "--json").json
    assert answer["network"] == "layernorm, erf, dense(1.0)"
    assert answer["point"] is None
    (row,) = answer["line"]
    assert row["sigma_w"] == pytest.approx(1.0, rel=1e-10)
    path = tmp_path / "line.svg"
    assert meanfield("critical", "layernorm, erf, dense", "--sigma-b", "0:1:3", "-o", str(path)).status == 0
    assert "layernorm, erf, dense(1.0)" in path.read_text()


GRID = ("--sigma-w", "0.5:2:4", "--sigma-b", "0.2,0.5")


def test_phase_sweeps_all_weighted_layers(meanfield, tmp_path):
    text = "residual(tanh, dense(9, 9), scale=0.5, skip=0.8)"
    answer = meanfield("phase", text, *GRID, "--json").json
    block = mf.Network(mf.Residual("tanh", mf.Dense(), branch_scale=0.5, skip_scale=0.8))
    assert answer["phase"] == mf.phase_diagram(block, [0.5, 1.0, 1.5, 2.0], [0.2, 0.5]).phase.tolist()
    assert answer["network"] == "residual(tanh, dense(9.0, 9.0), scale=0.5, skip=0.8)"
    assert meanfield("phase", text, *GRID).out.startswith(answer["network"])
    assert meanfield("phase", text, *GRID, "-o", str(tmp_path / "a.npz")).status == 0
    assert mf.PhaseDiagram.load(tmp_path / "a.npz").label == answer["network"]


def test_phase_draws_a_network_that_has_no_critical_line(meanfield, tmp_path):
    path = tmp_path / "phase.png"
    assert meanfield("phase", "batchnorm(8), relu, dense", *GRID, "-o", str(path)).status == 0
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("text", [TEXT, "relu, dropout(0.1), dense(1.41, 0.1)", "relu, conv(1.4, kernel_size=3)"])
def test_check_simulates_the_network(meanfield, text):
    result = meanfield("check", text, "--depth", "4", "--width", "64")
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[0] == parse_spec(text).name
    assert result.out.splitlines()[-1].startswith("passed: 32 networks of 4 blocks")


def test_a_scheme_that_depends_on_the_activation_takes_the_one_that_the_network_has(meanfield):
    words = ("check", "leaky_relu(0.3), dense, leaky_relu(0.3), dense", "--init", "critical", "--depth", "3")
    result = meanfield(*words, "--width", "64", "--sigma-w", repr((2 / 1.09) ** 0.5))
    assert (result.status, result.err) == (0, "")


def test_check_fails_where_weights_are_not_what_the_network_says(meanfield):
    words = ("check", "relu, dense(2)", "--depth", "4", "--width", "64", "--json")
    assert meanfield(*words, "--init", "he_normal").status == 1
    passed = meanfield(*words, "--init", "he_normal", "--sigma-w", str(math.sqrt(2)))
    assert passed.status == 0
    assert passed.json["network"] == f"relu, dense({math.sqrt(2)})"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("gain", "relu, dense"), "'relu, dense' is a network, but this command takes one activation"),
        (("propagate", "rmsnorm", "--sigma-b", "1"), "no weights for sigma_w and sigma_b"),
        (("phase", "rmsnorm"), "no weights for sigma_w and sigma_b"),
        (("propagate", "relu, dense((1, 2))"), "takes one network"),
        (("propagate", "relu, dense", "--param", "a=1"), "--param is for an activation"),
        (("propagate", "relu, dens(1.4), dropout(0.1)"), "the nearest name is dense"),
        (("check", "relu, dense, tanh, dense", "--init", "critical"), "critical is for one activation"),
    ],
)
def test_where_a_network_does_not_fit_that_is_said(meanfield, words, message):
    result = meanfield(*words)
    assert (result.status, result.out) == (2, "")
    assert message in result.err
