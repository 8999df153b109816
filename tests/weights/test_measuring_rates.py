"""How often the tests behind `measure` are wrong; as a script, with a number of matrices, it prints the docs' table."""

import math
import sys
from collections import Counter

import numpy as np
import pytest

from meanfield.montecarlo.weight_laws import LAWS
from meanfield.weights.measure import measure

SHAPES = ((10, 200), (24, 24), (64, 64), (200, 50))
QUESTIONS = (
    "mean not 0",
    "heavy tail",
    "correlated",
    "outliers",
    "spectrum",
    "alike",
    "any finding",
    "scale off by 2 s.e.",
)


def students_t3(rng, shape, dtype):
    return rng.standard_t(3, shape) / math.sqrt(3)


ALL_LAWS = {**LAWS, "student_t3": students_t3}


def answers(W, sigma_w):
    """Each test at 1 %, and whether any of all six at 1 % together finds something."""
    m, found = measure(W, alpha=0.06), measure(W).findings
    s = m.spectrum
    return (
        m.mean.p_value < m.alpha,
        m.tail_kind == "heavy",
        m.correlation is not None and m.correlation.p_value < m.alpha,
        s.outliers > 0,
        not s.random and not s.orthogonal,
        s.parallel.p_value < m.alpha,
        bool(found),
        abs(m.sigma_w.value - sigma_w) > 2 * m.sigma_w.standard_error,
    )


def alarms(law, shape, matrices, seed=0):
    """How many of these matrices, all as they should be, each question was answered with yes for."""
    rng = np.random.default_rng([seed, *shape])
    counts = np.zeros(len(QUESTIONS), dtype=int)
    for _ in range(matrices):
        W = ALL_LAWS[law](rng, shape, np.dtype("float64")) * math.sqrt(2 / shape[1])
        counts += np.array(answers(W, math.sqrt(2)))
    return dict(zip(QUESTIONS, counts, strict=True))


def most(matrices, rate=0.01):
    """Alarms that a rate of 1 % exceeds in one case of ten thousand."""
    return matrices * rate + 3.7 * math.sqrt(matrices * rate) + 1


@pytest.mark.parametrize("law", ALL_LAWS)
def test_each_test_is_wrong_as_seldom_as_it_says(law):
    assert_rates(law, 20)  # tests/long/measuring_rates.py draws 400


def assert_rates(law, matrices):
    total = Counter()
    for shape in SHAPES:
        total.update(alarms(law, shape, matrices))
    heavy = law in ("student_t", "student_t3", "sparse")
    for question in ("mean not 0", "correlated", "outliers", "spectrum", "alike"):
        assert total[question] <= most(matrices * len(SHAPES)), question
    if not heavy:
        assert total["heavy tail"] <= most(matrices * len(SHAPES))
        assert total["any finding"] <= most(matrices * len(SHAPES))
    else:
        assert total["heavy tail"] > 0.8 * matrices * len(SHAPES)
    assert total["scale off by 2 s.e."] <= most(matrices * len(SHAPES), 0.1 if law == "student_t3" else 0.05)


def test_z_scores_are_standard_normal_for_independent_entries():
    rng = np.random.default_rng(0)
    z = []
    for _ in range(200):
        m = measure(rng.standard_normal((30, 40)))
        z.append((m.mean.z, m.tail.z, m.correlation.z))
    z = np.array(z)
    assert np.all(np.abs(z.mean(axis=0)) < 4 / math.sqrt(200))
    assert np.all(np.abs(z.std(axis=0) - 1) < 0.2)


def test_errors_are_the_scatter_of_what_they_are_errors_of():
    rng = np.random.default_rng(1)
    seen = [measure(rng.uniform(-1, 1, (24, 40))) for _ in range(150)]
    for name in ("sigma_w", "mean", "tail", "correlation"):
        scatter = np.std([getattr(m, name).value for m in seen])
        said = np.median([getattr(m, name).standard_error for m in seen])
        assert said == pytest.approx(scatter, rel=0.25), name


def test_the_confidence_is_the_share_of_right_answers():
    """Half of the weights drawn by named schemes, half at scales of no scheme; small ones, so that there is doubt."""
    rng = np.random.default_rng(2)
    confidence, right = [], []
    for trial in range(400):
        shape = ((6, 12), (12, 12), (20, 10))[trial % 3]
        law = ("gaussian", "uniform")[trial // 3 % 2]
        fan_out, fan_in = shape
        schemes = {"he": 2 / fan_in, "xavier": 2 / (fan_in + fan_out), "lecun": 1 / fan_in}
        schemes["none"] = math.exp(rng.uniform(-8, 1))
        name = ("he", "xavier", "lecun", "none", "none", "none")[trial % 6]
        scheme = measure(LAWS[law](rng, shape, np.dtype("float64")) * math.sqrt(schemes[name])).scheme
        confidence.append(scheme.confidence)
        right.append(any(said.startswith(name) for said in scheme.names) if name != "none" else not scheme.names)
    confidence, right = np.array(confidence), np.array(right)
    assert np.mean(confidence) == pytest.approx(np.mean(right), abs=0.12)
    sure = confidence > 0.9
    assert sure.sum() > 30
    assert right[sure].mean() > 0.85


if __name__ == "__main__":
    matrices = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print("| law | " + " | ".join(QUESTIONS) + " |\n|---" * 1 + "|---:" * len(QUESTIONS) + "|")
    for law in ALL_LAWS:
        total = Counter()
        for shape in SHAPES:
            total.update(alarms(law, shape, matrices, seed=1))
        shares = (f"{100 * total[question] / (matrices * len(SHAPES)):.2f}" for question in QUESTIONS)
        print(f"| {law} | " + " | ".join(shares) + " |", flush=True)
