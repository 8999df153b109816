"""Names of activations as code has them: torch.nn.functional.gelu, jax.nn.gelu, tf.nn.leaky_relu, nn.ReLU."""

from meanfield.activations.catalogue.entry import Entry
from meanfield.activations.catalogue.table import ENTRIES, find, normalised
from meanfield.errors import InvalidInput

#: The first word of a path: its framework, or "" if several frameworks are imported by this word.
ROOTS = {
    **dict.fromkeys(("torch", "f", "functional", "timm", "transformers"), "torch"),
    **dict.fromkeys(("keras", "k", "tf", "tensorflow", "activations", "layers"), "keras"),
    **dict.fromkeys(("jax", "jnp", "lax", "flax", "linen", "nnx", "haiku", "hk"), "jax"),
    **dict.fromkeys(("np", "numpy", "math", "scipy", "special", "sp", "sympy"), "numpy"),
    "nn": "",
}
#: Rows whose function or default differs in a framework: what the framework means.
OWN_DEFAULTS: dict[tuple[str, str], tuple[str, dict[str, float]]] = {
    ("jax", "gelu"): ("gelu_tanh", {}),
    ("jax", "prelu"): ("prelu", {"init": 0.01}),
    ("keras", "prelu"): ("prelu", {"init": 0.0}),
    ("keras", "leaky_relu"): ("leaky_relu", {"negative_slope": 0.2}),
    ("keras layers", "leaky_relu"): ("leaky_relu", {"negative_slope": 0.3}),
}


def unqualified(path: str) -> tuple[str, str] | None:
    """The framework and the last word of a dotted path; None unless its first word belongs to a framework.

    Examples
    --------
    >>> unqualified("torch.nn.functional.gelu"), unqualified("os.path")
    (('torch', 'gelu'), None)
    """
    *before, last = path.split(".")
    framework = ROOTS.get(before[0].casefold()) if before else None
    if framework is None:
        return None
    return (f"{framework} layers" if framework == "keras" and "layers" in before else framework), last


def find_path(path: str) -> tuple[Entry, dict[str, float]] | None:
    """The row of a name or dotted path, with the parameters whose default is the framework's own; None if unknown.

    Raises
    ------
    InvalidInput
        If frameworks imported by the same word mean different functions.

    Examples
    --------
    >>> [row.name for row, _ in map(find_path, ("gelu", "F.gelu", "jax.nn.gelu"))]
    ['gelu', 'gelu', 'gelu_tanh']
    """
    if "." not in path:
        return None if (row := find(path)) is None else (row, {})
    framework, name = unqualified(path) or ("", "")
    row = find(name) if name else None
    if row is None:
        return None
    if not framework and name.islower() and normalised(name) in ("gelu", "leakyrelu"):
        other = {"gelu": "gelu_tanh", "leaky_relu": "leaky_relu(0.2)"}[row.name]
        raise InvalidInput(f"{path} differs between flax and TensorFlow: write {row.name} or {other}")
    general = OWN_DEFAULTS.get((framework.removesuffix(" layers"), row.name), (row.name, {}))
    name, parameters = OWN_DEFAULTS.get((framework, row.name), general)
    return ENTRIES[name], parameters
