"""torch modules: the module's own mode decides, noise has its training moments, and what couples entries is refused."""

import numpy as np
import pytest
from scipy.integrate import quad

from meanfield.activations.expectations import moment
from meanfield.activations.gains import gain, gains
from meanfield.activations.resolve import activation
from meanfield.errors import BadActivation, InvalidInput
from meanfield.networks.layers.network import Network
from meanfield.theory.criticality.point import critical_point

GELU = 1.533530441195535
A = 1.7580993408473766  # α′ of AlphaDropout


def training_moments(torch, module, q, n=400_000):
    """E φ², Var φ and E φ′² of the module as it is, from draws, with standard errors."""
    torch.manual_seed(0)
    x = (torch.randn(n, 8, dtype=torch.float64) * q**0.5).requires_grad_()
    y = module(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    y, slope = y.detach().numpy(), slope.numpy()
    for draws in (y**2, (y - y.mean()) ** 2, slope**2):
        yield draws.mean(), draws.std() / draws.size**0.5


def test_dropout_in_training_mode_belongs_to_the_gain(torch):
    module = torch.nn.Sequential(torch.nn.GELU(), torch.nn.Dropout(0.5))
    found = gain(module)
    assert found.value == pytest.approx(GELU * 0.5**0.5, abs=2 * found.error + 1e-14)
    assert found.mode == "training"
    assert str(found).endswith("in training mode")
    assert repr(found).endswith("mode='training')")
    assert (2 * found).mode == "training"
    still = gain(module.eval())
    assert still.agrees(GELU)
    assert still.mode == "eval"
    assert gain(torch.nn.GELU()).mode == ""
    assert gain(torch.nn.GELU(approximate="tanh")).agrees(gain("gelu_tanh"))


def test_rrelu_in_training_mode_has_the_second_moment_of_its_slopes(torch):
    low, high = 1 / 8, 1 / 3
    slopes = (high**3 - low**3) / (3 * (high - low))
    found = gain(torch.nn.RReLU())
    assert found.agrees((2 / (1 + slopes)) ** 0.5)
    assert found.value == pytest.approx(1.376117229794390, abs=1e-14)
    assert gain(torch.nn.RReLU().eval()).agrees((2 / (1 + ((low + high) / 2) ** 2)) ** 0.5)
    assert gain(torch.nn.RReLU(0.2, 0.2)).mode == ""
    assert activation(torch.nn.RReLU().eval()).name == "RReLU in eval mode"


@pytest.mark.parametrize(
    "make",
    [
        lambda nn: nn.Sequential(nn.GELU(), nn.Dropout(0.3)),
        lambda nn: nn.Sequential(nn.Dropout(0.2), nn.GELU()),
        lambda nn: nn.Sequential(nn.SELU(), nn.AlphaDropout(0.1)),
        lambda nn: nn.Sequential(nn.RReLU(0.1, 0.9), nn.Sequential(nn.Identity(), nn.Dropout(0.1))),
    ],
    ids=["GELU, Dropout", "Dropout, GELU", "SELU, AlphaDropout", "RReLU, Dropout"],
)
@pytest.mark.parametrize("q", [1.0, 3.0])
def test_moments_are_those_of_the_module_as_torch_runs_it(torch, make, q):
    module = make(torch.nn)
    found = gains(module, q)
    for kind, (value, error) in zip(
        ("forward", "centered", "backward"), training_moments(torch, module, q), strict=True
    ):
        assert float(found[kind]) ** -2 == pytest.approx(value, abs=5 * error)


def test_alpha_dropout_keeps_mean_and_variance_of_what_has_mean_0_and_variance_1(torch):
    for rate in (0.05, 0.5):
        module = torch.nn.Sequential(torch.nn.SELU(), torch.nn.AlphaDropout(rate))
        assert gain(module).value == pytest.approx(1, abs=1e-7)  # SELU's constants have 8 digits
        assert gain(module, kind="centered").value == pytest.approx(1, abs=1e-7)
        by_hand = moment("selu", "dd").value / (1 + A**2 * rate)  # a²(1 − p) E φ′²
        assert gain(module, kind="backward").value ** -2 == pytest.approx(by_hand, rel=1e-11)


def test_slopes_that_differ_from_channel_to_channel_are_those_of_the_module(torch):
    module = torch.nn.PReLU(4)
    assert activation(module).is_scale_invariant
    assert gain(module).agrees((2 / (1 + 0.25**2)) ** 0.5)  # all slopes equal: one function
    slopes = np.float32([0.1, 0.2, 0.3, 0.9])
    with torch.no_grad():
        module.weight[:] = torch.tensor(slopes)
    x = np.linspace(-2, 3, 20).reshape(5, 4)
    np.testing.assert_allclose(activation(module)(x), module.double()(torch.tensor(x)).detach().numpy(), rtol=1e-15)
    assert gain(module).agrees((2 / (1 + np.mean(slopes.astype(float) ** 2))) ** 0.5)
    dropped = torch.nn.Sequential(module, torch.nn.Dropout(0.2))
    assert gain(dropped).agrees((2 / (1 + np.mean(slopes.astype(float) ** 2))) ** 0.5 * 0.8**0.5)
    assert repr(Network(dropped)).startswith("Network('PReLU', Dropout(rate=0.2)")


def test_a_scalar_prelu_in_half_precision_has_its_own_slope(torch):
    module = torch.nn.PReLU(init=0.3).half()
    slope = float(np.float16(0.3))
    assert gain(module).agrees((2 / (1 + slope**2)) ** 0.5)
    assert module.weight.dtype == torch.float16


def test_of_a_random_module_no_function_of_x_is_made(torch):
    module = torch.nn.Sequential(torch.nn.GELU(), torch.nn.Dropout(0.5))
    for call in (activation, critical_point, moment):
        with pytest.raises(BadActivation, match=r"Sequential\(GELU, Dropout\) in training mode is random"):
            call(module, *(["ff"] if call is moment else []))
    assert activation(module.eval())(1.0) == pytest.approx(float(torch.nn.functional.gelu(torch.tensor(1.0))), rel=1e-7)
    with pytest.raises(InvalidInput, match="moment that it should keep is 0"):
        gain(torch.nn.Dropout(1.0))


def test_a_module_of_ones_own_that_draws_is_refused_however_rarely_it_shows(torch):
    class Rare(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.dropout(torch.nn.functional.gelu(x), 1e-6, self.training)

    state = torch.get_rng_state()
    for spec in (Rare(), lambda x: torch.nn.functional.dropout(x, 1e-6)):
        with pytest.raises(BadActivation, match="draws random numbers"):
            gain(spec)
    assert torch.equal(state, torch.get_rng_state())
    found = gain(Rare().eval())
    assert found.agrees(GELU)
    assert found.mode == "eval"


def test_a_module_that_changes_with_its_mode_is_taken_in_its_own(torch):
    class Doubled(torch.nn.Module):
        def forward(self, x):
            return 2 * x if self.training else x

    assert [gain(m).mode for m in (Doubled(), Doubled().eval())] == ["training", "eval"]
    assert gain(Doubled()).agrees(0.5)
    assert gain(Doubled().eval()).agrees(1.0)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda nn: nn.Softmax(-1), "normalises over the entries of an axis"),
        (lambda nn: nn.GLU(), "mf.Gated"),
        (lambda nn: nn.Sequential(nn.ReLU(), nn.BatchNorm1d(27)), r"BatchNorm1d in Sequential.*over the batch"),
        (lambda nn: nn.BatchNorm1d(27).eval(), "mf.BatchNorm"),
        (lambda nn: nn.LayerNorm(27), "mf.LayerNorm"),
        (lambda nn: nn.Linear(27, 27), "multiplies by a matrix"),
        (lambda nn: nn.Sequential(nn.Linear(9, 9), nn.ReLU()), "Linear in Sequential"),
        (lambda nn: nn.TransformerEncoderLayer(8, 2), "LayerNorm normalises|holds"),
        (lambda nn: nn.LazyLinear(3), "multiplies by a matrix"),
        (lambda nn: nn.MaxPool1d(3), "pools over pixels"),
        (lambda nn: nn.PReLU(device="meta"), "meta device"),
    ],
)
def test_what_couples_entries_is_refused_in_a_sentence(torch, make, why):
    with pytest.raises(BadActivation, match=why) as refused:
        activation(make(torch.nn))
    assert "raised" not in str(refused.value)


