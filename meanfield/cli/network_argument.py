"""What a command is about: an activation, or a network of layers, at its sigmas."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meanfield.cli.arguments import activation_from
from meanfield.cli.output import activation_keys
from meanfield.errors import InvalidInput

if TYPE_CHECKING:
    from meanfield.networks.layers.network import Network


@dataclass(frozen=True)
class Subject:
    """An activation or a network, whatever its sigmas.

    Attributes
    ----------
    spec : Activation or Network
        As the library takes it.
    name : str
        What it is called in tables and figures: a network by its text.
    keys : dict
        What a JSON answer says about it.
    """

    spec: Any
    name: str
    keys: dict[str, Any]


@dataclass(frozen=True)
class Block:
    """What is repeated in depth.

    Attributes
    ----------
    network : Network
        Its layers.
    name : str
        What it is called.
    sigmas : tuple of float, or None
        sigma_w and sigma_b of an activation's Dense layer; a network's are in its text.
    recommended : bool
        Whether they are those that `recommend` gives because none were asked for.
    keys : dict
        What a JSON answer says about it.
    """

    network: "Network"
    name: str
    sigmas: tuple[float, float] | None
    recommended: bool
    keys: dict[str, Any]

    def title(self, form: str = "sigma_w = {:.10g}, sigma_b = {:.10g}") -> str:
        """The heading of a table or a figure."""
        return f"{self.name}, {form.format(*self.sigmas)}" if self.sigmas else self.name


def subject_from(text: str, parameters: list[str] | None = None) -> Subject:
    """What a command-line argument stands for: a network if it has a layer's name as an item, else an activation.

    Raises
    ------
    MeanFieldError
        If it is neither.

    Examples
    --------
    >>> subject_from("tanh").keys, subject_from("Layer-Norm, relu, dense(2)").keys
    ({'activation': 'tanh', 'parameters': {}}, {'network': 'layernorm, relu, dense(2.0)'})
    """
    from meanfield.networks.text.text import is_network, network, written

    if not is_network(text):
        phi = activation_from(text, parameters)
        return Subject(phi, phi.name, activation_keys(phi))
    if parameters:
        raise InvalidInput(
            "--param is of an activation: a network has parameters in its text, as in 'leaky_relu(0.2), dense'"
        )
    found = network(text)
    if found.shape:
        raise InvalidInput(
            f"a command is about one network: give each layer one value, not arrays of shape {found.shape}"
        )
    return Subject(found, written(found), {"network": written(found)})


def block_from(text: str, parameters: list[str] | None, sigma_w: float | None, sigma_b: float | None) -> Block:
    """The block of an argument: an activation and its Dense layer, or the layers of a network.

    Parameters
    ----------
    text, parameters
        As in `subject_from`.
    sigma_w, sigma_b : float or None
        Of every weighted layer. None: as a network's text says, or as `recommend` does for an activation.

    Raises
    ------
    MeanFieldError
        If there is no such block.
    """
    from meanfield.networks.block import mlp
    from meanfield.networks.layers.network import Network
    from meanfield.networks.text.text import written

    subject = subject_from(text, parameters)
    if isinstance(subject.spec, Network):
        if sigma_w is not None or sigma_b is not None:
            weighted(subject.spec)
        network = subject.spec.at(sigma_w=sigma_w, sigma_b=sigma_b)
        keys = {"network": written(network), "sigma_w": sigma_w, "sigma_b": sigma_b}
        return Block(network, written(network), None, False, keys)
    if sigma_w is None and sigma_b is not None:
        raise InvalidInput("--sigma-b needs --sigma-w too; leave both out for the recommended ones")
    if recommended := sigma_w is None:
        from meanfield.recommendation.recommend import recommend

        advice = recommend(subject.spec)
        sigma_w, sigma_b = advice.sigma_w, advice.sigma_b
    sigmas = float(sigma_w), float(sigma_b or 0.0)
    keys = {**subject.keys, "sigma_w": sigmas[0], "sigma_b": sigmas[1]}
    return Block(mlp(subject.spec, *sigmas), subject.name, sigmas, recommended, keys)


def weighted(network: "Network") -> None:
    """Refuse a network that sigma_w and sigma_b do not change."""
    if not any("sigma_w" in layer.parameters for layer in network.walk()):
        raise InvalidInput("the network has no weights for sigma_w and sigma_b: put a layer such as dense into it")
