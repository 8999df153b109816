"""No error is understated on random functions that nothing was declared about, and nearly all of them converge.

``pytest tests/test_corpus.py --corpus 5000`` is the long run.
"""

import mpmath
import numpy as np
import pytest
from corpus import PAIR, outcomes
from corpus_problems import FAMILIES, Problem, problem
from corpus_twin import PAIR_TWIN, TWIN, mean, pair_mean

SEED = 20261124
PAIR_EVERY = 15
GRADED = np.outer([-1.0, 1.0], 4.0 ** np.arange(10)).ravel()  # marks around a feature, in its widths


@pytest.fixture(scope="module")
def results(request):
    count = request.config.getoption("--corpus")
    return [o for index in range(count) for o in outcomes(SEED, index, index % PAIR_EVERY == 0)]


@pytest.mark.slow
def test_no_error_is_understated(results):
    assert [o for o in results if not o.honest and not o.unseen] == []


@pytest.mark.slow
@pytest.mark.parametrize(("what", "share"), [("E f²", 0.99), (PAIR, 0.99), ("centred gain", 0.95), ("E f'²", 0.9)])
def test_nearly_all_converge_to_the_tolerance_asked_for(results, what, share):
    assert np.mean([o.converged for o in results if o.what == what]) >= share


@pytest.mark.slow
def test_second_moments_keep_twelve_digits(results):
    assert [o for o in results if o.what == "E f²" and o.converged and o.error > (1e-12 + TWIN) * o.size] == []


@pytest.mark.parametrize(("seed", "index"), [(1, 1914), (12, 90), (11, 137), (11, 206), (11, 219)])
def test_functions_whose_errors_were_understated_are_honest(seed, index):
    assert [o for o in outcomes(seed, index, False) if not o.honest and not o.unseen] == []


@pytest.mark.parametrize("index", range(len(FAMILIES)))
def test_the_twin_agrees_with_mpmath(index):
    p = problem(SEED, index)
    sd = float(np.sqrt(p.q))
    marks = [*p.breakpoints, *(m + w * k for m, w in p.features for k in (0, *GRADED))]
    edges = sorted(
        {*np.arange(-13 * sd, 13 * sd, min(0.25 * sd, 2 * p.scale)), *(m for m in marks if abs(m) < 13 * sd)}
    )
    with mpmath.workdps(20):

        def integrand(x):
            return p.f(np.array([float(x)]))[0] ** 2 * mpmath.npdf(x, 0, sd)

        truth = float(mpmath.quad(integrand, edges, method="gauss-legendre", maxdegree=4))
    value, size = mean(p, lambda x: p.f(x) ** 2)
    assert value == pytest.approx(truth, abs=TWIN * size)


@pytest.mark.parametrize("index", range(len(FAMILIES)))
def test_the_derivatives_of_the_problems_are_theirs(index):
    p = problem(SEED, index)
    marks = np.array([*p.breakpoints, *(m for m, _ in p.features), 100.0])
    x = np.random.default_rng(1).uniform(-3, 3, 200)
    x = x[np.abs(x[:, None] - marks).min(axis=1) > 0.02]
    h = 1e-6 * p.scale
    slope = (p.f(x + h) - p.f(x - h)) / (2 * h)
    size = np.abs(p.f(x)).max() / p.scale
    assert x.size > 0
    assert slope == pytest.approx(p.derivative(x), rel=1e-6, abs=1e-6 * size)


@pytest.mark.parametrize("q2", [2.0, 0.3])
@pytest.mark.parametrize("c", [-0.6, 0.3, 0.99, 1 - 1e-7])
def test_the_pair_twin_agrees_with_the_arc_cosine_kernel(c, q2):
    relu = Problem(lambda x: np.maximum(x, 0), lambda x: x > 0, (0.0,), q=2.0, q2=q2, c=c)
    angle = np.arccos(c)
    truth = np.sqrt(2.0 * q2) * (np.sin(angle) + (np.pi - angle) * c) / (2 * np.pi)
    assert pair_mean(relu)[0] == pytest.approx(truth, abs=PAIR_TWIN)
