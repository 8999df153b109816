import json
import zipfile
from typing import NamedTuple

import numpy as np
import pytest

from meanfield.errors import InvalidInput
from meanfield.weights.measure import measure
from meanfield.weights.measurement import Measurement, Measurements

W = np.random.default_rng(0).standard_normal((20, 30))
B = np.random.default_rng(1).standard_normal(20)


class Tensor:
    """Behaves as a torch tensor that is on a device, in a graph, in half precision."""

    def __init__(self, array, dtype="torch.bfloat16", detached=False, host=False):
        self.array, self.dtype, self.detached, self.host = array, dtype, detached, host
        self.shape = array.shape

    def detach(self):
        return Tensor(self.array, self.dtype, True, self.host)

    def cpu(self):
        assert self.detached
        return Tensor(self.array, self.dtype, True, True)

    def float(self):
        return Tensor(self.array.astype(np.float32), "torch.float32", self.detached, self.host)

    def __array__(self, dtype=None, copy=None):
        if not (self.detached and self.host) or self.dtype == "torch.bfloat16":
            raise TypeError("can't convert")
        return self.array


STATE = {
    "0.weight": W,
    "0.bias": B,
    "1.weight": np.ones(20),
    "1.bias": np.zeros(20),
    "1.running_mean": np.zeros(20),
    "1.num_batches_tracked": np.array(7),
    "2.weight": np.random.default_rng(2).standard_normal((5, 20, 3)),
    "quantised": np.ones((3, 3), dtype=np.int8),
    "temperature": np.array(0.5),
}


def test_a_state_dict_gives_weights_with_their_biases_and_says_what_it_skipped():
    found = measure(STATE)
    assert isinstance(found, Measurements)
    assert found.names == ("0.weight", "2.weight")
    assert found["0.weight"].sigma_b.value == pytest.approx(np.sqrt(np.mean(B**2)))
    assert found["2.weight"].sigma_b is None
    assert found[1].fan_in == 60
    assert set(found.skipped) == set(STATE) - {"0.weight", "0.bias", "2.weight"}
    assert found.skipped["1.num_batches_tracked"] == "a counter"
    assert found.skipped["1.weight"] == "one-dimensional, and not the bias of a weight"
    assert found.skipped["quantised"] == "integers (int8)"
    assert all(name in repr(found) for name in STATE if name != "0.bias")
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["weights"][0]["sigma_b"]["value"] > 0
    with pytest.raises(KeyError):
        found["1.weight"]


def test_tensors_leave_their_graph_their_device_and_half_precision():
    found = measure({"fc.weight": Tensor(W), "fc.bias": Tensor(B)})[0]
    assert found.sigma_w.value == pytest.approx(measure(W).sigma_w.value, rel=1e-6)
    assert found.sigma_b is not None
    assert isinstance(measure(Tensor(W)), Measurement)


def test_an_object_with_a_state_dict_is_one():
    class Model:
        def state_dict(self):
            return STATE

    assert measure(Model()).names == measure(STATE).names


class Variable:
    """As in Keras 3."""

    def __init__(self, path, array):
        self.path, self.name, self.array, self.shape = path, path.rpartition("/")[2], array, array.shape

    def __array__(self, dtype=None, copy=None):
        return self.array


class Keras:
    weights = (Variable("dense/kernel", W.T), Variable("dense/bias", B), Variable("dense_1/kernel", W))

    def get_weights(self):
        return [variable.array for variable in self.weights]


def test_models_of_keras_and_parameters_with_and_without_names_are_read():
    found = measure(Keras())
    assert found.names == ("dense/kernel", "dense_1/kernel")
    assert [one.fan_in for one in found] == [30, 20]
    assert [one.fan_in for one in measure(Keras().get_weights())] == [30, 20]
    named = {"0.weight": W, "0.bias": B}
    assert measure(iter(named.items())).names == measure(list(named.items())).names == ("0.weight",)
    assert measure(iter(named.values()))[0].sigma_b is not None


@pytest.mark.parametrize(
    ("names", "layout"),
    [(("W1", "b1"), "torch"), (("w", "b"), "torch"), (("layers.0/kernel", "layers.0/bias"), "keras"),
     (("rnn.weight_ih_l0", "rnn.bias_ih_l0"), "torch")],
)  # fmt: skip
def test_biases_go_with_the_weight_of_their_name(names, layout):
    weight = W if layout == "torch" else W.T
    assert measure(dict(zip(names, (weight, B), strict=True)), layout=layout)[0].sigma_b is not None
    assert measure(dict(zip(names, (weight, B[:-1]), strict=True)), layout=layout)[0].sigma_b is None


