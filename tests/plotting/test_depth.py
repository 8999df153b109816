from types import SimpleNamespace

import numpy as np
import pytest

import meanfield as mf
from meanfield.plotting.decay import plot_decay
from meanfield.plotting.depth_map import plot_depth_map
from meanfield.plotting.depth_scales import plot_depth_scales

SIGMA_W = np.linspace(1, 2, 21)
SIGMA_B = 0.05**0.5


def curve(ax, start):
    (line,) = (line for line in ax.lines if line.get_label().startswith(start))
    return line.get_data()


@pytest.fixture(scope="module")
def scales():
    return mf.analyze(mf.mlp("tanh", SIGMA_W, SIGMA_B))


def test_between_the_points_the_curve_has_the_depth_scales_of_the_theory(scales):
    edge = mf.critical_line("tanh", SIGMA_B).sigma_w
    ax = plot_depth_scales(SIGMA_W, scales, critical=edge)
    between = np.array([1.12, 1.31, 1.34, 1.72])
    exact = mf.analyze(mf.mlp("tanh", between, SIGMA_B))
    assert np.interp(between, *curve(ax, r"$\xi_q$")) == pytest.approx(exact.xi_q, rel=0.01)
    assert np.interp(between, *curve(ax, r"$\xi_c$")) == pytest.approx(exact.xi_c, rel=0.1)
    assert np.array_equal(SIGMA_W, np.intersect1d(SIGMA_W, curve(ax, r"$\xi_c$")[0]))


def test_xi_c_leaves_the_picture_at_the_edge_only_and_xi_q_nowhere(scales):
    edge = mf.critical_line("tanh", SIGMA_B).sigma_w[0]
    ax = plot_depth_scales(SIGMA_W, scales, critical=edge)
    x, xi_c = curve(ax, r"$\xi_c$")
    beyond = x[xi_c > ax.get_ylim()[1]]
    assert beyond.size
    assert np.abs(beyond - edge).max() < 0.02
    assert curve(ax, r"$\xi_q$")[1].max() < ax.get_ylim()[1]


def test_depth_scales_that_are_0_infinite_or_unknown_are_no_error():
    odd = SimpleNamespace(xi_q=np.array([0.0, 1.0, np.inf, -2.0]), xi_c=np.array([0.0, np.nan, np.inf, 3.0]))
    ax = plot_depth_scales([0.0, 1.0, 2.0, 3.0], odd, critical=[2.0])
    assert np.isfinite(ax.get_ylim()).all()
    ax.figure.draw_without_rendering()
    with pytest.raises(mf.InvalidInput, match="2 or more numbers"):
        plot_depth_scales([1.0], odd)


def test_the_map_shows_the_values_and_the_curve_at_six_depth_scales(scales, tmp_path):
    values = mf.propagate(mf.mlp("tanh", SIGMA_W, SIGMA_B), 50, c=0.5).c
    ax = plot_depth_map(SIGMA_W, np.arange(51), values, label="c", xi_c=scales.xi_c)
    (image,) = (c for c in ax.collections if c.get_array() is not None)
    assert np.array_equal(image.get_array().reshape(values.shape), values)
    x, y = curve(ax, "theory")
    assert np.array_equal(x, SIGMA_W)
    assert y[0] == 6 * scales.xi_c[0]
    assert ax.get_ylim() == (-0.5, 50.5)  # however large the curve is at the edge
    ax.figure.savefig(tmp_path / "map.svg")
    assert "<image" not in (tmp_path / "map.svg").read_text()


def test_a_map_of_another_shape_is_refused():
    with pytest.raises(mf.InvalidInput, match=r"= \(51, 21\), not \(21, 51\)"):
        plot_depth_map(SIGMA_W, np.arange(51), np.zeros((21, 51)), label="c")


def test_the_decay_is_drawn_from_layer_1_beside_its_law():
    run, layer = mf.propagate(mf.mlp("relu", 2**0.5), 300, c=0.0), np.arange(301)
    law = 4.5 * np.pi**2 / np.maximum(layer, 1) ** 2
    ax = plot_decay({"ReLU": run}, laws={"ReLU": ("law", law)})
    drawn, dashed = ax.lines
    assert np.array_equal(drawn.get_xdata(), layer[1:])
    assert np.array_equal(drawn.get_ydata(), run.one_minus_c[1:])
    assert np.array_equal(dashed.get_ydata(), law[1:][law[1:] <= 2])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["ReLU, dashed: law"]


def test_what_has_no_decay_is_said():
    with pytest.raises(mf.InvalidInput, match="'a' has one input"):
        plot_decay({"a": mf.propagate("relu", 5)})
    with pytest.raises(mf.InvalidInput, match="for each of layers 0 … 5"):
        plot_decay({"a": mf.propagate("relu", 5, c=0.5)}, laws={"a": ("law", np.ones(5))})
    assert plot_decay({"the same input twice": mf.propagate("relu", 5, c=1.0)}).get_yscale() == "log"
