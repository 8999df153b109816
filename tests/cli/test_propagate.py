import math

import pytest

HE = ("propagate", "relu", "--sigma-w", repr(math.sqrt(2)), "--c", "0")


def test_every_layer_is_in_the_json(meanfield):
    answer = meanfield(*HE, "--depth", "100", "--json").json
    assert answer["c"][:3] == pytest.approx([0.0, 1 / math.pi, 0.4937310902003716], abs=1e-12)
    assert len(answer["q"]) == len(answer["gradient"]) == 101
    assert answer["one_minus_c"][100] * 100**2 == pytest.approx(35.77, abs=0.01)


def test_the_table_is_thinned_but_ends_at_the_last_layer(meanfield):
    lines = meanfield(*HE, "--depth", "100").out.splitlines()
    assert len(lines) < 26
    assert lines[-2].split()[0] == "100"
    assert "0.31831" in "".join(lines)


def test_it_is_drawn(meanfield, tmp_path):
    path = tmp_path / "run.pdf"
    result = meanfield(*HE, "-o", str(path), "--json")
    assert result.json["depth"] == 20
    assert path.read_bytes().startswith(b"%PDF")


def test_borders_are_followed_pixel_by_pixel_and_shown_as_means(meanfield):
    answer = meanfield(
        "propagate", "relu, conv(1.4142135623730951, padding=zeros)", "--depth", "2", "--pixels", "4", "--json"
    ).json
    assert answer["q"] == pytest.approx([1.0, (2 * 2 / 3 + 2 * 1) / 4, (2 * 5 / 9 + 2 * 8 / 9) / 4], rel=1e-12)
    assert answer["chi"][2] is None
    refused = meanfield("propagate", "relu, conv", "--pixels", "4,a")
    assert refused.status == 2
    assert "--pixels takes one integer for each axis" in refused.err
