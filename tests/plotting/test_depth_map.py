import numpy as np
import pytest

import meanfield as mf
from meanfield.plotting.depth_map import plot_depth_map


@pytest.fixture
def values():
    return np.arange(12.0).reshape(3, 4)  # three depths, four sigma_w


def test_depth_runs_upwards_and_sigma_w_to_the_right(values):
    ax = plot_depth_map([1.0, 1.1, 1.2, 1.3], [10, 20, 30], values, label="share")
    (mesh,) = ax.collections
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).reshape(3, 4), values)
    corners = mesh.get_coordinates()
    assert list(corners[0, 0]) == pytest.approx([0.95, 5])
    assert list(corners[-1, -1]) == pytest.approx([1.35, 35])
    assert ax.figure.axes[1].get_ylabel() == "share"


def test_the_curve_is_at_so_many_depth_scales_and_does_not_widen_the_picture(values):
    ax = plot_depth_map([1.0, 1.1, 1.2, 1.3], [10, 20, 30], values, label="", xi_c=[1, 2, np.inf, 3], scales=5)
    (curve,) = ax.lines
    np.testing.assert_array_equal(curve.get_ydata()[[0, 1, 3]], [5, 10, 15])
    assert 30 < curve.get_ydata()[2] < np.inf  # leaves the picture as a line
    assert ax.get_ylim() == (5, 35)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [r"theory: $5\,\xi_c$"]


def test_what_is_not_known_is_left_white(values, tmp_path):
    values[1] = np.nan
    ax = plot_depth_map([1.0, 1.1, 1.2, 1.3], [10, 20, 30], values, label="share")
    assert np.ma.count_masked(ax.collections[0].get_array()) == 4
    ax.figure.savefig(tmp_path / "figure.png")


def test_vector_output_has_no_bitmap(values, tmp_path):
    ax = plot_depth_map([1.0, 1.1, 1.2, 1.3], [10, 20, 30], values, label="share", xi_c=np.ones(4))
    ax.figure.savefig(tmp_path / "figure.svg")
    assert "<image" not in (tmp_path / "figure.svg").read_text()


def test_shapes_that_do_not_fit_are_said(values):
    with pytest.raises(mf.InvalidInput, match=r"\(3, 4\), not \(4, 3\)"):
        plot_depth_map([1.0, 1.1, 1.2, 1.3], [10, 20, 30], values.T, label="share")
    with pytest.raises(mf.InvalidInput, match=r"each of 4 sigma_w, not the shape \(3,\)"):
        plot_depth_map([1.0, 1.1, 1.2, 1.3], [10, 20, 30], values, label="share", xi_c=np.ones(3))
