"""Four laws of every kind of layer at finite width, for each block of `layer_cases`.

Passes are each other's transpose, single precision stays single, networks agree with the theory, and an error of 3 % in
the theory is found.
"""

import math
import sys
from functools import cache

import numpy as np
import pytest
from frozen_draw import Frozen, assert_transposed
from layer_cases import CASES

import meanfield as mf
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.images import pixels_of
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import batch_size

UNITS = 16
LARGE = {"attention, gaussian, normalised", "attention, gated transformer", "batchnorm, dropout", "pixels, LeNet"}


def parameters(*row):
    return pytest.param(*row, marks=pytest.mark.slow if row[0] in LARGE else ())


every_case = pytest.mark.parametrize("name", CASES)
every_fault = pytest.mark.parametrize(
    ("name", "fault"), [parameters(name, fault) for name, case in CASES.items() for fault in case.faults]
)


def passes(name, dtype="float64"):
    """The block as a function of signals alone, and two inputs of it, or a batch."""
    block = mf.Network(*CASES[name].blocks)
    batch = batch_size(block)
    pixels = tuple(min(n, 4) for n in pixels_of([block], None, None))
    inputs = np.random.default_rng(3).standard_normal(((batch or 2) * math.prod(pixels), UNITS))

    def run(x):
        return forward(block, x, Frozen(UNITS, pixels, dtype))

    return run, inputs.astype(dtype)


@every_case
def test_the_pullback_is_the_transpose_of_the_linearised_map(name):
    assert_transposed(*passes(name))


@every_case
def test_single_precision_stays_single_precision(name):
    run, x = passes(name, "float32")
    y, pullback = run(x)
    assert y.dtype == pullback(y).dtype == np.float32


@cache
def drawn(name):
    return mf.simulate(CASES[name].block, **CASES[name].size)


def compared(name, described):
    """The verdict on the networks of a case, which are drawn once, against the theory of what is described."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[mf.crosscheck.__module__], "simulate", lambda *_, **__: drawn(name))
        return mf.crosscheck(described, **CASES[name].size)


@pytest.mark.parametrize("name", [parameters(name) for name in CASES])
def test_simulation_and_theory_agree(name):
    assert compared(name, CASES[name].block)


@pytest.mark.sweep(2)
@every_case
def test_narrow_networks_with_matrices_drawn_agree(name):
    case = CASES[name]
    assert mf.crosscheck(case.block, **case.size | {"method": "materialized", "rng": 1} | case.narrow)


@every_fault
def test_an_error_of_three_percent_in_the_theory_is_found(name, fault):
    assert not compared(name, CASES[name].with_fault(fault))


def test_every_kind_of_layer_has_a_case():
    def kinds(of):
        return {kind for one in of.__subclasses__() for kind in ({one} | kinds(one))}

    public = {kind for kind in kinds(Layer) if getattr(mf, kind.__name__, None) is kind}
    found = {type(layer) for case in CASES.values() for block in case.blocks for layer in block.walk()}
    assert public - found == {mf.StochasticDepth}  # coins need hundreds of networks: tests/theory/depth
