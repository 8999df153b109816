import sys

import numpy as np
import pytest

SMALL = ("check", "tanh", "--sigma-w", "1.5", "--sigma-b", "0.1", "--depth", "6", "--width", "128")


@pytest.fixture
def samplers(tmp_path, monkeypatch):
    """The user's module `samplers` in the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "samplers", raising=False)
    (tmp_path / "samplers.py").write_text(
        "def right(rng, fan_out, fan_in):\n    return 1.5 * rng.standard_normal((fan_out, fan_in)) / fan_in**0.5\n"
        "def wrong(rng, fan_out, fan_in):\n    return 1.7 * rng.standard_normal((fan_out, fan_in)) / fan_in**0.5\n"
    )


@pytest.mark.parametrize("options", [(), ("--weights", "uniform"), ("--method", "exact_law"), ("--dtype", "float32")])
def test_what_agrees_passes_with_status_0(meanfield, options):
    result = meanfield(*SMALL, *options)
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[-1].startswith("passed")


def test_a_sampler_of_the_users_is_judged_at_its_own_scale(meanfield, samplers):
    assert meanfield(*SMALL, "--init", "samplers:right").status == 0
    failed = meanfield(*SMALL, "--init", "samplers:wrong")
    assert failed.status == 1
    assert failed.out.splitlines()[-1].startswith("failed")


def test_a_failure_is_in_the_json_too(meanfield, samplers):
    result = meanfield(*SMALL, "--init", "samplers:wrong", "--json")
    assert result.status == 1
    assert result.json["passed"] is False
    assert result.json["weights"] == "samplers:wrong"
    signals, weights = {"q", "one_minus_c", "gradient"}, {"sigma_w", "mean", "correlation", "tail"}
    assert {row["quantity"] for row in result.json["rows"]} == signals | weights
    assert result.json["cause"]["quantity"] == "sigma_w"
    assert result.json["cause"]["everywhere"] is True
    assert result.json["sigma_w_factor"] == pytest.approx(1.7 / 1.5, rel=0.05)


def test_the_seed_decides(meanfield):
    first, again, other = (meanfield(*SMALL, "--seed", seed).out for seed in ("1", "1", "2"))
    assert first == again != other


def test_it_is_drawn(meanfield, tmp_path):
    path = tmp_path / "check.png"
    assert meanfield(*SMALL, "-o", str(path)).status == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_default_is_what_is_recommended(meanfield):
    result = meanfield("check", "relu", "--depth", "5", "--width", "64")
    assert result.status == 0
    assert "(recommended)" in result.out


def test_the_activation_may_be_an_option_but_must_be_there_once(meanfield):
    option = meanfield("check", "--activation", "tanh", *SMALL[2:])
    assert option.out == meanfield(*SMALL).out
    for arguments in (("check",), ("check", "tanh", "--activation", "tanh")):
        refused = meanfield(*arguments)
        assert refused.status == 2
        assert "one activation" in refused.err


def test_a_named_scheme_is_judged_against_what_is_recommended(meanfield):
    assert meanfield("check", "relu", "--init", "he_uniform", "--depth", "6", "--width", "128").status == 0
    failed = meanfield("check", "relu", "--init", "torch_default", "--depth", "6", "--width", "128", "--json")
    assert failed.status == 1
    assert failed.json["cause"]["quantity"] == "sigma_w"
    unknown = meanfield("check", "relu", "--init", "he_norml")
    assert unknown.status == 2
    assert "he_normal" in unknown.err


def test_a_file_of_weights_is_run(meanfield, tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "net.npz"
    weights = [rng.standard_normal((n, m)) * (2 / m) ** 0.5 for m, n in ((50, 100), (100, 100), (100, 80))]
    np.savez(path, *weights)
    passed = meanfield("check", "--weights", str(path), "--activation", "relu", "-o", str(tmp_path / "net.pdf"))
    assert (passed.status, passed.err) == (0, "")
    assert sum("he_normal" in line for line in passed.out.splitlines()) == 3
    assert (tmp_path / "net.pdf").stat().st_size > 0
    weights[1] += 0.05
    np.savez(path, *weights)
    failed = meanfield("check", "relu", "--weights", str(path), "--json")
    assert failed.status == 1
    assert failed.json["passed"] is False
    assert len(failed.json["sigma_w"]) == 3
    assert [bool(weight["findings"]) for weight in failed.json["measured"]["weights"]] == [False, True, False]
    block = meanfield("check", "layernorm, relu, dense", "--weights", str(path), "--networks", "8", "--json")
    assert block.json["network"] == "layernorm, relu, dense(1.0)"
    assert block.json["run"] == "3 weight matrices in (dense) and 2 × (layernorm, relu, dense)"
    refused = meanfield("check", "relu", "--weights", str(tmp_path / "none.npz"))
    assert refused.status == 2
    assert refused.err.count("\n") == 1
