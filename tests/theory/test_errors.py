"""Every bad argument is refused in one sentence: no traceback from the depths, no NaN, no warning."""

import numpy as np
import pytest

import meanfield as mf

NUMBERS = {
    "text": "abc",
    "none": None,
    "nan": np.nan,
    "negative": -1.0,
    "inf": np.inf,
    "empty": [],
    "ragged": [[1.0], [2.0, 3.0]],
    "complex": 1j,
    "complex array": np.array([1j]),
    "dict": {},
    "object": object(),
    "function": np.tanh,
    "none in list": [None],
    "nan in array": np.array([1.0, np.nan]),
    "beyond float": 10**400,
    "text array": np.array(["a"]),
    "date": np.datetime64("2020"),
    "text number": "1.0",
}
WHOLE = {
    "text": "3",
    "none": None,
    "zero": 0,
    "negative": -1,
    "float": 2.0,
    "nan": np.nan,
    "bool": True,
    "list": [3],
    "array": np.array([3]),
}
SPECS = {
    "unknown": "geluu",
    "empty": "",
    "none": None,
    "number": 3.0,
    "list": ["tanh"],
    "raising": lambda x: 1 / 0,
    "class": dict,
    "nan": lambda x: x * np.nan,
    "shape": lambda x: x[:1],
    "complex": lambda x: x + 1j,
    "text": lambda x: "a",
    "python": "__import__('os').system('x')",
    "infinite": lambda x: np.where(x == 0, np.inf, x),
}


def optional(values, *names):
    return {key: value for key, value in values.items() if key not in names}


def refused(call):
    with pytest.raises(mf.MeanFieldError) as caught:  # and no warning, which would be an error of another kind
        call()
    message = str(caught.value)
    assert message
    assert "\n" not in message
    assert len(message) < 400
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", NUMBERS.values(), ids=NUMBERS)
class TestNumbers:
    def test_sigma_w(self, value):
        refused(lambda: mf.mlp("tanh", value, 0.1))

    def test_sigma_b(self, value):
        refused(lambda: mf.Dense(1.0, value))

    def test_at(self, value):
        if value is not None:
            refused(lambda: mf.mlp("tanh").at(sigma_w=value))

    def test_variance_map(self, value):
        refused(lambda: mf.variance_map("tanh", value))

    def test_correlation_map(self, value):
        if not (isinstance(value, float) and value == -1):
            refused(lambda: mf.correlation_map("tanh", value, q=1.0))

    def test_correlation_map_q(self, value):
        if value is not None:
            refused(lambda: mf.correlation_map("tanh", 0.5, q=value))

    def test_q_max(self, value):
        refused(lambda: mf.fixed_points(mf.mlp("tanh", 2.0), q_max=value))

    def test_propagate_q(self, value):
        refused(lambda: mf.propagate("tanh", 1, q=value))

    def test_propagate_c(self, value):
        if value is not None and not (isinstance(value, float) and value == -1):
            refused(lambda: mf.propagate("tanh", 1, c=value))

    def test_propagate_q2(self, value):
        if value is not None:
            refused(lambda: mf.propagate("tanh", 1, c=0.5, q2=value))

    def test_kernel(self, value):
        refused(lambda: mf.kernel("tanh", value, 1))

    def test_critical_line(self, value):
        refused(lambda: mf.critical_line("tanh", value))

    def test_phase_diagram(self, value):
        refused(lambda: mf.phase_diagram("erf", value, [0.1]))
        refused(lambda: mf.phase_diagram("erf", [0.1], value))

    def test_gain(self, value):
        refused(lambda: mf.gain("tanh", q=value))
        refused(lambda: mf.gains("tanh", value))


@pytest.mark.parametrize("value", WHOLE.values(), ids=WHOLE)
def test_whole_numbers(value):
    refused(lambda: mf.propagate("tanh", value))
    refused(lambda: mf.kernel("tanh", np.eye(2), value))
    refused(lambda: mf.recommend("tanh", depth=value))
    refused(lambda: mf.recommend("tanh", width=value))


