"""Torch and JAX: recognised when they are loaded, evaluated in float64, never changed; not imported otherwise."""

import subprocess
import sys

import numpy as np
import pytest

from meanfield.activations.catalogue.table import catalogue
from meanfield.activations.resolve import activation
from meanfield.errors import BadActivation

X = np.array([[-3.0, -0.7, 0.0], [0.2, 1.5, 8.0]])


def test_no_framework_is_imported_by_using_a_callable():
    code = (
        "import sys, numpy, meanfield.activations.resolve as s; s.activation(numpy.tanh); s.activation('gelu')(1.0);"
        + ("assert not {'torch', 'jax', 'tensorflow', 'sympy'} & set(sys.modules)")
    )
    subprocess.run([sys.executable, "-c", code], check=True)


TORCH_MODULES = [
    "ReLU", "ReLU6", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Softplus", "Softsign", "Softshrink", "Hardshrink",
    "Tanhshrink", "Hardtanh", "Hardsigmoid", "Hardswish", "Sigmoid", "LogSigmoid", "Tanh", "LeakyReLU", "PReLU",
    "RReLU", "Identity",
]  # fmt: skip


@pytest.mark.parametrize("name", TORCH_MODULES)
def test_torch_modules_agree_with_the_catalogue_at_their_defaults(torch, name):
    phi = activation(getattr(torch.nn, name)().eval())
    np.testing.assert_allclose(phi(X), activation(name)(X), rtol=1e-12, atol=1e-12)
    assert phi.name == name + (" in eval mode" if name == "RReLU" else "")


def test_a_torch_module_is_evaluated_in_float64_and_left_as_it_is(torch):
    module = torch.nn.PReLU(init=0.1)
    module.train()
    before = module.weight.detach().clone()
    phi = activation(module)
    np.testing.assert_allclose(phi(X), np.where(X > 0, X, float(np.float32(0.1)) * X), rtol=1e-15)
    assert module.weight.dtype == torch.float32
    assert module.training
    assert module.weight.grad is None
    assert torch.equal(module.weight, before)
    with torch.no_grad():
        module.weight[...] = 0.5
    assert float(phi(-1.0)) == pytest.approx(-0.1)  # a copy


@pytest.mark.parametrize(
    "make",
    [
        lambda torch: torch.tanh,
        lambda torch: torch.nn.functional.gelu,
        lambda torch: lambda t: t * torch.sigmoid(t),
        lambda torch: lambda t: t.clamp(min=0) ** 2,
        lambda torch: lambda t: torch.where(t > 0, t, 0.1 * t),
        lambda torch: lambda t: t * torch.ones(1, dtype=torch.float64, requires_grad=True),
        lambda torch: torch.nn.Sequential(torch.nn.Tanh(), torch.nn.Softplus()),
    ],
)
def test_torch_functions_act_on_arrays_in_float64(torch, make):
    function = make(torch)
    with torch.no_grad():
        truth = function(torch.tensor(X)).numpy()
    np.testing.assert_allclose(activation(function)(X), truth, rtol=1e-15)


def test_torch_modules_that_mix_entries_or_draw_at_random_are_refused(torch):
    for module in (torch.nn.Softmax(dim=-1), torch.nn.Linear(3, 3), torch.nn.GLU()):
        with pytest.raises(BadActivation):
            activation(module)
    with pytest.raises(BadActivation, match="ReLU is a class; give an instance of it"):
        activation(torch.nn.ReLU)


JAX_FUNCTIONS = [
    "relu", "relu6", "sigmoid", "softplus", "sparse_plus", "sparse_sigmoid", "soft_sign", "silu", "swish",
    "log_sigmoid", "leaky_relu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "elu", "celu", "selu",
    "squareplus", "mish", "identity",
]  # fmt: skip


@pytest.mark.parametrize("name", JAX_FUNCTIONS)
def test_jax_functions_agree_with_the_catalogue_in_double_precision(jax, name):
    before = jax.numpy.ones(1).dtype
    phi = activation(getattr(jax.nn, name))
    np.testing.assert_allclose(phi(X), activation(name)(X), rtol=1e-12, atol=1e-12)
    assert jax.numpy.ones(1).dtype == before  # the 64-bit mode is as it was: off, unless something else turned it on


def test_compiled_and_array_method_jax_functions_act_on_arrays(jax):
    np.testing.assert_allclose(
        activation(jax.jit(lambda x: x * jax.nn.sigmoid(x)))(X), activation("silu")(X), rtol=1e-13
    )
    np.testing.assert_allclose(activation(lambda x: x.at[...].multiply(2.0))(X), 2 * X, rtol=1e-15)
    np.testing.assert_allclose(activation(jax.nn.gelu)(X), activation("gelu_tanh")(X), rtol=1e-12, atol=1e-15)


def test_with_every_framework_loaded_the_other_callables_are_as_before(torch, jax, keras):
    for function in (np.tanh, lambda x: x if x > 0 else 0.5 * x, activation(catalogue()[0])):
        assert activation(function)(X).dtype == np.float64
