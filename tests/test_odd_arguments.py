"""A seeded sample of odd arguments in the place of each argument of each public name; ``--long`` tries all of them."""

import copy
import inspect
import pickle
import random

import numpy as np
import odd_arguments
import pytest
from odd_arguments import METHODS, RECORDS, USUAL, called, outcome
from public_objects import public_objects

import meanfield as mf
from meanfield import plotting
from meanfield.errors import LONGEST, shown

SAMPLE = 500  # of about 11,000 cases
SLOW = {"a function"}  # values that take a second each


def test_every_public_name_and_argument_is_tried():
    names = {name for name in mf.__all__ if callable(thing := getattr(mf, name)) and not is_error(thing)}
    assert names == {*USUAL, *RECORDS}
    for name, usual in USUAL.items():
        parameters = inspect.signature(getattr(mf, name)).parameters.values()
        named = {one.name for one in parameters if one.kind is not inspect.Parameter.VAR_KEYWORD}
        assert named <= set(usual), name


@pytest.mark.parametrize(
    ("name", "arguments"), [*USUAL.items(), *((name, usual) for name, (_, usual) in METHODS.items())]
)
def test_usual_arguments_are_accepted(name, arguments):
    made, error = called(name, arguments)
    assert not error
    assert not isinstance(made, mf.MeanFieldError), made


def test_every_figure_is_tried():
    assert set(plotting.__all__) <= set(METHODS)


def is_error(thing):
    return isinstance(thing, type) and issubclass(thing, Exception)


def test_a_sample_of_odd_arguments_gets_right_results_or_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some values are names of a checkpoint
    cases = [case for case in odd_arguments.cases() if case.label not in SLOW]
    assert wrong(random.Random(0).sample(cases, SAMPLE)) == {}


@pytest.mark.long
def test_every_odd_argument_gets_a_right_result_or_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert wrong(odd_arguments.cases()) == {}


def wrong(cases):
    return {str(case): what for case in cases if (what := outcome(case))}


@pytest.fixture(scope="module")
def objects():
    return public_objects()


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_every_public_object_can_be_copied_and_pickled(objects, how):
    for name, thing in objects.items():
        again = how(thing)
        assert type(again) is type(thing), name
        with np.printoptions(precision=17):
            assert repr(again) == repr(thing), name
        if isinstance(thing, Exception):
            assert vars(again).keys() == vars(thing).keys(), name


def test_every_public_class_has_an_object_that_is_copied(objects):
    kinds = {kind for thing in objects.values() for one in (thing, *parts(thing)) for kind in type(one).__mro__}
    classes = {name: thing for name in mf.__all__ if isinstance(thing := getattr(mf, name), type)}
    assert [name for name, kind in classes.items() if kind not in kinds and not is_error(kind)] == []


def parts(thing):
    return thing if isinstance(thing, tuple) else ()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("relu", "'relu'"),
        ("a\nb", r"'a\nb'"),
        ("7" * 10_000, f"'{'7' * 40}'… (10000 characters)"),
        (10**5000, "an integer of 16610 bits"),
        (np.zeros((3, 400)), "an array of shape (3, 400)"),
        (np.zeros((2, 2)), "array([[0., 0.], [0., 0.]])"),
    ],
    ids=["name", "lines", "digits", "integer", "large array", "small array"],
)
def test_values_are_shown_on_one_short_line(value, text):
    assert shown(value) == text


def test_a_message_is_one_line_and_keeps_its_beginning_and_its_end():
    message = str(mf.InvalidInput("begins\n" + "x" * 100_000 + " and\r\nends"))
    assert len(message) == LONGEST
    assert message.startswith("begins xxx")
    assert message.endswith("xxx and ends")
    assert message.isprintable()


@pytest.mark.parametrize("value", [np.ma.masked, np.ma.masked_array([0.5, 99.0], mask=[False, True]), [[np.ma.masked]]])
def test_masked_entries_are_refused(value):
    with pytest.raises(mf.InvalidInput, match="q has masked entries"):
        mf.gain("relu", q=value)


def test_an_activation_in_a_layer_is_read_when_the_layer_is_made():
    assert mf.analyze(mf.Network(mf.Elementwise("tanh"), mf.Dense(1.3))).phase == "chaotic"
    with pytest.raises(mf.UnknownActivation, match="nearest"):
        mf.Elementwise("tahn")


@pytest.mark.parametrize(("name", "value"), [("leaky_relu", 1e155), ("leaky_relu", -1e155), ("celu", 1e-160)])
def test_parameters_whose_powers_are_no_floats_are_refused(name, value):
    (parameter,) = mf.activation(name).parameters
    with pytest.raises(mf.InvalidInput, match=f"{parameter} must be from .* to 1e\\+100"):
        mf.activation(name, **{parameter: value})


@pytest.mark.parametrize("rtol", ["a", None, np.nan, np.inf, -1, 1j, [1e-3]])
def test_tolerances_are_finite_numbers(rtol):
    with pytest.raises(mf.InvalidInput, match="rtol must be a tolerance, a finite number of at least 0"):
        mf.expectation("relu", rtol=rtol)