def test_a_list_of_parameters_has_each_bias_after_its_weight():
    found = measure([W, B, W.T, np.zeros(30), np.ones(30)])
    assert found.names == ("0", "2")
    assert found[1].sigma_b.value == 0.0
    assert set(found.skipped) == {"4"}


def test_nested_mappings_are_flattened():
    assert measure({"params": {"Dense_0": {"kernel": W.T, "bias": B}}}, layout="keras").names == (
        "params/Dense_0/kernel",
    )


def test_a_list_of_numbers_is_one_weight():
    assert measure(W.tolist()).shape == (20, 30)
    assert isinstance(measure([W]), Measurements)


def test_files_are_read_without_unpickling(tmp_path):
    np.save(tmp_path / "w.npy", W)
    np.savez_compressed(tmp_path / "w.npz", **{"a.weight": W, "a.bias": B})
    assert measure(tmp_path / "w.npy").sigma_w == measure(W).sigma_w
    assert measure(str(tmp_path / "w.npz"))["a.weight"].sigma_b is not None


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


@pytest.mark.parametrize(
    "kind", ["pickled", "object", "truncated", "header", "zip", "text", "empty", "missing", "folder"]
)
def test_bad_files_are_one_sentence(tmp_path, kind):
    import pickle

    path = tmp_path / "bad.npz"
    np.savez(tmp_path / "good.npz", a=W)
    good = (tmp_path / "good.npz").read_bytes()
    np.save(tmp_path / "good.npy", W)
    plain = (tmp_path / "good.npy").read_bytes()
    if kind == "object":
        np.savez(path, a=np.array([Trap()], dtype=object))
    elif kind == "folder":
        path.mkdir()
    elif kind != "missing":
        contents = {
            "pickled": pickle.dumps([1, 2]), "truncated": plain[:-100], "header": plain[:40], "zip": good[:500],
            "text": b"weights\n1 2 3\n", "empty": b"",
        }  # fmt: skip
        path.write_bytes(contents[kind])
    with pytest.raises(InvalidInput) as raised:
        measure(path)
    assert "bad.npz" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (np.zeros(3), "weights must be a real array"),
        (np.zeros((0, 3)), "shape"),
        (np.full((3, 3), np.nan), "9 entries that are NaN or infinite"),
        (np.eye(3) + 0j, "complex"),
        (np.full((3, 3), 1e200), r"1e\+150, not 1e\+200"),
        (np.full((3, 3), 5e-324), "1e-150 to"),
        (np.ma.masked_array(np.ones((3, 3)), mask=np.eye(3)), "masked"),
        (np.array([["a", "b"]]), "real"),
        ([[1.0, 2.0], [3.0]], "array"),
        ({"a": np.array([[1.0, np.inf]])}, "a has 1 entries"),
        ({"a.weight": W, "a.bias": np.full(20, np.nan)}, "the bias of a.weight"),
        ({}, "no weight"),
        ([], "weights must be a real array"),
        ({"a": np.zeros(3)}, "no weight"),
        (None, "real array"),
        (3.0, "real array"),
        ({"a": object()}, "no weight"),
    ],
)
def test_what_is_no_weight_is_refused_by_name(weights, says):
    with pytest.raises(InvalidInput, match=says) as raised:
        measure(weights)
    assert "\n" not in str(raised.value)


K, BIAS = np.random.default_rng(5).standard_normal((30, 20)), np.zeros(20)  # (fan_in, fan_out)


