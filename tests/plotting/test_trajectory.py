import numpy as np
import pytest

import meanfield as mf
from meanfield.plotting.trajectory import plot_propagation, plot_quantity


def test_a_pair_has_three_panels_that_show_the_trajectory():
    run = mf.propagate(mf.mlp("tanh", 2.5, 0.3), 40, c=0.97)
    axes = plot_propagation(run)
    for ax, values in zip(axes, (run.q, run.c, run.gradient), strict=True):
        assert np.array_equal(ax.lines[0].get_ydata(), values)
    assert [ax.get_yscale() for ax in axes] == ["linear", "linear", "log"]
    assert [ax.get_xlabel() for ax in axes] == ["", "", "layer"]


def test_a_single_input_has_no_correlation_panel():
    assert len(plot_propagation(mf.propagate("relu", 5))) == 2


def test_arrays_give_a_line_each():
    run = mf.propagate(mf.mlp("tanh", np.array([1.0, 1.5, 2.0])), 10)
    assert len(plot_quantity(run, "q").lines) == 3


@pytest.mark.parametrize("quantity", ["q", "c", "one_minus_c", "gradient", "chi"])
def test_every_quantity_can_be_drawn_alone(quantity):
    run = mf.propagate("tanh", 8, c=0.5)
    assert np.array_equal(plot_quantity(run, quantity).lines[0].get_ydata(), getattr(run, quantity))


def test_an_infinite_gradient_is_no_error():
    assert plot_quantity(mf.propagate("sign", 5), "gradient").get_yscale() == "linear"


def test_what_cannot_be_drawn_is_said():
    run = mf.propagate("relu", 5)
    with pytest.raises(mf.InvalidInput, match="quantity must be one of"):
        plot_quantity(run, "colour")
    with pytest.raises(mf.InvalidInput, match="one input has no correlation"):
        plot_quantity(run, "c")
    with pytest.raises(mf.InvalidInput, match="2 Axes are needed"):
        plot_propagation(run, plot_quantity(run, "q"))
