"""How residual branches are scaled: by a number, by depth, as in DeepNorm, or not at all."""

from typing import NamedTuple

from meanfield._types import Parameter
from meanfield.arguments import factor, whole
from meanfield.errors import InvalidInput, shown

MOST_LAYERS = 10**9
WORDS = ("per_layer", "per_branch", "deepnorm", "rezero")


class ResidualScales(NamedTuple):
    """Factors of the skip connection and of the branch, and a factor of the weights of values, outputs and MLP."""

    skip: float = 1.0
    branch: Parameter = 1.0
    weights: float = 1.0


def residual_scales(residual: object, layers: int | None, *, post_ln: bool = False) -> ResidualScales:
    """The scales that a word or number describes, of a network of `layers` layers of two branches each.

    Parameters
    ----------
    residual : float, array_like or str
        A number is the factor of every branch, as 1 or the values of LayerScale. "per_layer" is 1/√layers and
        "per_branch" is 1/√(2·layers). "deepnorm" is a skip_scale of (2·layers)^¼ with weights times (8·layers)^−¼,
        for an encoder or decoder alone with norms behind the sums. "rezero" is a factor of 0.
    layers : int or None
        Number of layers; only some words need it.
    post_ln : bool
        Whether the norms stand behind the sums.

    Raises
    ------
    InvalidInput
        If the word is unknown or does not suit the network, or `layers` is missing or not a whole number ≥ 1.

    References
    ----------
    De & Smith 2020 (arXiv:2002.10444) for depth; Radford et al. 2019 (GPT-2), section 2.3; Wang et al. 2022
    (arXiv:2203.00555), table 1, for DeepNorm; Bachlechner et al. 2020 (arXiv:2003.04887) for ReZero.

    Examples
    --------
    >>> residual_scales("per_branch", 8), residual_scales("deepnorm", 8, post_ln=True).skip
    (ResidualScales(skip=1.0, branch=0.25, weights=1.0), 2.0)
    """
    if not isinstance(residual, str):
        return ResidualScales(branch=factor(residual, "residual"))
    if residual not in WORDS:
        raise InvalidInput(f"residual must be a number or one of {', '.join(WORDS)}, not {shown(residual)}")
    if residual == "rezero":
        return ResidualScales(branch=0.0)
    if layers is None:
        raise InvalidInput(f"residual={residual!r} depends on depth: give layers=, the number of layers")
    n = whole(layers, "layers", MOST_LAYERS)
    if residual == "deepnorm":
        if not post_ln:
            raise InvalidInput("residual='deepnorm' belongs to norms behind the sums: use post_ln_transformer")
        return ResidualScales(skip=(2 * n) ** 0.25, weights=(8 * n) ** -0.25)
    return ResidualScales(branch=n**-0.5 if residual == "per_layer" else (2 * n) ** -0.5)
