import numpy as np
import pytest

import meanfield as mf
from meanfield.plotting.phase_diagrams import plot_phase_diagrams


@pytest.fixture(scope="module")
def diagrams():
    return [mf.phase_diagram(name, np.linspace(0.6, 2.6, 9), np.linspace(0, 1, 5)) for name in ("tanh", "gelu", "relu")]


def test_each_has_its_name_above_and_all_have_one_legend(diagrams):
    lines = {name: mf.critical_line(name, np.linspace(0, 1, 9)) for name in ("gelu", "relu")}
    axes = plot_phase_diagrams(diagrams, critical_lines=lines)
    assert [ax.get_title() for ax in axes] == ["tanh", "gelu", "relu"]
    assert [ax.get_legend() for ax in axes] == [None] * 3
    (legend,) = axes[0].figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert len(set(names)) == len(names)
    assert {r"critical line, $\chi_1 = 1$", r"$\chi_1 = 1$ with an unstable $q$", "critical point"} <= set(names)


def test_they_share_sigma_b_and_only_the_first_names_it(diagrams):
    axes = plot_phase_diagrams(diagrams)
    assert [ax.get_ylabel() for ax in axes] == [r"$\sigma_b$", "", ""]
    assert len({ax.get_ylim() for ax in axes}) == 1


def test_one_diagram_is_no_error(diagrams):
    assert len(plot_phase_diagrams(diagrams[:1])) == 1


def test_what_cannot_be_drawn_is_said(diagrams):
    with pytest.raises(mf.InvalidInput, match="at least one phase diagram"):
        plot_phase_diagrams([])
    with pytest.raises(mf.InvalidInput, match="3 phase diagrams need as many Axes, not 1"):
        plot_phase_diagrams(diagrams, plot_phase_diagrams(diagrams[:1]))
