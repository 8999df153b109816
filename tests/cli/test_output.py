import json

import numpy as np
import pytest

from meanfield.cli.output import print_json, print_markdown, print_table
from meanfield.reports.numbers import thinned


def test_json_has_no_tokens_that_are_not_json(capsys):
    print_json(
        {
            "a": np.array([1.0, np.inf, -np.inf, np.nan]),
            "b": np.float64(2),
            "c": np.array("ordered"),
            "d": np.bool_(True),
        }
    )
    read = json.loads(capsys.readouterr().out, parse_constant=lambda token: pytest.fail(token))
    assert read == {"a": [1.0, "inf", "-inf", None], "b": 2.0, "c": "ordered", "d": True}
    assert float(read["a"][1]) == np.inf


def test_numbers_survive_json_to_the_last_bit(capsys):
    value = 0.1 + 0.2
    print_json({"value": np.array([value])})
    assert json.loads(capsys.readouterr().out)["value"] == [value]


@pytest.mark.parametrize("depth", [1, 20, 21, 50, 1000, 10**6])
def test_thinned_layers_begin_at_0_end_at_depth_and_are_few(depth):
    layers = thinned(depth, [min(17, depth)])
    assert layers[0] == 0
    assert layers[-1] == depth
    assert layers == sorted(set(layers))
    assert min(17, depth) in layers
    assert len(layers) <= 22


def test_tables_in_a_pipe_are_not_cut_and_text_is_not_markup(capsys):
    long = "[red]" + "x" * 300
    print_table(("name", "value"), [(long, "1.0"), ("b", "-10.25")])
    lines = capsys.readouterr().out.splitlines()
    assert long in lines[2]
    assert len({len(line) for line in lines[2:]}) == 1  # numbers end in one column
    assert all(line == line.rstrip() for line in lines)


def test_markdown_escapes_the_separator(capsys):
    print_markdown(("a", "b"), [("x|y", "1")])
    assert capsys.readouterr().out.splitlines() == ["| a | b |", "| --- | ---: |", "| x\\|y | 1 |"]
