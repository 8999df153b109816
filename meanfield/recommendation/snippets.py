"""Lines of code that draw recommended weights, for the frameworks people use."""

from collections.abc import Mapping
from types import MappingProxyType


def snippets(sigma_w: float, sigma_b: float, name: str, *, convolutions: bool = False) -> Mapping[str, str]:
    """Code for "torch", "jax", "keras" and "numpy" that runs as it is; `name` goes into comments."""
    w, b = f"{sigma_w:.15g}", f"{sigma_b:.15g}"
    layers = "(torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d)" if convolutions else "torch.nn.Linear"
    fan_in = "module.weight[0].numel()" if convolutions else "module.in_features"
    torch = (
        "import torch\n\n\n"
        f"def init_weights(module):  # for {name}; use: model.apply(init_weights)\n"
        f"    if isinstance(module, {layers}):\n"
        f"        torch.nn.init.normal_(module.weight, std={w} / {fan_in}**0.5)\n"
        "        if module.bias is not None:\n"
        f"            torch.nn.init.normal_(module.bias, std={b})\n"
    )
    jax = (
        "import jax\n\n"
        f"# for {name}\n"
        f"kernel_init = jax.nn.initializers.variance_scaling({w}**2, 'fan_in', 'normal')\n"
        f"bias_init = jax.nn.initializers.normal({b})\n"
    )
    keras = (
        "import keras\n\n"
        f"# for {name}; VarianceScaling's 'untruncated_normal' is a plain normal law\n"
        "kernel_initializer = keras.initializers.VarianceScaling(\n"
        f"    scale={w}**2, mode='fan_in', distribution='untruncated_normal')\n"
        f"bias_initializer = keras.initializers.RandomNormal(stddev={b})\n"
    )
    numpy = (
        "import numpy as np\n\n\n"
        f"def init_layer(rng, fan_in, fan_out):  # for {name}\n"
        f"    weight = rng.normal(0.0, {w} / fan_in**0.5, size=(fan_out, fan_in))\n"
        f"    bias = rng.normal(0.0, {b}, size=fan_out)\n"
        "    return weight, bias\n"
    )
    return MappingProxyType({"torch": torch, "jax": jax, "keras": keras, "numpy": numpy})
