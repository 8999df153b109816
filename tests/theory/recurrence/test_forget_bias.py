"""Fixed points of recurrent cells: published numbers, iteration, simulated cells, and the bias for a memory."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.errors import InvalidInput
from meanfield.theory.recurrence.cells import Cell

UNIT = {"sigma_w": 1.0, "sigma_v": 1.0, "input_q": 1.0}


@pytest.mark.parametrize(
    ("kind", "bias", "hidden", "chi"),
    [
        ("minimal", 0.0, 0.440395750701, 0.364545180954),
        ("minimal", 2.0, 0.159368573995, 0.744397858652),
        ("minimal", 5.0, 0.0139604160506, 0.97883446537),
        ("gru", 0.0, 0.171657510090, 0.364909254144),
    ],
)
def test_fixed_points(kind, bias, hidden, chi):
    found = Cell(kind, **UNIT).fixed(bias)
    assert found.hidden == pytest.approx(hidden, abs=1e-12)
    assert 1.0 - found.loss == pytest.approx(chi, abs=1e-11)


def test_published_biases():
    wanted = {10: 3.337367416400, 30: 4.536749523670, 100: 5.780124715443, 1000: 8.099030965482}
    np.testing.assert_allclose(mf.forget_bias(list(wanted)), list(wanted.values()), atol=1e-9)


@pytest.mark.parametrize("kind", ["minimal", "gru"])
@pytest.mark.parametrize(("sigma_w", "memory"), [(0.6, 5.0), (1.4, 40.0), (1.0, 1e9)])
def test_the_memory_is_as_wanted(kind, sigma_w, memory):
    bias = mf.forget_bias(memory, cell=kind, sigma_w=sigma_w, input_q=0.7)
    loss = Cell(kind, sigma_w, 1.0, 0.7).fixed(bias).loss
    assert -1.0 / np.log1p(-loss) == pytest.approx(memory, rel=1e-9)


def test_a_cell_of_finite_width():
    """A GRU and a minimalRNN of 300 units with new weights at each step, and a tangent beside the state."""
    rng, n, steps = np.random.default_rng(0), 300, 50

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    for kind, bias in (("minimal", 1.0), ("gru", 0.5)):
        h, t, sizes, growth = np.zeros(n), rng.normal(size=n), [], []
        for step in range(steps):
            x = rng.normal(size=n)

            def weigh(*vectors):
                w = rng.normal(size=(n, n)) / np.sqrt(n)
                return [w @ v for v in vectors]

            (a, da), (drive,) = weigh(h, t), weigh(x)
            u = sigmoid(bias + a + drive)
            du = u * (1 - u) * da
            if kind == "minimal":
                g, dg = x, 0.0
            else:
                (b, db), (reset,) = weigh(h, t), weigh(x)
                r = sigmoid(b + reset)
                (c, dc), (fresh,) = weigh(r * h, r * t + r * (1 - r) * db * h), weigh(x)
                g = np.tanh(c + fresh)
                dg = (1 - g * g) * dc
            new = u * t + du * (h - g) + (1 - u) * dg
            h = u * h + (1 - u) * g
            if step > 15:
                sizes.append(np.mean(h * h))
                growth.append(np.mean(new * new) / np.mean(t * t))
            t = new / np.sqrt(np.mean(new * new))
        found = Cell(kind, **UNIT).fixed(bias)
        assert np.mean(sizes) == pytest.approx(found.hidden, rel=0.06)
        assert np.mean(growth) == pytest.approx(1 - found.loss, rel=0.06)


def test_refusals():
    wrong = ({"memory": 0.0}, {"memory": 1e13}, {"cell": "lstm"}, {"cell": "rnn"}, {"sigma_w": 20.0})
    for arguments in wrong:
        with pytest.raises(InvalidInput):
            mf.forget_bias(**{"memory": 10.0, **arguments})
    with pytest.raises(InvalidInput, match="no gate bias"):
        mf.forget_bias(0.01, sigma_w=5.0)
