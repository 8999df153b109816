"""The table of activations and schemes: what the folklore does to signal and gradient."""

import math

import numpy as np
import pytest

from meanfield.activations.catalogue.table import catalogue
from meanfield.activations.resolve import activation
from meanfield.errors import InvalidInput, UnknownActivation
from meanfield.initializers.resolve import initializer
from meanfield.initializers.scheme_table import IN_TABLE, scheme_table
from meanfield.initializers.signal_at_depth import rescaled_signal_at_depth, signal_at_depth
from meanfield.networks.block import mlp
from meanfield.theory.depth.propagate import propagate
from meanfield.theory.fixed_points.stability import stability
from meanfield.theory.fixed_points.variance import fixed_points

SIGMAS = [(0.5, 0.1), (1.0, 0.0), (1.4142135623730951, 0.0), (2.0, 0.3)]


def one(name, scheme, **options):
    (row,) = scheme_table([name], [scheme], **options)
    return row


def test_gelu_with_the_gain_of_relu_has_lost_the_signal_at_layer_50():
    row = one("gelu", "he_normal")
    assert row.depths == (10, 50, 200)
    assert row.q[1] == pytest.approx(2.97e-14, rel=2e-3)
    assert row.q[1] == pytest.approx(propagate(mlp("gelu", 2**0.5), 50).q[-1], rel=1e-12)
    assert row.verdict == "signal and gradient vanish"


@pytest.mark.sweep(4)
@pytest.mark.parametrize("name", ["relu", "gelu", "tanh", "selu", "softplus", "sigmoid", "sin", "mish", "relu6"])
@pytest.mark.parametrize("q", [1e-3, 1.0, 30.0])
def test_numbers_are_those_of_propagate_at_every_layer(name, q):
    for sigmas in SIGMAS:
        run, slow = signal_at_depth(mlp(name, *sigmas), 30, q), propagate(mlp(name, *sigmas), 30, q=q)
        np.testing.assert_allclose(run.q, slow.q, rtol=1e-11)
        np.testing.assert_allclose(run.gradient, np.r_[1, np.cumprod(slow.chi[:-1])], rtol=1e-11)


def test_tanh_under_critical_weights_decays_as_one_over_twice_the_depth():
    row = one("tanh", "critical", depths=[99, 9, 99])
    assert row.depths == (9, 99)
    assert row.q == pytest.approx((0.0580118478402229, 0.0051207156659929), rel=1e-11)  # K^(10), K^(100) from K^(1) = 1


def test_a_signal_beyond_floats_is_infinite_and_never_nan():
    row = one("exponential", "he_normal")
    assert row.q == row.gradient == (math.inf,) * 3
    assert row.verdict == "signal and gradient explode"
    assert row.reason.startswith("infinite from layer 3 on")
    assert one("relu", "sparse", depths=[1000]).q == (math.inf,)
    assert one("relu", "gpt2", depths=[1000]).q == (0.0,)


def test_the_gradient_of_a_jump_is_infinite():
    row = one("sign", "xavier_normal")
    assert row.gradient == (math.inf,) * 3
    assert row.q == (1.0, 1.0, 1.0)
    assert "jumps" in row.reason
    assert one("hardshrink", "gpt2").gradient == (math.inf,) * 3  # even where no signal is left


def test_an_exact_gain_at_which_q_repels_keeps_it_and_says_so():
    row = one("squared_relu", "he_normal:activation")
    assert row.q == pytest.approx((1, 1, 1), rel=1e-12)
    assert "q = 1 repels: a deviation from it grows by 2 a layer" in row.reason
    assert one("relu", "he_normal:activation").reason == ""


def test_lsuv_pins_q_from_any_start():
    row, phi = one("tanh", "lsuv", q=0.3), activation("tanh")
    assert row.q == (1.0, 1.0, 1.0)
    v, x = phi.moments.second_moment, phi.moments.derivative_moment
    ratio = [float(x(q)[0] / v(q)[0]) for q in (0.3, 1.0)]
    assert row.gradient[0] == pytest.approx(ratio[0] * ratio[1] ** 9, rel=1e-12)
    assert rescaled_signal_at_depth(phi, 3, 0.3).q.tolist() == [0.3, 1, 1, 1]


def test_a_scheme_that_an_activation_cannot_have_is_a_row_that_says_why():
    row = one("where(x > 1e6, x, 0*x)", "he_normal:activation")
    assert (row.sigma_w, row.q, row.verdict) == (None, (), "-")
    assert "has no forward gain" in row.reason


def test_fixed_schemes_are_those_of_the_width():
    assert one("tanh", "normal:std=0.05", width=400).sigma_w == pytest.approx(1.0)
    assert one("tanh", "torch_linear", width=300).sigma_b == pytest.approx(1 / 30)


def test_critical_weights_are_told_apart_from_their_q():
    row = one("gelu", "critical")
    sides = stability(fixed_points(mlp("gelu", row.sigma_w, row.sigma_b)))
    assert "q = 3.03498 is stable" in sides
    assert row.reason == f"critical at q = 3.56155, not at 1; {sides}"
    assert row.verdict == "gradient vanishes"
    at = one("gelu", "critical", q=(3 + 17**0.5) / 2)
    assert (at.reason, at.verdict) == (sides, "keeps")
    assert at.gradient == pytest.approx((1, 1, 1), rel=1e-9)


def test_the_default_has_a_row_for_every_activation_and_scheme_without_nan():
    rows = scheme_table(["relu", "elu", "silu:beta=1.5"])
    assert [row.scheme for row in rows] == [*IN_TABLE] * 3
    assert rows[-1].parameters == {"beta": 1.5}
    numbers = [x for row in rows for x in (row.sigma_w, row.sigma_b, *row.q, *row.gradient)]
    assert not np.isnan(numbers).any()
    for row in rows[: len(IN_TABLE)]:
        if ":activation" not in row.scheme and row.scheme not in ("lsuv", "critical"):
            assert row.sigma_w == initializer(row.scheme).sigma_w_at(1024, 1024)


def test_the_catalogue_has_rows_without_nan():
    rows = scheme_table(catalogue(), ["torch_linear", "he_normal"], depths=[3, 5])
    assert len(rows) == 2 * len(catalogue())
    assert not np.isnan([x for row in rows for x in (*row.q, *row.gradient)]).any()
    assert all(row.q and row.gradient for row in rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"schemes": ["he_norml"]}, "the nearest names are he_normal"),
        ({"schemes": ["normal"]}, "normal needs std="),
        ({"schemes": ["torch_linear:activation"]}, "does not depend on the activation"),
        ({"schemes": [3]}, "a scheme is a name"),
        ({"depths": "ten"}, "depth must be a whole number"),
        ({"depths": []}, "at least one depth"),
        ({"depths": [0]}, "depth must be a whole number"),
        ({"width": 0}, "width must be a whole number"),
        ({"q": -1.0}, "q must be finite and greater than 0"),
        ({"q": [1.0, 2.0]}, "q must be one number"),
    ],
)
def test_wrong_questions_are_refused(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        scheme_table(**{"activations": ["relu"], "schemes": ["he_normal"], **arguments})


def test_one_thing_need_not_be_in_a_list():
    assert scheme_table("relu", "he_normal", depths=5) == scheme_table(["relu"], ["he_normal"], depths=[5])


def test_an_unknown_activation_is_refused():
    with pytest.raises(UnknownActivation, match="gelu"):
        scheme_table(["geluu"])
