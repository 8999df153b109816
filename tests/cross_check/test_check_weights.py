import itertools
import json
import warnings

import numpy as np
import pytest
from frozen_draw import assert_transposed
from scipy import special

from meanfield.cross_check.check_weights import check_weights
from meanfield.cross_check.given_network import GivenWeights
from meanfield.errors import InvalidInput
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.block import as_block
from meanfield.weights.loading import read


def drawn(seed, widths=(64, 128, 128, 100, 128, 10), gain=2**0.5):
    rng = np.random.default_rng(seed)
    return [gain * rng.standard_normal((n, m)) / m**0.5 for m, n in itertools.pairwise(widths)]


def named(weights, biases=None):
    arrays = {f"{i}.weight": w for i, w in enumerate(weights)}
    return arrays | {f"{i}.bias": b for i, b in enumerate(biases or [])}


@pytest.mark.parametrize(("activation", "gain"), [("relu", 2**0.5), ("tanh", 1.5), ("gelu", 1.0)])
def test_weights_as_they_were_drawn_pass(activation, gain):
    widths = (32, 64, 64, 50, 64, 10)  # tests/long/rate_of_check_weights.py counts failures
    failed = sum(not check_weights(drawn(seed, widths, gain), activation, rng=seed, networks=32) for seed in range(6))
    assert failed <= 1  # 0.06 expected at the stated rate


def test_scales_are_measured_and_not_judged():
    weights = [w * factor for w, factor in zip(drawn(0), (1.0, 0.1, 3.0, 1.0, 2.0), strict=True)]
    check = check_weights(weights, "relu", rng=0)
    assert check
    np.testing.assert_allclose(check.sigma_w / 2**0.5, [1.0, 0.1, 3.0, 1.0, 2.0], rtol=0.05)
    assert check.rows[1].theory == pytest.approx(check.sigma_w[0] ** 2)


def test_a_structure_that_the_scale_does_not_show_fails():
    with_mean, low_rank = drawn(1), drawn(1)
    with_mean[2] += 0.05  # 0.4 of an entry's standard deviation
    u, s, v = np.linalg.svd(low_rank[3], full_matrices=False)
    low_rank[3] = (u[:, :2] * s[:2]) @ v[:2]
    for weights in (with_mean, low_rank):
        check = check_weights(weights, "relu", rng=0)
        assert not check
        assert check.summary.startswith("failed")


def test_the_gradient_is_that_of_the_given_network():
    weights = drawn(2, (30, 40, 20), 1.2)
    x = np.random.default_rng(0).standard_normal((1, 30))
    check = check_weights(weights, "tanh", inputs=x, rng=0)
    h1 = x @ weights[0].T
    h2 = np.tanh(h1) @ weights[1].T
    q = [row.simulation for row in check.rows if row.quantity == "q"]
    np.testing.assert_allclose(q, [np.mean(x**2), np.mean(h1**2), np.mean(h2**2)], rtol=1e-12)


def test_biases_are_used_and_measured():
    weights = drawn(3, (50, 50, 50), 1.0)
    biases = [np.full(50, 0.5), np.zeros(50)]
    check = check_weights(named(weights, biases), "tanh", rng=0, c=0.0)
    np.testing.assert_allclose(check.sigma_b, [0.5, 0.0])
    c = [1 - row.simulation for row in check.rows if row.quantity == "one_minus_c"]
    assert c[0] == pytest.approx(0.0, abs=1e-12)
    assert c[1] == pytest.approx(0.25 / 1.25, abs=0.15)