@pytest.mark.parametrize("depth", [10**10, 10**18, 10**400], ids=["1e10", "1e18", "1e400"])
def test_depths_beyond_memory(depth):
    refused(lambda: mf.propagate("erf", depth, q=np.ones((100, 100))))
    refused(lambda: mf.recommend("erf", depth=depth * 1000))


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize(
    "use",
    [
        mf.analyze,
        mf.critical_point,
        mf.recommend,
        mf.gain,
        mf.gains,
        mf.calculate_gain,
        mf.fixed_points,
        mf.Network,
        lambda spec: mf.critical_line(spec, 0.1),
        lambda spec: mf.phase_diagram(spec, [1.0], [0.1]),
        lambda spec: mf.variance_map(spec, 1.0),
        lambda spec: mf.propagate(spec, 2),
        lambda spec: mf.kernel(spec, np.eye(2), 2),
    ],
    ids=[
        "analyze",
        "critical_point",
        "recommend",
        "gain",
        "gains",
        "calculate_gain",
        "fixed_points",
        "Network",
        "critical_line",
        "phase_diagram",
        "variance_map",
        "propagate",
        "kernel",
    ],
)
def test_activations(use, spec):
    refused(lambda: use(spec))


@pytest.mark.parametrize("kind", ["he", "", None, 3, ["forward"], np.array(["forward", "backward"]), np.array([])])
def test_kinds(kind):
    refused(lambda: mf.gain("tanh", kind=kind))


@pytest.mark.parametrize("workers", [0, -2, 1.5, "2", None, True, np.nan])
def test_workers(workers):
    refused(lambda: mf.phase_diagram("erf", [1.0], [0.1], workers=workers))


@pytest.mark.parametrize("c", [1 + 1e-9, -1.1, 2, [0.5, 1.5]])
def test_correlations(c):
    refused(lambda: mf.propagate("tanh", 1, c=c))
    refused(lambda: mf.correlation_map("tanh", c, q=1.0))


def test_shapes_that_do_not_broadcast():
    block = mf.mlp("tanh", [1.0, 2.0], 0.1)
    refused(lambda: mf.mlp("tanh", [1.0, 2.0], [0.1, 0.2, 0.3]))
    refused(lambda: mf.variance_map(block, [1.0, 2.0, 3.0]))
    refused(lambda: mf.correlation_map(block, [0.1, 0.2, 0.3], q=1.0))
    refused(lambda: mf.propagate(block, 2, q=[1.0, 2.0, 3.0]))
    refused(lambda: mf.propagate("tanh", 2, q=[1.0, 2.0], c=[0.1, 0.2, 0.3]))
    refused(lambda: mf.phase_diagram("erf", [[1.0]], [0.1]))


def test_arrays_where_one_network_is_meant():
    block = mf.mlp("tanh", [1.0, 2.0], 0.1)
    refused(lambda: mf.fixed_points(block))
    refused(lambda: mf.kernel(block, np.eye(2), 1))


def test_variances_of_zero_where_they_have_no_direction():
    refused(lambda: mf.propagate("tanh", 2, q=0.0))
    refused(lambda: mf.propagate("tanh", 2, q2=0.0, c=0.5))
    refused(lambda: mf.correlation_map("tanh", 0.5, q=0.0))
    refused(lambda: mf.gain("tanh", q=0.0))
    refused(lambda: mf.kernel("tanh", [[1.0, 0.0], [0.0, 0.0]], 1))


def test_a_second_variance_needs_a_correlation():
    refused(lambda: mf.propagate("tanh", 2, q2=1.0))


@pytest.mark.parametrize("inputs", [np.ones(3), np.ones((2, 2, 2)), np.ones((0, 3)), np.ones((3, 0)), [[np.inf, 1.0]]])
def test_kernel_inputs(inputs):
    refused(lambda: mf.kernel("tanh", inputs, 1))


def test_empty_sigmas():
    refused(lambda: mf.analyze(mf.mlp("tanh", [], 0.1)))


def test_unknown_layers():
    class Strange(mf.Layer):
        pass

    for use in (
        mf.analyze,
        mf.fixed_points,
        lambda b: mf.propagate(b, 2),
        lambda b: mf.variance_map(b, 1.0),
        lambda b: mf.critical_line(b, 0.1),
    ):
        refused(lambda use=use: use(mf.Network("tanh", Strange(), mf.Dense())))
