"""No error is understated on random functions that nothing was declared about, and nearly all of them converge.

``pytest tests/test_corpus.py --corpus 5000`` is the long run.
"""

import mpmath
import numpy as np
import pytest
from corpus import FAMILIES, TWIN, outcomes, pair_twin, problem, twin

SEED = 20261124
PAIR_EVERY = 15


@pytest.fixture(scope="module")
def results(request):
    count = request.config.getoption("--corpus")
    return [o for index in range(count) for o in outcomes(SEED, index, index % PAIR_EVERY == 0)]


@pytest.mark.slow
def test_no_error_is_understated(results):
    assert [o for o in results if not o.honest] == []


@pytest.mark.slow
def test_nearly_all_converge_to_the_tolerance_asked_for(results):
    assert np.mean([o.converged for o in results]) >= 0.99


@pytest.mark.slow
def test_second_moments_keep_twelve_digits(results):
    assert [o for o in results if o.what == "E f²" and o.converged and o.error > (1e-12 + TWIN) * o.size] == []


@pytest.mark.parametrize("index", range(len(FAMILIES)))
def test_twin_agrees_with_mpmath(index):
    p = problem(SEED, index)
    marks = [*p.breakpoints, *(s[0] for s in p.scales if isinstance(s, tuple))]
    sd = float(np.sqrt(p.q))
    thin = [m + w * k for m, w in (s for s in p.scales if isinstance(s, tuple)) for k in (-20, -5, 5, 20)]
    edges = sorted({*np.linspace(-13, 13, 105) * sd, *marks, *thin})
    with mpmath.workdps(20):

        def integrand(x):
            return p.f(np.array([float(x)]))[0] ** 2 * mpmath.npdf(x, 0, sd)

        truth = float(mpmath.quad(integrand, edges, method="gauss-legendre", maxdegree=4))
    value, size = twin(p, lambda x: p.f(x) ** 2)
    assert value == pytest.approx(truth, abs=TWIN * size)


def test_pair_twin_agrees_with_the_arc_cosine_kernel():
    p = problem(SEED, 3)
    for c in (-0.6, 0.3, 0.99, 1 - 1e-7):
        relu = type(p)("relu", lambda x: np.maximum(x, 0), None, (0.0,), (1.0,), False, 2.0, c)
        angle = np.arccos(c)
        truth = 2.0 * (np.sin(angle) + (np.pi - angle) * c) / (2 * np.pi)
        assert pair_twin(relu)[0] == pytest.approx(truth, abs=1e-14)