def test_a_module_that_holds_linear_layers_is_judged_by_what_it_does(torch):
    class Net(torch.nn.Module):
        def __init__(self, width):
            super().__init__()
            self.inside, self.width = torch.nn.Linear(width, width), width

        def forward(self, x):
            return self.inside(x) if self.width > 1 else self.inside(x.unsqueeze(-1)).squeeze(-1)

    with pytest.raises(BadActivation, match="Net holds Linear and does not act on each entry"):
        activation(Net(9))
    learned = Net(1)  # applies one learned line to each entry
    weight, bias = (float(p.detach()) for p in learned.inside.parameters())
    assert gain(learned).agrees((weight**2 + bias**2) ** -0.5)


def test_rrelu_slopes_have_their_moments_up_to_the_fourth(torch):
    from meanfield.activations.callables.random_parts import random_part

    law = random_part(torch.nn.RReLU(0.1, 0.9))
    for power in range(1, 5):
        exact = quad(lambda a: a**power / 0.8, 0.1, 0.9)[0]  # noqa: B023
        assert np.dot(law.weights, np.array(law.slopes) ** power) == pytest.approx(exact, rel=1e-13)


def test_what_a_subclass_or_a_hook_does_counts(torch):
    class Tripled(torch.nn.Dropout):
        def forward(self, x):
            return 3 * x

    hooked = torch.nn.Sequential(torch.nn.ReLU())
    hooked.register_forward_hook(lambda module, given, found: 2 * found)
    assert gain(Tripled(0.5)).agrees(1 / 3)
    assert gain(hooked).agrees(0.5**0.5)
    traced = torch.fx.symbolic_trace(torch.nn.Sequential(torch.nn.GELU(), torch.nn.Dropout(0.5)))
    with pytest.raises(BadActivation, match="draws random numbers"):
        gain(traced)
    assert gain(traced.eval()).agrees(GELU)
