import numpy as np
import pytest

import meanfield as mf
from meanfield.plotting.signal_propagation import plot_signal

BLOCKS = {"default": mf.mlp("tanh", 3**-0.5, 0.1), "recommended": mf.mlp("tanh", 1.3, 0.2)}


@pytest.fixture(scope="module")
def runs():
    return {label: mf.propagate(block, 20, c=0.5) for label, block in BLOCKS.items()}


@pytest.fixture(scope="module")
def simulations():
    return {label: mf.simulate(block, 20, 48, networks=4, c=0.5, rng=0) for label, block in BLOCKS.items()}


def test_theory_is_a_line_for_each_run_in_each_panel(runs):
    axes = plot_signal(runs)
    for ax, quantity in zip(axes, ("q", "c", "gradient"), strict=True):
        drawn = [line for line in ax.lines if len(line.get_xdata())]
        for line, run in zip(drawn, runs.values(), strict=True):
            np.testing.assert_array_equal(line.get_ydata(), getattr(run, quantity))
        assert len({line.get_linestyle() for line in drawn}) == 2
    assert [ax.get_xlabel() for ax in axes] == ["", "", "layer"]


def test_panels_beside_one_another_all_say_what_is_along_x(runs):
    from matplotlib.figure import Figure

    axes = Figure().subplots(1, 3)
    assert [ax.get_xlabel() for ax in plot_signal(runs, axes)] == ["layer"] * 3


def test_bars_are_two_standard_errors_about_the_simulated_means(runs, simulations):
    (ax,) = plot_signal(runs, simulations=simulations, quantities=["q"])
    for container, drawn in zip(ax.containers, simulations.values(), strict=True):
        points, _, (bars,) = container
        rows = points.get_xdata().astype(int)
        np.testing.assert_array_equal(points.get_ydata(), drawn.q.mean[rows])
        ends = np.array(bars.get_segments())[:, :, 1]
        np.testing.assert_allclose(np.ptp(ends, axis=1), 4 * drawn.q.standard_error[rows], rtol=1e-9, atol=1e-15)


def test_bars_of_different_runs_are_at_different_layers(runs, simulations):
    (ax,) = plot_signal(runs, simulations=simulations, quantities=["q"])
    one, other = (set(container[0].get_xdata()) for container in ax.containers)
    assert len(one) > 5
    assert not one & other


def test_the_legend_names_runs_once_and_says_what_bars_are(runs, simulations):
    axes = plot_signal(runs, simulations=simulations)
    legend = axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == list(BLOCKS)
    assert legend.get_title().get_text() == "lines: theory, bars: simulation"
    assert [ax.get_legend() for ax in axes[1:]] == [None, None]


def test_one_simulation_may_be_missing_and_single_inputs_have_no_correlation(simulations):
    runs = {label: mf.propagate(block, 20) for label, block in BLOCKS.items()}
    axes = plot_signal(runs, simulations={"default": simulations["default"]})
    assert [len(ax.containers) for ax in axes] == [1, 1]


def test_what_cannot_be_drawn_is_said(runs, simulations):
    for empty in ({}, runs):
        with pytest.raises(mf.InvalidInput, match="at least one run and one quantity"):
            plot_signal(empty, quantities=[])
    with pytest.raises(mf.InvalidInput, match="every simulation needs a run"):
        plot_signal({"default": runs["default"]}, simulations=simulations)
    with pytest.raises(mf.InvalidInput, match="quantity must be one of"):
        plot_signal(runs, quantities=["colour"])
    with pytest.raises(mf.InvalidInput, match="3 Axes are needed"):
        plot_signal(runs, plot_signal(runs, quantities=["q"]))
