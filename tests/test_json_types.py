"""Results become JSON types, whatever they are nested in."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import meanfield as mf
from meanfield.json_types import json_types


@dataclass(frozen=True)
class Result:
    numbers: np.ndarray
    inner: Any = None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.float32(0.5), 0.5),
        (float("nan"), None),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.array(["ordered"]), ["ordered"]),
        ({1: (1.0, float("inf"))}, {"1": [1.0, None]}),
        (Result(np.array([np.nan, 2.0]), Result(np.zeros(0))), {"numbers": [None, 2.0],
                                                                "inner": {"numbers": [], "inner": None}}),
    ],
)  # fmt: skip
def test_numpy_containers_and_dataclasses_become_plain(value, expected):
    found = json_types(value)
    assert found == expected
    assert type(found) is type(expected)
    assert json.loads(json.dumps(found, allow_nan=False)) == expected


def test_infinities_are_texts_on_request_and_nan_is_null_always():
    assert json_types([np.inf, np.array([-np.inf, np.nan])], infinities=True) == ["inf", ["-inf", None]]


def test_recommendations_and_critical_lines_say_why_depths_are_infinite():
    recommended, line = mf.recommend("relu"), mf.critical_line("tanh", [0.1, 0.3])
    assert np.isinf(recommended.xi_c)
    assert "slowly" in recommended.not_finite["xi_c"].item()
    assert [("slowly" in why) for why in line.not_finite["xi_c"]] == [True, True]
    assert "xi_c" in json_types(recommended)["not_finite"]
