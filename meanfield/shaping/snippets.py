"""Code of a shaped activation as a module, for torch, JAX, Keras and NumPy."""

from collections.abc import Mapping
from typing import NamedTuple

from meanfield.read_only import ReadOnly


class Numbers(NamedTuple):
    """The numbers of d·(φ(ax + b) + c)."""

    input_scale: float
    input_shift: float
    output_shift: float
    output_scale: float


LIBRARIES = ("torch", "jax", "keras", "numpy")
#: Expressions in z by name of the catalogue, with the prefixes of the libraries in braces.
WORDS = {
    "torch": {"nn": "torch.nn.functional", "np": "torch"},
    "jax": {"nn": "jax.nn", "np": "jnp"},
    "keras": {"nn": "keras.ops", "np": "keras.ops"},
    "numpy": {"nn": "", "np": "np"},
}
SAME = {
    **{name: f"{{np}}.{name}(z)" for name in ("tanh", "sin", "cos")},
    **{name: f"{{nn}}.{name}(z)" for name in ("softplus", "sigmoid", "elu", "selu", "silu")},
    "leaky_relu": "{np}.maximum(z, 0 * z) + {slope} * {np}.minimum(z, 0 * z)",
}
OWN = {
    "torch": {"gelu": "torch.nn.functional.gelu(z)", "mish": "torch.nn.functional.mish(z)", "erf": "torch.erf(z)"},
    "jax": {
        "gelu": "jax.nn.gelu(z, approximate=False)",
        "mish": "z * jnp.tanh(jax.nn.softplus(z))",
        "erf": "jax.scipy.special.erf(z)",
    },
    "keras": {
        "gelu": "keras.ops.gelu(z, approximate=False)",
        "mish": "z * keras.ops.tanh(keras.ops.softplus(z))",
        "erf": "keras.ops.erf(z)",
    },
    "numpy": {
        "softplus": "np.logaddexp(0, z)",
        "sigmoid": "1 / (1 + np.exp(-z))",
        "silu": "z / (1 + np.exp(-z))",
        "elu": "np.where(z > 0, z, np.expm1(np.minimum(z, 0)))",
        "selu": "1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0)))",
        "gelu": "z * scipy.special.ndtr(z)",
        "mish": "z * np.tanh(np.logaddexp(0, z))",
        "erf": "scipy.special.erf(z)",
    },
}
IMPORTS = {
    "torch": "import torch\n",
    "jax": "import jax\nimport jax.numpy as jnp\n",
    "keras": "import keras\n",
    "numpy": "import numpy as np\nimport scipy\n",
}
MODULES = {
    "torch": '''\
class Shaped(torch.nn.Module):
    """{title}."""

    def forward(self, x):
        z = {a} * x + {b}
        return {d} * ({phi} + {c})
''',
    "keras": '''\
class Shaped(keras.layers.Layer):
    """{title}."""

    def call(self, x):
        z = {a} * x + {b}
        return {d} * ({phi} + {c})
''',
    "jax": '''\
def shaped(x):
    """{title}."""
    z = {a} * x + {b}
    return {d} * ({phi} + {c})
''',
}
WEIGHTS = "# for weights of standard deviation 1/sqrt(fan_in), biases of 0, and inputs of mean square 1\n"


def snippets(name: str, numbers: Numbers, slope: float | None, title: str) -> Mapping[str, str]:
    """Code that defines the activation, by library; empty where the name has no expression there.

    Parameters
    ----------
    name : str
        Name of φ in the catalogue.
    numbers : Numbers
        a, b, c, d.
    slope : float or None
        Slope of a leaky ReLU below its kink.
    title : str
        What the docstring says.
    """
    found: dict[str, str] = {}
    for library in LIBRARIES:
        text = OWN[library].get(name) or SAME.get(name)
        if text is None:
            continue
        phi = text.format(**WORDS[library], slope="" if slope is None else repr(slope))
        a, b, c, d = map(repr, numbers)
        body = MODULES.get(library, MODULES["jax"]).format(a=a, b=b, c=c, d=d, phi=phi, title=title)
        found[library] = f"{IMPORTS[library]}\n{WEIGHTS}\n\n{body}"
    return ReadOnly(found)
