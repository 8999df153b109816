import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import meanfield as mf
from meanfield.plotting.phase_diagram import plot_phase_diagram
from meanfield.theory.fixed_points.phases import PHASES


def texts(ax):
    return {text.get_text() for text in ax.texts}


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def thick_lines(ax):
    """Vertices of the critical line where it was taken from the diagram."""
    contours = [c for c in ax.collections if np.max(c.get_linewidth(), initial=0) == 2]
    return np.concatenate([path.vertices for c in contours for path in c.get_paths()])


@pytest.fixture(scope="module")
def tanh():
    return mf.phase_diagram("tanh", np.linspace(0.6, 2.6, 11), np.linspace(0.1, 0.9, 6))


@pytest.fixture(scope="module")
def gelu():
    return mf.phase_diagram("gelu", np.linspace(0.8, 2.0, 25), np.linspace(0.0, 1.0, 11))


def test_axes_phases_and_depths_are_labelled(tanh):
    ax = plot_phase_diagram(tanh)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"$\sigma_w$", r"$\sigma_b$")
    assert ax.get_xlim() == (0.6, 2.6)
    assert ax.get_ylim() == (0.1, 0.9)
    assert {"ordered", "chaotic", "5", "10"} <= texts(ax)
    assert legend(ax) == [r"critical line, $\chi_1 = 1$", r"depth scale $\xi_c$ (layers)"]
    assert ax.get_legend().get_title().get_text() == "tanh"


def test_each_label_lies_in_its_phase(tanh):
    line = mf.critical_line("tanh", tanh.sigma_b)
    for text in plot_phase_diagram(tanh).texts:
        x, y = text.get_position()
        if text.get_text() in ("ordered", "chaotic"):
            assert (x < np.interp(y, line.sigma_b, line.sigma_w)) == (text.get_text() == "ordered")


def test_the_critical_line_of_a_coarse_grid_is_near_the_exact_one(tanh):
    vertices = thick_lines(plot_phase_diagram(tanh))
    exact = np.interp(
        vertices[:, 1], *(getattr(mf.critical_line("tanh", tanh.sigma_b), name) for name in ("sigma_b", "sigma_w"))
    )
    assert np.abs(vertices[:, 0] - exact).max() < 0.02


def test_an_exact_line_is_drawn_as_given_and_dashed_where_unstable(gelu):
    line = mf.critical_line("gelu", np.linspace(0, 1, 21))
    ax = plot_phase_diagram(gelu, critical_line=line)
    solid, dashed = (drawn for drawn in ax.lines if drawn.get_linewidth() == 2)
    assert set(solid.get_xdata()) == set(line.sigma_w[line.stable])
    assert set(line.sigma_w[~line.stable]) < set(dashed.get_xdata())
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
    assert r"$\chi_1 = 1$ with an unstable $q$" in legend(ax)


def test_where_q_jumps_to_infinity_no_critical_line_is_drawn(gelu):
    vertices = thick_lines(plot_phase_diagram(gelu))
    assert vertices[:, 1].min() > 0.3  # within a step of 0.4158, below which every critical q is unstable
    assert "unbounded" in texts(plot_phase_diagram(gelu))


def test_relu_is_critical_along_a_vertical_line():
    diagram = mf.phase_diagram("relu", np.linspace(0.05, 2, 40), [0.0, 0.5])
    ax = plot_phase_diagram(diagram, critical_line=mf.critical_line("relu", 0.0))
    assert thick_lines(ax)[:, 0] == pytest.approx(2**0.5, abs=2e-3)
    assert "critical point" in legend(ax)


def test_an_activation_that_jumps_can_be_drawn():
    ax = plot_phase_diagram(mf.phase_diagram("sign", [0.5, 1.0, 1.5], [0.1, 0.5]))
    assert "chaotic" in texts(ax)


def test_a_single_phase_is_no_error():
    ax = plot_phase_diagram(mf.phase_diagram("relu", [0.5, 0.6, 0.7], [0.1, 0.5]))
    assert "ordered" in texts(ax)
    assert legend(ax) == []


def test_a_line_cannot_be_drawn_as_a_diagram():
    with pytest.raises(mf.InvalidInput, match="2 × 2 values"):
        plot_phase_diagram(mf.phase_diagram("relu", [1.0], [0.1, 0.5]))


def test_the_method_of_the_diagram_draws_the_same(tanh):
    assert texts(tanh.plot()) == texts(plot_phase_diagram(tanh))


def test_vector_output_has_text_as_text_and_no_bitmap(tanh, tmp_path):
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none"}):
        plot_phase_diagram(tanh).figure.savefig(tmp_path / "phase.svg")
    svg = (tmp_path / "phase.svg").read_text()
    assert "<image" not in svg
    assert "ordered" in svg


@pytest.mark.parametrize("size", [(3.25, 2.6), (6.0, 4.5), (2.2, 2.2)])
@pytest.mark.parametrize("name", ["tanh", "relu", "gelu"])
def test_words_cover_no_numbers_of_contours(name, size):
    figure = Figure(figsize=size, layout="constrained")
    ax = mf.phase_diagram(name, np.linspace(0.5, 3, 31), np.linspace(0, 1, 31)).plot(figure.subplots())
    FigureCanvasAgg(figure).draw()
    words = [text for text in ax.texts if text.get_text() in PHASES]
    numbers = [text for text in ax.texts if text not in words and text.get_visible()]
    assert words
    for word in words:
        box = word.get_bbox_patch().get_window_extent()
        assert not [number.get_text() for number in numbers if box.overlaps(number.get_window_extent())]
