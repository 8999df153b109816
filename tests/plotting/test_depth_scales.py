from types import SimpleNamespace

import numpy as np
import pytest

import meanfield as mf
from meanfield.plotting.depth_scales import plot_depth_scales


def curve(ax, symbol):
    (line,) = (line for line in ax.lines if line.get_label().startswith(symbol))
    return line.get_data()


@pytest.fixture(scope="module")
def tanh():
    sigma_w = np.linspace(1.0, 2.0, 21)
    return sigma_w, mf.analyze(mf.mlp("tanh", sigma_w, 0.3)), mf.critical_line("tanh", 0.3).sigma_w


def test_curves_go_through_the_points_given(tanh):
    sigma_w, scales, edge = tanh
    ax = plot_depth_scales(sigma_w, scales, critical=edge)
    for symbol, values in ((r"$\xi_c$", scales.xi_c), (r"$\xi_q$", scales.xi_q)):
        x, y = curve(ax, symbol)
        np.testing.assert_allclose(y[np.isin(x, sigma_w)], values, rtol=1e-12)


def test_xi_c_diverges_at_the_edge_and_between_points_is_what_it_is(tanh):
    sigma_w, scales, edge = tanh
    ax = plot_depth_scales(sigma_w, scales, critical=edge)
    x, y = curve(ax, r"$\xi_c$")
    assert x[np.argmax(y)] == pytest.approx(edge[0], abs=1e-3)
    assert y.max() > ax.get_ylim()[1] > np.delete(scales.xi_c, np.argmax(scales.xi_c)).max()
    off = np.flatnonzero(np.abs(x - edge[0]) > 0.1)[::97]
    exact = mf.analyze(mf.mlp("tanh", x[off], 0.3)).xi_c
    np.testing.assert_allclose(y[off], exact, rtol=0.02)


def test_the_edge_is_marked_and_named(tanh):
    sigma_w, scales, edge = tanh
    ax = plot_depth_scales(sigma_w, scales, critical=edge, title="tanh")
    assert ax.lines[-1].get_xdata()[0] == edge[0]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == [r"$\xi_c$, correlation", r"$\xi_q$, second moment", r"$\chi_1 = 1$"]
    assert ax.get_legend().get_title().get_text() == "tanh"


def test_descending_sigma_w_give_the_same_curves(tanh):
    sigma_w, scales, edge = tanh
    turned = mf.analyze(mf.mlp("tanh", sigma_w[::-1], 0.3))
    for symbol in (r"$\xi_c$", r"$\xi_q$"):
        one = curve(plot_depth_scales(sigma_w, scales, critical=edge), symbol)
        other = curve(plot_depth_scales(sigma_w[::-1], turned, critical=edge), symbol)
        np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.mark.parametrize(("name", "sigma_b"), [("relu", 0.0), ("relu", 0.3), ("gelu", 0.1), ("sign", 0.1)])
def test_infinite_and_vanishing_depth_scales_are_no_error(name, sigma_b, tmp_path):
    sigma_w = np.array([0.5, 1.0, 2**0.5, 2.0])
    ax = plot_depth_scales(sigma_w, mf.analyze(mf.mlp(name, sigma_w, sigma_b)))
    ax.figure.savefig(tmp_path / "figure.png")
    assert 0 < ax.get_ylim()[0] < ax.get_ylim()[1] < np.inf


def test_xi_c_leaves_the_picture_at_the_edge_only_and_xi_q_nowhere(tanh):
    sigma_w, scales, edge = tanh
    ax = plot_depth_scales(sigma_w, scales, critical=edge)
    (x, xi_c), (_, xi_q) = curve(ax, r"$\xi_c$"), curve(ax, r"$\xi_q$")
    beyond = x[xi_c > ax.get_ylim()[1]]
    assert beyond.size
    assert np.abs(beyond - edge[0]).max() < 0.02
    assert xi_q.max() < ax.get_ylim()[1]


def test_depth_scales_that_are_unknown_or_of_a_map_that_turns_signs_are_no_error():
    odd = SimpleNamespace(xi_q=np.array([0.0, 1.0, np.inf, -2.0]), xi_c=np.array([0.0, np.nan, np.inf, 3.0]))
    ax = plot_depth_scales([0.0, 1.0, 2.0, 3.0], odd, critical=[2.0])
    ax.figure.draw_without_rendering()
    assert np.isfinite(ax.get_ylim()).all()


def test_shapes_that_do_not_fit_are_said(tanh):
    sigma_w, scales, _ = tanh
    with pytest.raises(mf.InvalidInput, match=r"not \(20,\) and \(21,\)"):
        plot_depth_scales(sigma_w[:-1], scales)
    with pytest.raises(mf.InvalidInput, match="n ≥ 2"):
        plot_depth_scales(1.0, mf.analyze(mf.mlp("tanh", 1.0, 0.3)))


def test_a_title_has_no_control_characters():
    """Fonts have no glyph for them, of which Matplotlib warns."""
    from meanfield.plotting.depth_scales import plot_depth_scales

    ax = plot_depth_scales([1.0, 1.5], mf.analyze(mf.mlp("tanh", [1.0, 1.5], 0.1)), title="two\r\nlines\x07")
    assert ax.get_legend().get_title().get_text().split() == ["two", "lines"]