@pytest.mark.slow
def test_a_trained_network_is_told_from_a_random_one():
    datasets = pytest.importorskip("sklearn.datasets")
    neural = pytest.importorskip("sklearn.neural_network")
    x, y = datasets.load_digits(return_X_y=True)
    x = x / 16.0
    model = neural.MLPClassifier((64, 64, 64), activation="relu", alpha=0.0, max_iter=30, random_state=0, tol=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        model.fit(x, y)
    trained = {f"{i}.weight": w for i, w in enumerate(model.coefs_)} | {
        f"{i}.bias": b for i, b in enumerate(model.intercepts_)
    }
    assert not check_weights(trained, "relu", inputs=x[:20], layout="keras", rng=0)


def test_files_mappings_and_lists_mean_the_same(tmp_path):
    weights = drawn(4)
    np.savez(tmp_path / "w.npz", **named(weights))
    results = [check_weights(w, "relu", rng=0) for w in (weights, named(weights), tmp_path / "w.npz")]
    transposed = check_weights([w.T for w in weights], "relu", layout="keras", rng=0)
    assert len({str([row.z for row in check.rows]) for check in [*results, transposed]}) == 1
    told = json.loads(json.dumps(results[0].to_dict(), allow_nan=False))
    assert told["passed"] is True
    assert results[1].names == tuple(f"{i}.weight" for i in range(5))
    assert results[0].plot().get_yscale() == "log"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [np.ones((3, 4)), np.ones((3, 4))]}, "takes 4 inputs, 0 has 3 outputs"),
        ({"weights": [np.ones((3, 4, 3))]}, "convolutions"),
        ({"weights": "nowhere.npz"}, "cannot be read"),
        ({"networks": 3}, "networks must be a whole number from 8"),
        ({"alpha": 1.0}, "alpha"),
        ({"inputs": np.ones((2, 5))}, r"\(N, 64\)"),
        ({"layout": "onnx"}, "layout"),
        ({"q": -1.0}, "q must be a second moment"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(change, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        check_weights(**({"weights": drawn(0), "activation": "relu", "rng": 0} | change))
    assert "\n" not in str(caught.value)


def pre_norm(seed, width=48, inside=96, depth=4):
    """The state dict of blocks x + W₂ gelu(W₁ norm(x)), as torch names and orders it."""
    rng = np.random.default_rng(seed)
    state = {}
    for i in range(depth):
        state |= {f"{i}.norm.weight": np.ones(width), f"{i}.norm.bias": np.zeros(width)}
        state |= {f"{i}.fc1.weight": rng.standard_normal((inside, width)) / width**0.5}
        state |= {f"{i}.fc1.bias": 0.1 * rng.standard_normal(inside)}
        state |= {f"{i}.fc2.weight": rng.standard_normal((width, inside)) / inside**0.5}
    return state


BLOCK = "residual(layernorm, dense, gelu, dense)"


def test_blocks_with_norms_skips_and_inner_widths_are_run_as_they_are():
    state = pre_norm(0)
    x = np.random.default_rng(1).standard_normal((2, 48))
    check = check_weights(state, BLOCK, inputs=x, rng=0)
    assert check
    assert check.run == "8 weight matrices in 4 × (residual(layernorm, dense, gelu, dense))"
    for i in range(4):
        normal = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
        inner = normal @ state[f"{i}.fc1.weight"].T + state[f"{i}.fc1.bias"]
        x = x + 0.5 * inner * (1 + special.erf(inner / 2**0.5)) @ state[f"{i}.fc2.weight"].T
    last = next(row for row in check.rows if (row.layer, row.quantity) == (4, "q"))
    assert last.simulation == pytest.approx(np.mean(x**2), rel=1e-12)
    assert last.theory == pytest.approx(last.simulation, rel=0.2)
    assert not check_weights({**state, "2.fc2.weight": 5 * np.abs(state["1.fc2.weight"])}, BLOCK, rng=0)


def test_the_gradient_goes_through_given_blocks():
    """Against differences of the loss that the covector defines: transposes of the given matrices in reverse order."""
    state = {name: value for name, value in pre_norm(3, 12, 24, 2).items() if "bias" not in name}
    tensors = read(state, None).tensors
    blocks = as_block(BLOCK)

    def run(x):
        draw = GivenWeights(np.random.default_rng(0), tensors)
        first, back = forward(blocks, x, draw)
        second, behind = forward(blocks, first, draw)
        return second, lambda gradient: back(behind(gradient))

    assert_transposed(run, np.random.default_rng(4).standard_normal((2, 12)))


def test_an_input_layer_is_found_by_shapes_or_by_what_comes_first():
    rng, state = np.random.default_rng(0), pre_norm(1, depth=2)
    for width, said in ((30, "(dense) and 2 ×"), (48, "(dense) and 2 ×")):
        check = check_weights({"in.weight": rng.standard_normal((48, width))} | state, BLOCK, rng=0, networks=8)
        assert said in check.run
    plain = {"0.weight": np.eye(20), "1.weight": np.ones(20), "2.weight": rng.standard_normal((20, 20))}
    assert check_weights(plain, "layernorm, gelu, dense", rng=0, networks=8).run.endswith(
        "(dense) and (layernorm, gelu, dense)"
    )
    both = {"out.weight": rng.standard_normal((5, 48))}
    with pytest.raises(InvalidInput, match="give a list of all blocks"):
        check_weights({"in.weight": rng.standard_normal((48, 30))} | state | both, BLOCK)
    blocks = ["dense", BLOCK, BLOCK, "dense"]
    assert (
        check_weights({"in.weight": rng.standard_normal((48, 30))} | state | both, blocks, networks=8, rng=0).names[-1]
        == "out.weight"
    )
    with pytest.raises(InvalidInput, match="the network has 4 weight matrices, and 5 are given"):
        check_weights(state | both, [BLOCK, BLOCK])


SQUARES = {f"{i}.weight": w for i, w in enumerate(drawn(5, (20, 20, 20)))}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (pre_norm(0), "'0.norm.weight' is the name of a normalisation"),
        ({"1.weight": np.ones(20)}, "as the gain of a normalisation"),
        ({"LayerNorm_0": {"scale": np.ones(20)}}, "a normalisation"),
        ({"bn1.running_mean": np.zeros(20)}, "a batch normalisation"),
        ({"self_attn.in_proj_weight": np.ones((60, 20))}, "an attention layer"),
        ({"layer.attention.self.query.weight": np.eye(20)}, "an attention layer"),
        ({"weight_hh_l0": np.ones((80, 20))}, "a recurrent layer"),
        ({"wte.weight": np.ones((100, 20))}, "an embedding"),
        ({"0.lora_A.weight": np.ones((4, 20))}, "an adapter"),
        ({"mlp.gate_proj.weight": np.eye(20)}, "a gated unit"),
        ({"shortcut.weight": np.eye(20)}, "a skip connection"),
        ({"2.weight": np.ones((20, 20), dtype=np.int8)}, "quantised"),
        ({"2.weight": np.ones((20, 20, 3, 3))}, "convolutions"),
    ],
)
def test_entries_of_another_network_are_refused_and_a_list_is_run(entries, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        check_weights(SQUARES | entries, "gelu", networks=8)
    assert "\n" not in str(caught.value)
    assert check_weights(list(SQUARES.values()), "gelu", networks=8, rng=0).not_run == {}


@pytest.mark.parametrize(
    "network", ["gated(silu), dense", "attention", "conv(3)", "batchnorm(8), relu, dense", "layernorm"]
)
def test_layers_that_given_weights_cannot_be_run_in_are_refused(network):
    with pytest.raises(InvalidInput, match=r"given weights can be run in Dense layers|has no weights"):
        check_weights(SQUARES, network)


def test_a_norm_with_a_gain_is_refused_and_one_without_is_run():
    state = pre_norm(0)
    for name, value in (("1.norm.weight", np.full(48, 0.5)), ("1.norm.bias", np.full(48, 0.5))):
        with pytest.raises(InvalidInput, match=f"{name} has entries other than"):
            check_weights(state | {name: value}, BLOCK)


def test_what_is_not_run_is_said():
    check = check_weights(SQUARES | {"step": np.array(7), "tau": np.array(0.5)}, "relu", rng=0, networks=8)
    assert set(check.not_run) == {"step", "tau"}
    assert check.summary.endswith("; not run: step, tau")
    moments = {"optimizer": {"state": {0: {"exp_avg": np.ones((20, 20))}}}}
    assert check_weights({"model": SQUARES} | moments, "relu", rng=0, networks=8).not_run == {}


def test_copies_do_not_pass_though_their_signal_does():
    w = drawn(6, (100, 100))[0]
    check = check_weights([w] * 5, "relu", rng=0)
    assert not check
    assert check.largest_z <= check.threshold
    assert check.findings[0] == "1: it is equal to 0"
    assert check.summary.startswith("failed: with 5 weight matrices in a row, weights are copies")
    assert json.loads(json.dumps(check.to_dict()))["findings"] == list(check.findings)


def test_names_that_were_sorted_as_text_are_put_in_order():
    widths = range(12, 24)
    weights = dict(sorted(named(drawn(7, widths)).items()))
    assert list(weights)[:3] == ["0.weight", "1.weight", "10.weight"]
    assert check_weights(weights, "relu", rng=0, networks=8).names[1:3] == ("1.weight", "2.weight")
