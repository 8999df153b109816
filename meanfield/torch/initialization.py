"""Weights of a torch model drawn by theory, for the graph that is found, with a report of what was drawn and why."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.activations.gains import gain
from meanfield.activations.resolve import activation as resolved
from meanfield.arguments import whole
from meanfield.audits.weight import Weight
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, MeanFieldError, shown
from meanfield.initializers.resolve import initializer
from meanfield.json_types import json_types
from meanfield.recommendation.recommend import recommend
from meanfield.torch.framework import checked_model, framework
from meanfield.torch.state import restored
from meanfield.torch.trace import record
from meanfield.torch.trees import checked_inputs
from meanfield.torch.weights import weights_of
from meanfield.torch.wiring import Wiring

NORMS = "Norm"  # in the names of torch's classes of norms
KNOWN = ("hidden", "residual_out", "scaled_out", "head", "attention")


@dataclass(frozen=True)
class Drawn:
    """One tensor that was drawn: its name, the standard deviation of its entries, and why."""

    name: str
    std: float
    why: str


@dataclass(frozen=True, repr=False)
class Report:
    """What `meanfield.torch.initialize_` did.

    Attributes
    ----------
    drawn : tuple of Drawn
        Tensors that were drawn or set, in order.
    left : dict of str to str
        Tensors that were left alone, and why.
    scheme : str
        The scheme.
    """

    drawn: tuple[Drawn, ...]
    left: dict[str, str]
    scheme: str

    def summary(self) -> str:
        """A line for each tensor."""
        lines = [f"{self.scheme}: {len(self.drawn)} tensors drawn, {len(self.left)} left alone"]
        lines += [f"{one.name}: std {one.std:.4g}, {one.why}" for one in self.drawn]
        return "\n".join([*lines, *(f"{name}: left alone, {why}" for name, why in self.left.items())])

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"Report({self.summary().splitlines()[0]})"

    def to_dict(self) -> dict[str, Any]:
        """The report in JSON types."""
        converted: dict[str, Any] = json_types(self)
        return converted


@own_error_state
def initialize_(
    model: Any, inputs: Any = None, *, scheme: str = "critical", activation: Any = None, seed: int | None = None
) -> Report:
    """Draw the weights of a torch model in place, each by the activation that it reads and its place in the graph.

    Parameters
    ----------
    model : torch.nn.Module
        The model; weights, biases and norms change in place, and nothing else.
    inputs : tensor, tuple or dict, optional
        As for `audit`. The model runs once on them, which finds what each weight reads. Without inputs all Linear and
        convolution layers of the model are taken to read `activation`.
    scheme : str
        "critical" for theory, "gpt2" for standard deviations 0.02 and 0.02/√branches, or a name for
        `meanfield.initializer`, whose scale then holds for all hidden weights.
    activation : str, callable, Activation, optional
        The activation that weights read, in place of the ones that are found.
    seed : int, optional
        Seed of the draws; torch's own generator by default.

    Returns
    -------
    Report
        What was drawn and why, and what was left alone.

    Raises
    ------
    InvalidInput
        If the model does not run on the inputs, no scheme has the name, or there are neither inputs nor activation.
    MeanFieldError
        If torch is not installed.

    Notes
    -----
    Under "critical", entries are Gaussian. Behind an activation outside of residual branches, sigma_w and sigma_b are
    those of `meanfield.recommend`. Inside of branches, where norms set q, sigma_w is the gain at q = 1. Weights that
    read a norm, the input or attention have sigma_w = 1, as have heads. The last weight of each of R residual branches
    is divided by √R. Norms get weights 1 and biases 0. Embeddings, recurrent weights and what is not understood are
    left alone and named.
    """
    model = checked_model(model)
    if inputs is None and activation is None:
        raise InvalidInput("initialize_ needs inputs to find what each weight reads, or the activation that all read")
    given = None if activation is None else resolved(activation)
    named = None if scheme in ("critical", "gpt2") else initializer(_text(scheme))
    torch = framework()
    generator = torch.Generator()
    generator.manual_seed(torch.seed() if seed is None else whole(seed, "seed", 2**63 - 1, least=0))
    weights, inside = _found(model, inputs, given)
    branches = max(len({w.name for w in weights if w.role in ("residual_out", "scaled_out")}), 1)
    drawn, left = [], {}
    for weight in weights:
        parameter, _, part = weight.name.partition("#")
        if weight.role not in KNOWN:
            left[weight.name] = f"its role is {weight.role}"
            continue
        phi = given if given is not None and weight.activation is not None else weight.activation
        try:
            std, sigma_b, why = _scale(weight, phi, scheme, named, branches, weight.name in inside)
        except MeanFieldError as error:
            left[weight.name] = str(error)
            continue
        with torch.no_grad():
            _part_of(model.get_parameter(parameter), part).normal_(0.0, std, generator=generator)
        drawn.append(Drawn(weight.name, std, why))
        drawn += _bias(model, parameter, sigma_b, generator)
    done = {one.name.partition("#")[0] for one in drawn} | {name.partition("#")[0] for name in left}
    drawn += _norms(model)
    done |= {one.name for one in drawn}
    left |= {name: "not understood" for name, _ in model.named_parameters() if name not in done}
    return Report(tuple(drawn), left, scheme)


def _text(scheme: object) -> str:
    if not isinstance(scheme, str):
        raise InvalidInput(f"scheme must be 'critical', 'gpt2' or the name of a scheme, not {shown(scheme)}")
    return scheme


def _found(model: Any, inputs: Any, given: Activation | None) -> tuple[Sequence[Weight], set[str]]:
    """The weights, and the names of those inside of residual branches."""
    torch = framework()
    if inputs is None:
        kinds = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
        made: list[Weight] = []
        for path, module in model.named_modules():
            if isinstance(module, kinds):
                shape = tuple(module.weight.shape)
                fan_in, name = math.prod(shape[1:]), f"{path}.weight" if path else "weight"
                made.append(
                    Weight(
                        name, path, "hidden", len(made), "torch", shape, fan_in, shape[0] * math.prod(shape[2:]), 1,
                        shape, 0.0, 0.0, 0.0, 0.0, "", None, given, -1,
                    )
                )  # fmt: skip
        return made, set()
    with restored(model):
        found = record(model, checked_inputs(inputs), None, 0)
        wiring = Wiring(found)
        weights = weights_of(model, found, wiring, 0.01)
    bits = wiring.in_branches()
    return weights, {w.name for w in weights if w.reads >= 0 and (bits >> w.reads & 1 or "out" in w.role)}


def _scale(
    w: Weight, phi: Activation | None, scheme: str, named: Any, branches: int, inside: bool
) -> tuple[float, float, str]:
    """Standard deviation of a weight, sigma_b of its bias, and why."""
    out = w.role in ("residual_out", "scaled_out")
    if scheme == "gpt2":
        return 0.02 / math.sqrt(branches if out else 1), 0.0, f"0.02/√{branches}" if out else "0.02"
    if named is not None and w.role != "head":
        return float(named.std(w.fan_out, w.fan_in)), 0.0, scheme
    root = math.sqrt(w.fan_in)
    if w.role == "head":
        return 1.0 / root, 0.0, "a head, sigma_w = 1"
    damping, why = (math.sqrt(branches), f", divided by √{branches} for {branches} branches") if out else (1.0, "")
    if phi is None:
        return 1.0 / root / damping, 0.0, f"reads no activation, sigma_w = 1{why}"
    if inside:
        sigma_w = _gain(phi)
        return sigma_w / root / damping, 0.0, f"behind {phi.name} in a branch, gain {sigma_w:.4g} at q = 1{why}"
    sigma_w, sigma_b = _recommended(phi)
    return sigma_w / root / damping, sigma_b, f"behind {phi.name}, critical sigma_w = {sigma_w:.4g}{why}"


@lru_cache(maxsize=32)
def _recommended(phi: Activation) -> tuple[float, float]:
    found = recommend(phi)
    return float(found.sigma_w), float(found.sigma_b)


@lru_cache(maxsize=32)
def _gain(phi: Activation) -> float:
    return float(gain(phi).value)


def _part_of(parameter: Any, part: str) -> Any:
    """The rows of a part of a packed matrix, or the parameter itself."""
    return parameter if not part else parameter.detach().chunk(3)["qkv".index(part)]


def _bias(model: Any, weight: str, sigma_b: float, generator: Any) -> list[Drawn]:
    """Draw the bias that belongs to a weight."""
    torch = framework()
    path, _, name = weight.rpartition(".")
    bias = getattr(model.get_submodule(path), name.replace("weight", "bias"), None)
    if not isinstance(bias, torch.nn.Parameter) or "weight" not in name:
        return []
    with torch.no_grad():
        bias.normal_(0.0, sigma_b, generator=generator) if sigma_b else bias.zero_()
    return [Drawn(weight.replace("weight", "bias"), sigma_b, f"sigma_b = {sigma_b:.4g}")]


def _norms(model: Any) -> list[Drawn]:
    torch = framework()
    drawn = []
    for path, module in model.named_modules():
        if NORMS in type(module).__name__ and isinstance(getattr(module, "weight", None), torch.nn.Parameter):
            with torch.no_grad():
                module.weight.fill_(1.0)
                drawn.append(Drawn(f"{path}.weight", 0.0, "a norm, 1"))
                if isinstance(getattr(module, "bias", None), torch.nn.Parameter):
                    module.bias.zero_()
                    drawn.append(Drawn(f"{path}.bias", 0.0, "a norm, 0"))
    return drawn
