"""Distances from dual kernels, for many pairs at once, against the forms that keep their digits near c = 1."""

import numpy as np
import pytest

from meanfield.activations.catalogue.table import ENTRIES
from meanfield.activations.closed_forms import FAMILIES, closed_form
from meanfield.numerics.pairs.closed_pairs import MANY, distance

FORMS = {name: closed_form(name, ENTRIES[name].values({})) for name in sorted(FAMILIES)}
NAMES = [name for name, form in FORMS.items() if form.distance and form.dual]


@pytest.mark.parametrize("name", NAMES)
def test_many_pairs_have_the_distances_that_few_have(name):
    rng, form, side = np.random.default_rng(0), FORMS[name], 40
    q1, q2 = (10 ** rng.uniform(-3, min(2, np.log10(form.largest_q)), shape) for shape in ((side, 1), (1, side)))
    q2[0, :5] = q1[:5, 0]
    gap = np.where(rng.uniform(size=(side, side)) < 0.2, 10 ** rng.uniform(-12, 0, (side, side)), 0.0)
    gap = np.where(gap > 0, gap, rng.uniform(0, 2, (side, side)))
    d = 0.5 * (np.sqrt(q1) - np.sqrt(q2)) ** 2 + np.sqrt(q1 * q2) * gap
    assert d.size >= MANY
    value, error = distance(form, q1, q2, d)
    assert value.shape == error.shape == d.shape
    for row in range(side):
        some, bound = distance(form, q1[row], q2[0], d[row])
        assert np.all(np.abs(value[row] - some) <= error[row] + bound)