@pytest.mark.parametrize(
    "weights",
    [
        {"params": {"Dense_0": {"kernel": K, "bias": BIAS}}},
        {"dense/kernel:0": K},
        {"mlp/~/linear_0": {"w": K}},
        {"h.0.mlp.c_fc.weight": K, "h.0.mlp.c_fc.bias": BIAS},
        {"hidden.weight": K, "hidden.bias": BIAS},
        [K, BIAS],
        [(K, BIAS), (np.eye(20), BIAS)],
        {"attention": {"query": {"kernel": K.reshape(30, 4, 5), "bias": BIAS.reshape(4, 5)}}},
        {"attention": {"out": {"kernel": K.reshape(5, 6, 20), "bias": BIAS}}},
    ],
    ids=["flax", "keras", "haiku", "gpt-2", "bias", "list", "stax", "to heads", "from heads"],
)
def test_names_and_biases_tell_which_axis_is_fan_in(weights):
    found = measure(weights)
    assert {(one.fan_in, one.fan_out) for one in found} <= {(30, 20), (20, 20)}
    assert found[0].sigma_w.value == pytest.approx(np.sqrt(30 * np.mean(K**2)))
    assert found.skipped == {}
    assert measure(weights, layout="torch")[0].fan_in in (20, 120, 5, 4)  # what is asked for is done


def test_matrices_without_names_that_only_fit_transposed_are_asked_about():
    chain = [np.eye(30, 20), np.eye(20, 10)]
    for weights in (chain, {f"arr_{i}": w for i, w in enumerate(chain)}):
        with pytest.raises(InvalidInput, match="say layout='keras'"):
            measure(weights)
        assert [one.fan_in for one in measure(weights, layout="keras")] == [30, 20]
    assert [one.fan_in for one in measure([w.T for w in chain])] == [30, 20]
    assert [one.fan_in for one in measure([chain[0], chain[0]])] == [20, 20]  # no consecutive layers


class Adam(NamedTuple):
    count: int
    mu: dict
    nu: dict


def test_the_state_of_an_optimizer_is_no_weight():
    torch = {
        "model": {"0.weight": W, "0.bias": B},
        "optimizer": {"state": {0: {"step": 3.0, "exp_avg": W}}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999)}]},
        "epoch": 3,
        "args": object(),
        "rng": np.zeros(50, dtype=np.uint8),
    }
    optax = {"params": {"d": {"kernel": W.T}}, "opt_state": (Adam(3, {"d": {"kernel": W}}, {"d": {"kernel": W}}), ())}
    keras = {"dense/kernel": W.T, "adam/dense_kernel_momentum": W, "dense_kernel_velocity": W}
    for checkpoint, name in ((torch, "model/0.weight"), (optax, "params/d/kernel"), (keras, "dense/kernel")):
        found = measure(checkpoint)
        assert found.names == (name,)
        assert "state of the optimizer" in found.skipped.values()
    assert measure({"W_v": W, "attention.v": 2 + W}).names == ("W_v", "attention.v")


def test_an_unknown_layout_is_refused():
    with pytest.raises(InvalidInput, match="layout"):
        measure(W, layout="jax")


def zipped(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"0" * 64)


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        (
            "mlp.pt",
            ("mlp/data.pkl", "mlp/data/0"),
            r"is a PyTorch file, .* give torch.load\('.*mlp.pt', weights_only=True\)",
        ),
        ("mlp.bin", ("mlp/data.pkl",), "is a PyTorch file"),
        ("model.keras", ("config.json", "model.weights.h5"), "keras.models.load_model"),
        ("model.safetensors", b"\x10" + b"\0" * 7 + b'{"a": 1}' + b" " * 20, "give safetensors.numpy.load_file"),
        ("other", b"\x10" + b"\0" * 7 + b'{"a": 1}' + b" " * 20, "is a safetensors file"),
        ("old.pth", b"\x80\x02", "is a PyTorch file"),
        ("w.h5", b"\x89HDF\r\n\x1a\n", "is a Keras or HDF5 file"),
        ("w.pkl", b"\x80\x04", "is a pickle, which may run code, .*: write the arrays with numpy.savez"),
        ("w.txt", b"0.1 0.2\n0.3 0.4\n", r"is a text file, .* give numpy.loadtxt\('.*w.txt'\)"),
        ("w.npy", b"0.1,0.2\n0.3,0.4\n", r"is a text file, .* give numpy.loadtxt\('.*w.npy', delimiter=','\)"),
    ],
)
def test_files_of_other_kinds_are_named_with_the_call_that_reads_them(tmp_path, name, written, meant):
    path = tmp_path / name
    if isinstance(written, bytes):
        path.write_bytes(written)
    else:
        zipped(path, *written)
    with pytest.raises(InvalidInput, match=meant) as raised:
        measure(path)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        measure(tmp_path / "mlp.pt")
