"""Each planted fault is found and named; tests/long/torch_audits.py measures how often."""

import pytest
from planted_torch_faults import FAULTS

import meanfield.torch as mft


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_found_and_named(zoo, torch, name):
    make, plant, kind, severity = FAULTS[name]
    model, inputs = make(zoo)
    module = plant(model, torch)
    found = mft.audit(model, inputs, redraws=0, rng=0)
    named = [one for one in found.findings if one.kind == kind and one.module == module]
    assert [one.severity for one in named] == [severity]


def test_where_nothing_is_planted_none_of_them_is_found(zoo):
    for make in {make for make, *_ in FAULTS.values()}:
        model, inputs = make(zoo)
        assert mft.audit(model, inputs, redraws=0, rng=0).passed
