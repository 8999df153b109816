from dataclasses import dataclass

import numpy as np

import meanfield as mf
from meanfield.plotting.critical_lines import plot_critical_lines


@dataclass
class Line:
    """What a CriticalLine has, made up."""

    sigma_b: np.ndarray
    q: np.ndarray
    stable: np.ndarray

    @property
    def sigma_w(self):
        return 1 + self.q

    def __len__(self):
        return len(self.q)


def made_up(sigma_b, stable=True):
    """A line whose rows are in ascending q."""
    count = len(sigma_b)
    return Line(np.array(sigma_b, float), np.arange(count, dtype=float), np.full(count, stable))


def stretches(ax):
    return [list(line.get_ydata()) for line in ax.lines if len(line.get_xdata())]


def test_several_lines_are_told_apart_without_colour():
    lines = {name: mf.critical_line(name, np.linspace(0, 1, 9)) for name in ("tanh", "erf", "elu")}
    ax = plot_critical_lines(lines)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["tanh", "erf", "elu"]
    assert len({line.get_marker() for line in ax.lines}) == 3


def test_unstable_stretches_are_dashed_and_join_the_stable_ones():
    line = mf.critical_line("gelu", np.linspace(0, 1, 11))
    ax = plot_critical_lines({"gelu": line})
    solid, dashed = (drawn for drawn in ax.lines if len(drawn.get_xdata()))
    assert solid.get_linestyle() == "-"
    assert dashed.get_linestyle() == "--"
    assert dashed.get_ydata()[-1] == solid.get_ydata()[0]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["gelu", "unstable $q$"]


def test_a_line_of_one_point_is_a_dot():
    (drawn,) = (
        line
        for line in plot_critical_lines({"relu": mf.critical_line("relu", [0.0, 0.5])}).lines
        if len(line.get_xdata())
    )
    assert drawn.get_linestyle() == "None"
    assert drawn.get_marker() != "None"
    assert list(drawn.get_xdata()) == [2**0.5]


def test_a_fold_is_followed_in_the_order_of_q():
    assert stretches(plot_critical_lines({"fold": made_up([0.2, 0.1, 0.0, 0.0, 0.1, 0.2])})) == [
        [0.2, 0.1, 0.0, 0.0, 0.1, 0.2]
    ]


def test_branches_that_leave_the_range_are_not_joined():
    assert stretches(plot_critical_lines({"arch": made_up([0.0, 0.1, 0.2, 0.2, 0.1, 0.0])})) == [
        [0.0, 0.1, 0.2],
        [0.2, 0.1, 0.0],
    ]


def test_nothing_to_draw_is_an_empty_frame():
    ax = plot_critical_lines({})
    assert ax.get_legend().get_texts() == []
    assert stretches(plot_critical_lines({"relu": mf.critical_line("relu", 0.5)})) == []
