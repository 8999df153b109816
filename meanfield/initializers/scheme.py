"""An initialisation scheme with open arguments, and the `Initializer` that it makes of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from meanfield.activations.activation import Activation
from meanfield.arguments import choice
from meanfield.errors import InvalidInput, shown
from meanfield.initializers.initializer import Initializer
from meanfield.initializers.matrix_ensembles import MODES, Ensemble, Law, Named, Scaled
from meanfield.initializers.scheme_parameters import LARGEST, SMALLEST, Parameter, Value, Values, number, one_of
from meanfield.initializers.truncated_normal import CONVENTIONS, TruncatedNormal
from meanfield.montecarlo.weight_laws import LAWS


@dataclass(frozen=True)
class Settings:
    """All arguments of a scheme: gain, fan, law of entries, activation (or None) and the scheme's own parameters."""

    gain: float
    mode: str
    law: Law
    activation: Activation | None
    values: Values


class Parts(NamedTuple):
    """The law of a scheme's weights and biases, and its further constants."""

    weights: Ensemble
    biases: Scaled | None = None
    constants: Mapping[str, float] = {}


def scaled(settings: Settings) -> Parts:
    """Entries of variance gain²/fan."""
    return Parts(Scaled(settings.law, settings.gain, settings.mode))


class Options(NamedTuple):
    """Arguments common to all schemes; None if not given."""

    activation: Activation | None
    gain: float | None
    mode: object
    law: object


OWN_LAW = "-"  # the law of schemes that define one
LAW_PARAMETERS = {"convention": one_of(*CONVENTIONS, default="corrected"), "bound": number(2.0, SMALLEST, high=LARGEST)}
SYNONYMS = {"normal": "gaussian", "untruncated_normal": "gaussian", "trunc_normal": "truncated_normal"}


@dataclass(frozen=True)
class Scheme:
    """A scheme with open arguments: a row of the catalogue.

    Attributes
    ----------
    name : str
        Canonical name.
    source, formula : str
        Paper or API; formula in one line.
    gain : float or None
        Default gain; None if the scheme takes neither a gain nor an activation.
    mode : str
        The fan, a key of `FANS`; an argument if it is one of `MODES`.
    law : str
        Law of the entries, a key of `LAWS`; an argument unless it is `OWN_LAW`.
    parameters : mapping of str to Parameter
        Parameters of this scheme only.
    make : callable
        Function from `Settings` to `Parts`.
    activation : bool
        Whether the scheme uses the activation for more than the gain.
    kind : type
        Class of the result.
    """

    name: str
    source: str
    formula: str
    gain: float | None = 1.0
    mode: str = "fixed"
    law: str = "gaussian"
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    make: Callable[[Settings], Parts] = scaled
    activation: bool = False
    kind: type[Initializer] = Initializer

    def initializer(
        self,
        options: Options,
        parameters: Mapping[str, object],
        call: str,
        forward_gain: Callable[[Activation], float],
    ) -> Initializer:
        """Make the initializer; raises if an argument is invalid or has no effect."""
        law_name = self._law(options.law)
        known = {**self.parameters, **(LAW_PARAMETERS if law_name == "truncated_normal" else {})}
        for name in parameters:
            if name not in known:
                raise InvalidInput(
                    f"{self.name} has no parameter {shown(name)}; its parameters are: {self._takes(known)}"
                )
        values = Values({name: self._value(name, parameter, parameters) for name, parameter in known.items()})
        self._refuse_unused(options, values)
        law: Law = Named(law_name)
        if law_name == "truncated_normal":
            law = TruncatedNormal(str(values["convention"]), values.number("bound"))
        gain = options.gain
        if gain is None and options.activation is not None and self.gain is not None:
            gain = forward_gain(options.activation)
        mode = self.mode if options.mode is None else str(options.mode)
        settings = Settings(self.gain or 1.0 if gain is None else gain, mode, law, options.activation, values)
        weights, biases, constants = self.make(settings)
        return self.kind(self.name, self.source, self.formula, call, weights, biases, constants)

    def _law(self, law: object) -> str:
        if law is None:
            return self.law
        if self.law == OWN_LAW:
            raise InvalidInput(f"{self.name} has a law of its own and takes no law=")
        name = SYNONYMS.get(law, law) if isinstance(law, str) else ""
        if name not in LAWS:
            raise InvalidInput(f"law must be one of {', '.join(('normal', *LAWS))}, not {shown(law)}")
        return name

    def _value(self, name: str, parameter: Parameter, given: Mapping[str, object]) -> Value | None:
        if given.get(name) is not None:
            return parameter.check(f"{self.name}: {name}", given[name])
        if parameter.required:
            raise InvalidInput(f"{self.name} needs {name}=, as initializer({self.name!r}, {name}=…)")
        return parameter.default

    def _refuse_unused(self, options: Options, values: Values) -> None:
        if options.mode is not None:
            if self.mode not in MODES:
                raise InvalidInput(f"{self.name} does not scale with fan_in or fan_out: it takes no mode=")
            choice(options.mode, "mode", tuple(MODES))
        if options.gain is not None and self.gain is None:
            raise InvalidInput(f"{self.name} takes no gain=: its formula is {self.formula}")
        if options.activation is not None and self.gain is None and not self.activation:
            raise InvalidInput(f"{self.name} does not depend on the activation: its formula is {self.formula}")
        sources = (options.gain is not None, options.activation is not None, values.get("negative_slope") is not None)
        if sum(sources) > 1 and not self.activation:
            raise InvalidInput("give one of gain, activation and negative_slope: each of them sets the gain")

    def _takes(self, known: Mapping[str, Parameter]) -> str:
        also = {
            "activation": self.gain is not None or self.activation,
            "gain": self.gain is not None,
            "mode": self.mode in MODES,
            "law": self.law != OWN_LAW,
        }
        return ", ".join((*known, *(name for name, takes in also.items() if takes))) or "none"
