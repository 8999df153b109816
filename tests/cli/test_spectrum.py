"""`meanfield spectrum`."""

import pytest

import meanfield as mf


def test_the_command_is_the_function(meanfield):
    arguments = ("spectrum", "relu", "--sigma-w", "1.4", "--depth", "4", "--json")
    answer = meanfield(*arguments).json
    found = mf.spectrum(mf.mlp("relu", 1.4), 4)
    assert answer["edges"][1]["value"] == pytest.approx(float(found.edges[1]), rel=1e-13)
    assert answer["moments"][1]["value"] == pytest.approx(float(found.moments[1]), rel=1e-13)


def test_orthogonal_weights_are_isometric_where_they_can_be(meanfield, tmp_path):
    figure = tmp_path / "spectrum.png"
    answer = meanfield("spectrum", "tanh", "--depth", "32", "--weights", "orthogonal", "--json", "-o", str(figure)).json
    assert answer["spread"]["value"] == pytest.approx(0.25, rel=1e-6)
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert "mass at 0" in meanfield("spectrum", "relu", "--depth", "4", "--weights", "orthogonal").out
