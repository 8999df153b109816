"""The ACTIVATION|NETWORK argument of a command: an activation or a network, with its sigmas."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meanfield.cli.arguments import parse_activation
from meanfield.cli.output import activation_keys
from meanfield.errors import InvalidInput

if TYPE_CHECKING:
    from meanfield.activations.activation import Activation
    from meanfield.networks.layers.network import Network


@dataclass(frozen=True)
class SpecArgument:
    """An activation or a network.

    Attributes
    ----------
    spec : Activation or Network
        Argument of the library's functions.
    name : str
        Name in tables and figures; the text of a network.
    keys : dict
        Its description in JSON output.
    """

    spec: "Activation | Network"
    name: str
    keys: dict[str, object]


@dataclass(frozen=True)
class BlockArgument:
    """The block that is repeated in depth.

    Attributes
    ----------
    network : Network
        Layers of the block.
    name : str
        Name in tables and figures.
    sigmas : tuple of float, or None
        sigma_w and sigma_b of the Dense layer after an activation; None for a network, whose text contains them.
    recommended : bool
        Whether the sigmas are recommended ones, because none were given.
    keys : dict
        Its description in JSON output.
    """

    network: "Network"
    name: str
    sigmas: tuple[float, float] | None
    recommended: bool
    keys: dict[str, object]

    def title(self, form: str = "sigma_w = {:.10g}, sigma_b = {:.10g}") -> str:
        """Title of a table or a figure."""
        return f"{self.name}, {form.format(*self.sigmas)}" if self.sigmas else self.name


def parse_spec(text: str, parameters: list[str] | None = None) -> SpecArgument:
    """Parse an argument: a network if one of its items is the name of a layer, else an activation.

    Raises
    ------
    MeanFieldError
        If it is neither an activation nor a network.

    Examples
    --------
    >>> parse_spec("tanh").keys, parse_spec("Layer-Norm, relu, dense(2)").keys
    ({'activation': 'tanh', 'parameters': {}}, {'network': 'layernorm, relu, dense(2.0)'})
    """
    from meanfield.networks.text.text import is_network, network, written

    if not is_network(text):
        phi = parse_activation(text, parameters)
        return SpecArgument(phi, phi.name, activation_keys(phi))
    if parameters:
        raise InvalidInput(
            "--param is for an activation: a network has parameters in its text, as in 'leaky_relu(0.2), dense'"
        )
    found = network(text)
    if found.shape:
        raise InvalidInput(f"a command takes one network: give each layer one value, not arrays of shape {found.shape}")
    return SpecArgument(found, written(found), {"network": written(found)})


def parse_block(text: str, parameters: list[str] | None, sigma_w: float | None, sigma_b: float | None) -> BlockArgument:
    """Parse an argument as a block: an activation followed by Dense, or the layers of a network.

    Parameters
    ----------
    text, parameters
        As in `parse_spec`.
    sigma_w, sigma_b : float or None
        sigma_w and sigma_b of every weighted layer. None: the values in a network's text, or the recommended values for
        an activation.

    Raises
    ------
    MeanFieldError
        If the argument is not a block.
    """
    from meanfield.networks.block import mlp
    from meanfield.networks.layers.network import Network
    from meanfield.networks.text.text import written

    subject = parse_spec(text, parameters)
    if isinstance(subject.spec, Network):
        if sigma_w is not None or sigma_b is not None:
            check_weighted(subject.spec)
        network = subject.spec.at(sigma_w=sigma_w, sigma_b=sigma_b)
        keys: dict[str, object] = {"network": written(network), "sigma_w": sigma_w, "sigma_b": sigma_b}
        return BlockArgument(network, written(network), None, False, keys)
    if sigma_w is None and sigma_b is not None:
        raise InvalidInput("--sigma-b needs --sigma-w too; leave both out for the recommended ones")
    if recommended := sigma_w is None:
        from meanfield.recommendation.recommend import recommend

        advice = recommend(subject.spec)
        sigma_w, sigma_b = advice.sigma_w, advice.sigma_b
    sigmas = float(sigma_w), float(sigma_b or 0.0)
    keys = {**subject.keys, "sigma_w": sigmas[0], "sigma_b": sigmas[1]}
    return BlockArgument(mlp(subject.spec, *sigmas), subject.name, sigmas, recommended, keys)


def check_weighted(network: "Network") -> None:
    """Raise InvalidInput if no layer of the network has a sigma_w."""
    if not any("sigma_w" in layer.parameters for layer in network.walk()):
        raise InvalidInput("the network has no weights for sigma_w and sigma_b: put a layer such as dense into it")
