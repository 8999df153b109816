"""What a row of the table of schemes says, and how a row with its arguments becomes an `Initializer`."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from meanfield.activations.activation import Activation
from meanfield.activations.catalogue.entry import Real
from meanfield.errors import InvalidInput
from meanfield.initializers.initializer import Initializer
from meanfield.initializers.matrix_ensembles import MODES, Ensemble, Law, Named, Scaled
from meanfield.initializers.truncated_normal import CONVENTIONS, TruncatedNormal
from meanfield.montecarlo.weight_laws import LAWS

Check = Callable[[str, Any], Any]

MANY = 10**9
SMALLEST, LARGEST = 1e-100, 1e100  # standard deviations and bounds whose quotients are still floats


class Parameter(NamedTuple):
    """A parameter: what turns a value given for it into the one used, its default, and whether it must be given."""

    check: Check
    default: Any = None
    needed: bool = False


def number(default: float | None, low: float = -math.inf, *, open: bool = False, high: float = math.inf) -> Parameter:
    """A finite number from `low` to `high`; without a default it may be left out."""
    return Parameter(Real(0.0, low, high, open=open).check, default)


def positive(default: float) -> Parameter:
    """A finite number > 0."""
    return number(default, 0.0, open=True)


def count(least: int, default: int | None = None) -> Parameter:
    """A whole number; without a default it may be left out."""
    return Parameter(Real(least, least, MANY, integer=True).check, default)


def needed(parameter: Parameter) -> Parameter:
    """The same, but it must be given."""
    return parameter._replace(needed=True)


def one_of(*values: str, default: str | None = None) -> Parameter:
    """One of some words."""

    def check(name: str, value: Any) -> str:
        if not (isinstance(value, str) and value in values):
            raise InvalidInput(f"{name} must be one of {', '.join(values)}, not {value!r:.60}")
        return value

    return Parameter(check, default)


@dataclass(frozen=True)
class Settings:
    """What a scheme is made from, all decided: gain, fan, law, activation or None, and its own parameters."""

    gain: float
    mode: str
    law: Law
    activation: Activation | None
    values: Mapping[str, Any]


class Parts(NamedTuple):
    """What a scheme consists of."""

    weights: Ensemble
    biases: Scaled | None = None
    constants: Mapping[str, float] = {}


def scaled(settings: Settings) -> Parts:
    """The usual case: entries of variance gain²/fan."""
    return Parts(Scaled(settings.law, settings.gain, settings.mode))


class Options(NamedTuple):
    """What the caller said besides parameters; None where nothing."""

    activation: Activation | None
    gain: float | None
    mode: str | None
    law: str | None


OWN_LAW = "-"  # of schemes whose law is what they are
LAW_PARAMETERS = {"convention": one_of(*CONVENTIONS, default="corrected"), "bound": number(2.0, SMALLEST, high=LARGEST)}
SYNONYMS = {"normal": "gaussian", "trunc_normal": "truncated_normal"}


@dataclass(frozen=True)
class Scheme:
    """A row of the table: everything about a scheme, its arguments left open.

    Attributes
    ----------
    name : str
        Canonical name.
    source, formula : str
        Paper or API; what it does, in a line.
    gain : float or None
        Gain unless the caller says otherwise; None where the scheme has no gain, and takes neither one nor an
        activation.
    mode : str
        The fan, a key of `FANS`; the caller may change it if it is one of `MODES`.
    law : str
        Law of the entries, a key of `LAWS`; the caller may change it unless it is `OWN_LAW`.
    parameters : mapping of str to Parameter
        Its own ones.
    make : callable
        From `Settings` to `Parts`.
    activation : bool
        Whether an activation is needed for more than the gain.
    kind : type
        What the result is.
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
        parameters: Mapping[str, Any],
        call: str,
        forward_gain: Callable[[Activation], float],
    ) -> Initializer:
        """The initializer that these arguments make, each of them checked and used."""
        law_name = self._law(options.law)
        known = {**self.parameters, **(LAW_PARAMETERS if law_name == "truncated_normal" else {})}
        for name in parameters:
            if name not in known:
                raise InvalidInput(f"{self.name} has no parameter {name!r}; its parameters are: {self._takes(known)}")
        values = {name: self._value(name, parameter, parameters) for name, parameter in known.items()}
        self._refuse_unused(options, values)
        law: Law = Named(law_name)
        if law_name == "truncated_normal":
            law = TruncatedNormal(values["convention"], values["bound"])
        gain = options.gain
        if gain is None and options.activation is not None and self.gain is not None:
            gain = forward_gain(options.activation)
        mode = self.mode if options.mode is None else options.mode
        settings = Settings(self.gain or 1.0 if gain is None else gain, mode, law, options.activation, values)
        weights, biases, constants = self.make(settings)
        return self.kind(self.name, self.source, self.formula, call, weights, biases, constants)

    def _law(self, law: str | None) -> str:
        if law is None:
            return self.law
        if self.law == OWN_LAW:
            raise InvalidInput(f"{self.name} has a law of its own and takes no law=")
        name = SYNONYMS.get(law, law) if isinstance(law, str) else ""
        if name not in LAWS:
            raise InvalidInput(f"law must be one of {', '.join(('normal', *LAWS))}, not {law!r:.60}")
        return name

    def _value(self, name: str, parameter: Parameter, given: Mapping[str, Any]) -> Any:
        if given.get(name) is not None:
            return parameter.check(f"{self.name}: {name}", given[name])
        if parameter.needed:
            raise InvalidInput(f"{self.name} needs {name}=, as initializer({self.name!r}, {name}=…)")
        return parameter.default

    def _refuse_unused(self, options: Options, values: Mapping[str, Any]) -> None:
        if options.mode is not None:
            if self.mode not in MODES:
                raise InvalidInput(f"{self.name} does not scale with a fan that could be chosen: it takes no mode=")
            if options.mode not in MODES:
                raise InvalidInput(f"mode must be one of {', '.join(MODES)}, not {options.mode!r:.60}")
        if options.gain is not None and self.gain is None:
            raise InvalidInput(f"{self.name} takes no gain=: its formula is {self.formula}")
        if options.activation is not None and self.gain is None and not self.activation:
            raise InvalidInput(f"{self.name} does not depend on the activation: its formula is {self.formula}")
        sources = (options.gain is not None, options.activation is not None, values.get("negative_slope") is not None)
        if sum(sources) > 1 and not self.activation:
            raise InvalidInput("give one of gain, activation and negative_slope: each of them sets the gain")

    def _takes(self, known: Mapping[str, Any]) -> str:
        also = {
            "activation": self.gain is not None or self.activation,
            "gain": self.gain is not None,
            "mode": self.mode in MODES,
            "law": self.law != OWN_LAW,
        }
        return ", ".join((*known, *(name for name, takes in also.items() if takes))) or "none"
