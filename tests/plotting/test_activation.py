import numpy as np
import pytest

import meanfield as mf
from meanfield.plotting.activation import plot_activation


def test_function_and_derivative_are_drawn_over_four_standard_deviations():
    phi = mf.activation("gelu")
    ax = plot_activation(phi, q=2.25)
    assert ax.get_xlim() == (-6.0, 6.0)
    for line, function in zip(ax.lines, (phi, phi.derivative), strict=True):
        x, y = line.get_data()
        inside = ~np.isnan(y)
        assert np.array_equal(y[inside], function(x[inside]))


def test_a_jump_is_a_gap_and_a_breakpoint_is_marked():
    ax = plot_activation(mf.activation("hardshrink"))
    x, y = ax.lines[0].get_data()
    for point in (-0.5, 0.5):
        assert np.isnan(y[x == point]).all()
    assert sorted(line.get_xdata()[0] for line in ax.lines[2:]) == [-0.5, 0.5]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [r"$\phi$", r"$\phi'$", "breakpoint"]


def test_breakpoints_outside_the_picture_do_not_widen_it():
    ax = plot_activation(mf.activation("relu6"), q=1.0)
    assert ax.get_xlim() == (-4.0, 4.0)
    assert len(ax.lines) == 3


def test_a_long_formula_is_shortened_and_no_mathematics(tmp_path):
    phi = mf.activation("x*tanh(log(1 + exp(x)))" + " + x" * 30)
    ax = plot_activation(phi)
    assert len(ax.get_legend().get_title().get_text()) < 62
    plot_activation(mf.activation(np.tanh, name="a$b")).figure.savefig(tmp_path / "figure.png")


@pytest.mark.parametrize("q", [0.0, -1.0, float("nan"), float("inf")])
def test_q_must_be_a_positive_number(q):
    with pytest.raises(mf.InvalidInput, match="q must be positive"):
        plot_activation(mf.activation("relu"), q=q)
