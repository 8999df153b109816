"""flax modules and functions in the place of an activation."""

import numpy as np
import pytest

from meanfield.activations.gains import gain
from meanfield.activations.resolve import activation
from meanfield.errors import BadActivation


def test_functions_of_flax_are_those_of_jax(flax):
    assert gain(flax.linen.gelu).agrees(gain("gelu_tanh"))
    assert gain(flax.nnx.silu).agrees(gain("silu"))


def test_a_module_that_draws_is_refused_however_rarely_it_shows(flax):
    nnx = flax.nnx
    module = nnx.Sequential(nnx.silu, nnx.Dropout(1e-4, rngs=nnx.Rngs(0)))
    with pytest.raises(BadActivation, match=r"Sequential draws random numbers.*eval\(\)"):
        activation(module)
    module.eval()
    assert gain(module).agrees(gain("silu"))


def test_a_module_is_left_as_it_is(flax):
    class Counted(flax.nnx.Module):
        def __init__(self):
            self.calls = flax.nnx.Variable(flax.nnx.tanh(np.float32(0)))

        def __call__(self, x):
            self.calls[...] += 1
            return flax.nnx.tanh(x)

    module = Counted()
    np.testing.assert_allclose(activation(module)([-1.0, 2.0]), np.tanh([-1.0, 2.0]), rtol=1e-6)
    assert float(module.calls[...]) == 0


def test_what_couples_entries_and_unbound_modules_are_refused(flax):
    with pytest.raises(BadActivation, match=r"lambda x: module\.apply"):
        activation(flax.linen.PReLU())
    with pytest.raises(BadActivation, match="other entries"):
        activation(flax.linen.softmax)
    prelu, slope = flax.linen.PReLU(), float(np.float32(0.3))
    variables = {"params": {"negative_slope": np.float32(0.3)}}
    assert gain(lambda x: prelu.apply(variables, x)).value == pytest.approx((2 / (1 + slope**2)) ** 0.5, rel=1e-6)
