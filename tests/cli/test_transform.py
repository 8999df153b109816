import pytest

import meanfield as mf


def test_the_numbers_the_conditions_and_the_code_are_shown(meanfield):
    out = meanfield("transform", "gelu", "--method", "tat", "--depth", "50").out
    for text in ("0.0817401205106", "0.006000000", "class Shaped(torch.nn.Module)"):
        assert text in out
    assert "jnp" in meanfield("transform", "gelu", "--framework", "jax").out


def test_json_has_everything(meanfield):
    answer = meanfield("transform", "relu", "--method", "tat", "--depth", "50", "--json").json
    assert answer["negative_slope"] == pytest.approx(0.43052294850240269, rel=1e-14)
    assert answer["conditions"]["Q(1)"]["value"] == pytest.approx(1.0, abs=1e-13)
    assert len(answer["branches"]) == 1
    assert answer["local_curvature"] is None


def test_a_block_and_a_figure(meanfield, tmp_path):
    text, path = "residual(tanh, dense, skip_scale=0.8, scale=0.6)", tmp_path / "shape.png"
    answer = meanfield("transform", "tanh", "--block", text, "--depth", "9", "-o", str(path), "--json").json
    expected = mf.transform("tanh", depth=9, block=mf.network(text))
    assert answer["input_scale"] == expected.input_scale
    assert path.read_bytes().startswith(b"\x89PNG")
