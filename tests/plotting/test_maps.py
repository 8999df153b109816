import numpy as np

import meanfield as mf
from meanfield.plotting.correlation_map import plot_correlation_map
from meanfield.plotting.variance_map import plot_variance_map


def drawn(ax, label):
    (line,) = (line for line in ax.lines if line.get_label() == label)
    return np.column_stack(line.get_data())


def test_the_cobweb_alternates_between_the_map_and_the_diagonal():
    block, q = mf.mlp("tanh", 1.5, 0.3), np.linspace(0, 2, 101)
    orbit = mf.propagate(block, 6, q=1.9).q
    ax = plot_variance_map(q, mf.variance_map(block, q).value, orbit=orbit)
    corners = drawn(ax, "orbit, layer by layer")
    assert np.array_equal(corners[::2], np.column_stack([orbit, orbit])[: len(corners[::2])])
    assert np.allclose(corners[1::2, 1], mf.variance_map(block, corners[1::2, 0]).value, rtol=1e-12)


def test_stable_fixed_points_are_filled_and_unstable_ones_are_not():
    block, q = mf.mlp("gelu", 2.05**0.5, 0.1**0.5), np.linspace(0, 4, 101)
    ax = plot_variance_map(q, mf.variance_map(block, q).value, fixed_points=mf.fixed_points(block))
    assert drawn(ax, "stable fixed point")[0, 0] < drawn(ax, "unstable fixed point")[0, 0]
    assert [line.get_markerfacecolor() for line in ax.lines[-2:]] == ["black", "white"]


def test_fixed_points_outside_the_picture_are_left_out():
    block, q = mf.mlp("gelu", 2.05**0.5, 0.1**0.5), np.linspace(0, 1, 11)
    ax = plot_variance_map(q, mf.variance_map(block, q).value, fixed_points=mf.fixed_points(block))
    assert "unstable fixed point" not in {line.get_label() for line in ax.lines}


def test_in_the_chaotic_phase_c_of_1_is_marked_as_unstable():
    block, c = mf.mlp("tanh", 2.5, 0.3), np.linspace(0, 1, 51)
    c_star = float(mf.analyze(block).c_star)
    ax = plot_correlation_map(c, mf.correlation_map(block, c).value, c_star=c_star)
    assert drawn(ax, "unstable fixed point").tolist() == [[1.0, 1.0]]
    assert drawn(ax, "stable fixed point").tolist() == [[c_star, c_star]]


def test_in_the_ordered_phase_c_of_1_is_the_only_fixed_point():
    block, c = mf.mlp("tanh", 1.0, 0.3), np.linspace(0, 1, 51)
    ax = plot_correlation_map(c, mf.correlation_map(block, c).value, c_star=float(mf.analyze(block).c_star))
    assert drawn(ax, "stable fixed point").tolist() == [[1.0, 1.0]]
    assert "unstable fixed point" not in {line.get_label() for line in ax.lines}
