import numpy as np
import pytest

import meanfield as mf
from meanfield.plotting.correlation_decay import plot_decay


@pytest.fixture(scope="module")
def relu():
    return mf.propagate(mf.mlp("relu", 2**0.5), 300, c=0.0)


@pytest.fixture(scope="module")
def law():
    return 4.5 * np.pi**2 / np.maximum(np.arange(301), 1) ** 2


def test_runs_are_drawn_from_layer_1_with_their_laws_where_those_can_hold(relu, law):
    run, dashed = plot_decay({"ReLU": relu}, laws={"ReLU": ("the law", law)}).lines
    np.testing.assert_array_equal(run.get_ydata(), relu.one_minus_c[1:])
    np.testing.assert_array_equal(run.get_xdata(), np.arange(1, 301))
    assert dashed.get_ydata().max() <= 2
    np.testing.assert_array_equal(dashed.get_ydata(), law[dashed.get_xdata()])
    assert dashed.get_linestyle() == "--"


def test_the_legend_names_each_law_beside_its_run(relu, law):
    ax = plot_decay({"ReLU": relu, "other": relu}, laws={"ReLU": ("the law", law)})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["ReLU, dashed: the law", "other"]
    assert len({line.get_marker() for line in ax.lines[::2]}) == 2


def test_equal_inputs_have_no_distance_to_draw_and_are_no_error(tmp_path):
    ax = plot_decay({"same": mf.propagate("tanh", 10, c=1.0)})
    ax.figure.savefig(tmp_path / "figure.png")
    assert np.isnan(ax.lines[0].get_ydata()).all()


def test_a_single_layer_can_be_drawn(tmp_path):
    run = mf.propagate("tanh", 1, c=0.5)
    ax = plot_decay({"shallow": run})
    ax.figure.savefig(tmp_path / "figure.png")
    assert ax.lines[0].get_xydata().tolist() == [[1, run.one_minus_c[1]]]


def test_what_cannot_be_drawn_is_said(relu, law):
    with pytest.raises(mf.InvalidInput, match="at least one run"):
        plot_decay({})
    with pytest.raises(mf.InvalidInput, match="has one input"):
        plot_decay({"single": mf.propagate("relu", 5)})
    with pytest.raises(mf.InvalidInput, match=r"one value a layer, not \(2,\)"):
        plot_decay({"two": mf.propagate(mf.mlp("tanh", np.array([1.0, 2.0])), 5, c=0.5)})
    with pytest.raises(mf.InvalidInput, match="every law needs a run"):
        plot_decay({"ReLU": relu}, laws={"tanh": ("law", law)})
    for wrong in (law[:-1], 1.0):
        with pytest.raises(mf.InvalidInput, match="each of layers 0 … 300"):
            plot_decay({"ReLU": relu}, laws={"ReLU": ("law", wrong)})
