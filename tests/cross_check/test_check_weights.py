import itertools
import json
import warnings

import numpy as np
import pytest

from meanfield.cross_check.check_weights import check_weights
from meanfield.errors import InvalidInput


def drawn(seed, widths=(64, 128, 128, 100, 128, 10), gain=2**0.5):
    rng = np.random.default_rng(seed)
    return [gain * rng.standard_normal((n, m)) / m**0.5 for m, n in itertools.pairwise(widths)]


def named(weights, biases=None):
    arrays = {f"{i}.weight": w for i, w in enumerate(weights)}
    return arrays | {f"{i}.bias": b for i, b in enumerate(biases or [])}


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "gain"), [("relu", 2**0.5), ("tanh", 1.5), ("gelu", 1.0)])
def test_weights_as_they_were_drawn_pass(activation, gain):
    widths = (32, 64, 64, 50, 64, 10)
    failed = sum(not check_weights(drawn(seed, widths, gain), activation, rng=seed) for seed in range(20))
    assert failed <= 2  # 0.2 expected at the stated rate


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
        ({"q": -1.0}, "q is"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(change, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        check_weights(**({"weights": drawn(0), "activation": "relu", "rng": 0} | change))
    assert "\n" not in str(caught.value)
