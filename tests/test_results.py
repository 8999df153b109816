"""What every result of a public function says: a short repr, a text, HTML, JSON types, a figure."""

import html.parser
import json
import pickle

import numpy as np
import pytest

import meanfield as mf
from meanfield.reports.report import WIDTH
from meanfield.reports.result import Result
from tests.public_objects import public_objects

OBJECTS = public_objects()
RESULTS = {name: each for name, each in OBJECTS.items() if isinstance(each, Result)}


def test_every_kind_of_result_is_one():
    kinds = {type(each).__name__ for each in RESULTS.values()}
    assert kinds >= {
        "Analysis", "Trajectory", "CriticalLine", "CriticalPoint", "Deepest", "PhaseDiagram", "Recommendation",
        "Fluctuations", "Simulation", "CrossCheck", "WeightCheck", "ModeDepthScales", "PixelTrajectory",
    }  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_the_repr_is_one_short_line(name):
    shown = repr(RESULTS[name])
    assert type(RESULTS[name]).__name__ in shown
    assert len(shown) < 250
    assert "\n" not in shown


@pytest.mark.parametrize("name", RESULTS)
def test_the_text_fits_the_width(name):
    lines = str(RESULTS[name]).splitlines()
    assert lines
    assert max(map(len, lines)) <= WIDTH


class Balanced(html.parser.HTMLParser):
    """Fails at a tag that is closed without being open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", RESULTS)
def test_notebooks_get_the_same_as_html(name):
    read = Balanced()
    read.feed(RESULTS[name]._repr_html_())
    assert not read.open


OTHERS = ("estimate", "sample", "fixed points", "inputs", "measurement", "measurements")


@pytest.mark.parametrize("name", [*RESULTS, *OTHERS])
def test_json_takes_the_dictionary(name):
    each = OBJECTS[name]
    for one in each if isinstance(each, tuple) else [each]:
        assert json.loads(json.dumps(one.to_dict(), allow_nan=False)) == one.to_dict()


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_draws_itself(name):
    axes = np.atleast_1d(RESULTS[name].plot(label="a label", title="a title"))
    first = axes.flat[0]
    above = [first.get_title("left")] + ([legend.get_title().get_text()] if (legend := first.get_legend()) else [])
    assert any(text.startswith("a title") for text in above)
    first.figure.canvas.draw()


def test_two_trajectories_share_axes_in_different_colours():
    axes = mf.propagate("tanh", 4, c=0.5).plot(label="one")
    mf.propagate("relu", 4, c=0.5).plot(axes, label="two")
    colours = [line.get_color() for line in axes[0].lines]
    assert len(set(colours)) == 2
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["one", "two"]


def test_the_analysis_of_one_network_has_plain_numbers():
    a = mf.analyze(mf.mlp("tanh", 1.3, 0.3))
    assert type(a.q_star) is np.float64
    assert type(a.phase) is str
    assert f"{a.xi_c:.3f}" == "16.108"
    many = mf.analyze(mf.mlp("tanh", [1.3, 1.5], 0.3))
    assert many.q_star.shape == (2,)
    assert "2 networks: 1 chaotic, 1 ordered" in str(many)


def test_a_correlation_map_needs_the_network():
    kept = pickle.loads(pickle.dumps(mf.analyze(mf.mlp("tanh", 1.3, 0.3))))
    with pytest.raises(mf.InvalidInput, match="one network"):
        kept.plot()
    with pytest.raises(mf.InvalidInput, match="one network"):
        mf.analyze(mf.mlp("tanh", [1.3, 1.5], 0.3)).plot()


def test_the_drawn_correlation_map_is_the_map():
    a = mf.analyze(mf.mlp("tanh", 1.5, 0.1))
    drawn = [line.get_data() for line in a.plot().lines]
    c, mapped = next(data for data in drawn if len(data[0]) == 101 and not np.array_equal(*data))
    inner = slice(1, -1)
    np.testing.assert_allclose(mapped[inner], mf.correlation_map(mf.mlp("tanh", 1.5, 0.1), c[inner]).value, atol=1e-9)


def test_code_of_a_recommendation():
    advice = mf.recommend("gelu")
    assert advice.code() == advice.snippets["torch"]
    with pytest.raises(mf.InvalidInput, match="framework must be one of"):
        advice.code("mxnet")


def test_a_wide_table_becomes_a_block_for_each_row():
    from meanfield.reports.report import as_text

    text = as_text(mf.critical_line("tanh", [0.1]).report(), 40)
    assert "sigma_w           1.19340072502" in text
    assert max(map(len, text.splitlines())) <= 40


def test_an_activation_draws_itself():
    assert mf.activation("gelu").plot(title="mine").get_legend().get_title().get_text() == "mine"
