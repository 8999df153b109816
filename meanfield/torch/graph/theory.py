"""Theory along the graph of a pass: second moments forwards and squared gradients backwards, at infinite width.

A signal is a sum of *atoms*. Fresh weights make a new atom, of zero mean and uncorrelated with all others. Linear steps
keep atoms, so that sums of signals that share atoms, as behind a skip connection, have the right second moment.
Activations make an opaque atom, which may have a mean and is correlated with what it depends on. Where a sum needs the
covariance of opaque atoms, and at every step without a map, theory stops and goes on from the measured values behind.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from meanfield.audits.row import Row
from meanfield.audits.weight import Weight
from meanfield.bounded import Bounded
from meanfield.errors import InvalidInput, MeanFieldError
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.theory.layer_maps import one_point
from meanfield.theory.states import Point, Spread
from meanfield.torch.attention.mean_field import Side, averaged, maps_of
from meanfield.torch.attention.reads import Reads
from meanfield.torch.graph.gradients import Step, backward
from meanfield.torch.graph.operations import Operation, operations
from meanfield.torch.redraws import output_of
from meanfield.torch.wiring import Wiring


@dataclass(frozen=True)
class Atom:
    """A summand of signals: second moment, mean, what it depends on (as bits), its weight, whether Gaussian."""

    q: float
    mean: float
    depends: int
    weight: str = ""
    gaussian: bool = False

    @property
    def fresh(self) -> bool:
        """Whether it has zero mean and is uncorrelated with everything that it does not make."""
        return bool(self.weight)


PREDICTED = "predicted"
State = dict[int, float]  # atom: coefficient


def predicted(
    model: Any, wiring: Wiring, weights: Sequence[Weight], rows: Sequence[Row]
) -> tuple[tuple[Row, ...], dict[str, str]]:
    """The rows with what theory says at infinite width for weights of these scales, and why it stops, by module."""
    forward = Forward(wiring)
    steps = [forward.step(one) for one in operations(model, wiring, weights)]
    gradients = backward(wiring, steps)
    why = {number: step.why for step in steps for number in step.operation.gives if step.why}
    told = _by_correlations(steps)
    done = []
    for row in rows:
        signal = output_of(wiring.found, row.module)
        if signal is None or signal.number not in forward.states:
            done.append(row)
            continue
        number = signal.number
        stopped = why.get(number, "")
        q = math.nan if stopped else forward.q(number)
        g = gradients.get(number, math.nan) / max(math.prod(signal.shape), 1)
        spoken = told.get(number, PREDICTED) if number in forward.spoken and not stopped else stopped
        q = q if number in forward.spoken else math.nan
        done.append(replace(row, predicted_second_moment=q, predicted_gradient=g, theory=spoken))
    stops: dict[str, str] = {}
    for step in steps:
        if reason := step.why or (step.operation.backwards and f"for gradients, {step.operation.backwards}"):
            module = step.operation.call.module
            before = stops.get(module, "")
            stops[module] = before if reason in before else f"{before}; {reason}" if before else reason
    return tuple(done), stops


def _by_correlations(steps: Sequence[Step]) -> dict[int, str]:
    """Which map predicts the signals behind softmax attention and averages, up to the next matrix."""
    told: dict[int, str] = {}
    ended: set[int] = set()
    for step in steps:
        one = step.operation
        if isinstance(one.call.attention, Reads) and not step.why:
            told[one.gives[0]] = f"{PREDICTED}: {maps_of(one.call.attention)}"
        elif one.kind == "average" and not step.why:
            told[one.gives[0]] = f"{PREDICTED}: an average of points whose correlations are measured"
        elif one.reads and one.reads[0] in told and one.kind in ("same", "dense"):
            if one.reads[0] not in ended:
                told |= dict.fromkeys(one.gives, told[one.reads[0]])
            ended.update(one.gives if one.kind == "dense" else ())
    return told


class Forward:
    """Second moments forwards."""

    def __init__(self, wiring: Wiring) -> None:
        self.signals = wiring.found.signals
        self.atoms: list[Atom] = []
        self.states: dict[int, State] = {}
        self.spoken: set[int] = set()  # signals that theory predicts

    def atom(
        self, q: float, mean: float, before: Sequence[int] = (), weight: str = "", gaussian: bool = False
    ) -> State:
        """A new atom that depends on the signals `before`."""
        depends = 1 << len(self.atoms)
        for number in before:
            depends |= self.depends(number)
        self.atoms.append(Atom(q, mean, depends, weight, gaussian))
        return {len(self.atoms) - 1: 1.0}

    def depends(self, number: int) -> int:
        """The atoms that a signal depends on, as bits."""
        bits = 0
        for i in self.states.get(number, {}):
            bits |= self.atoms[i].depends
        return bits

    def q(self, number: int) -> float:
        """Second moment of a signal."""
        return sum(c * c * self.atoms[i].q for i, c in self._known(number).items())

    def mean(self, number: int) -> float:
        """Mean of a signal over its units."""
        return sum(c * self.atoms[i].mean for i, c in self._known(number).items())

    def gaussian(self, number: int) -> bool:
        """Whether the units of a signal are Gaussian with mean 0."""
        return all(self.atoms[i].gaussian for i in self._known(number))

    def _known(self, number: int) -> State:
        if number not in self.states:  # an input
            self.states[number] = self.measured(number, ())
        return self.states[number]

    def measured(self, number: int, before: Sequence[int]) -> State:
        """An opaque atom with the measured moments of a signal."""
        signal = self.signals[number]
        return self.atom(signal.second_moment, signal.mean, before)

    def step(self, operation: Operation) -> Step:
        """Follow one operation; where it has no map, what it gives starts from measured values."""
        for number in operation.reads:
            self._known(number)
        try:
            chi, why = self._followed(operation), operation.why
        except (MeanFieldError, ArithmeticError) as error:
            chi, why = None, str(error)
        if chi is None:
            for number in operation.gives:
                self.states[number] = self.measured(number, operation.reads)
            return Step(operation, (), why or "its operands are correlated in a way that theory does not know")
        self.spoken.update(operation.gives if operation.kind != "constant" else ())
        return Step(operation, chi)

    def _followed(self, one: Operation) -> tuple[float, ...] | None:
        """Set the states that an operation gives and return its factors for gradients; None where theory stops."""
        if one.kind == "stop":
            return None
        out = one.gives[0]
        if one.kind in ("drawn", "constant"):
            for number in one.gives:
                signal = self.signals[number]
                fresh = one.weight or f"signal {number}" if one.kind == "drawn" else ""
                self.states[number] = self.atom(
                    signal.second_moment, 0.0 if fresh else signal.mean, (), fresh, bool(fresh)
                )
            return ()
        number = one.reads[0]
        if one.kind == "same":
            for given in one.gives:
                self.states[given] = {i: c * one.factor for i, c in self.states[number].items()}
            return (one.factor**2,)
        if one.kind in ("part", "parts"):
            named = all(self.atoms[i].fresh for i in self.states[number])
            for given in one.gives:
                weight = (f"part {given}" if one.kind == "parts" else one.weight) if named else ""
                self.states[given] = self.atom(
                    self.q(number), self.mean(number), (number,), weight, self.gaussian(number)
                )
            return (1.0,)
        if one.kind == "attention":
            return self._attention(one)
        if one.kind == "average":  # its points are correlated as measured
            share = self.signals[out].second_moment / self.signals[number].second_moment
            self.states[out] = self.atom(
                share * self.q(number), self.mean(number), (number,), self._named(number), self.gaussian(number)
            )
            return (one.factor,)
        if one.kind == "sum":
            return self._sum(one)
        if one.kind == "product":
            return self._product(one)
        if isinstance(one.layers[0], Elementwise) and not self.gaussian(number):
            raise InvalidInput("an activation has a map for Gaussian units of mean 0, and reads others here")
        after = _through(one.layers, self.q(number), self.mean(number))
        q, mean, chi = after
        if one.kind == "dense":
            self.states[out] = self.atom(q, 0.0, (number,), one.weight, True)
        elif one.kind == "noise":
            added = self.atom(q - self.q(number), 0.0, (number,), f"noise {out}")
            self.states[out] = self.states[number] | added
        elif type(one.layers[0]).__name__.endswith("Norm") and not one.backwards:
            factor = math.sqrt(q / self.q(number)) * one.factor
            self.states[out] = {i: c * factor for i, c in self.states[number].items()}
            return (chi * one.factor**2,)
        elif one.backwards:  # a norm that divides by what other inputs or pixels have, and keeps signs
            self.states[out] = self.atom(q * one.factor**2, 0.0, (number,), self._named(number), self.gaussian(number))
            return ()
        else:
            self.states[out] = self.atom(q, mean, (number,))
        return (chi,)

    def _named(self, number: int) -> str:
        """A name for a function of a signal of fresh weights that is odd in them; empty for another signal."""
        atoms = [self.atoms[i] for i in self.states[number]]
        return " ".join(["behind", *(atom.weight for atom in atoms)]) if all(atom.fresh for atom in atoms) else ""

    def _attention(self, one: Operation) -> tuple[float, ...]:
        """Tokens behind softmax rows, of the second moments that theory carries and the correlations measured."""
        reads, sides = one.call.attention, zip(one.reads, one.extra["sides"], strict=True)
        assert isinstance(reads, Reads)
        query, key, value = (Side(w * w * self.q(n), b) for n, (w, b) in sides)
        if not one.layers and not self._read_apart(*one.reads):
            raise InvalidInput("softmax attention has a map where queries, keys and values have matrices of their own")
        (q, factors), chi = averaged(reads, query, key, value), 1.0
        if one.layers:
            q, _, chi = _through(one.layers, q, 0.0)
        label = one.weight or self._named(one.reads[2])
        self.states[one.gives[0]] = self.atom(q, 0.0, one.reads, label, bool(one.layers))
        if factors is None:
            return ()
        return tuple(chi * factor * w * w for factor, (w, _) in zip(factors, one.extra["sides"], strict=True))

    def _read_apart(self, *reads: int) -> bool:
        """Whether values are of fresh weights, and queries and keys depend on weights that the others do not read."""
        fresh = sum(1 << i for i, atom in enumerate(self.atoms) if atom.fresh)
        query, key = (self.depends(n) & fresh for n in reads[:2])
        free = all(self.atoms[i].fresh and not (query | key) >> i & 1 for i in self.states[reads[2]])
        return free and bool(query & ~key) and bool(key & ~query)

    def _sum(self, one: Operation) -> tuple[float, ...] | None:
        out = one.gives[0]
        if "parameter" in one.extra:
            size = self.signals[out].second_moment - self.signals[one.reads[0]].second_moment
            self.states[out] = self.states[one.reads[0]] | self.atom(
                max(size, 0.0), 0.0, (), one.extra["parameter"], True
            )
            return (1.0,)
        shapes = {self.signals[n].shape for n in (*one.reads, out)}
        first, second = (self.states[n] for n in one.reads)
        if len(shapes) > 1 and not all(self.atoms[i].fresh for i in (*first, *second)):
            return None
        for i in first:
            for j in second:
                if i != j and not self._uncorrelated(i, j):
                    return None
        self.states[out] = {i: first.get(i, 0.0) + second.get(i, 0.0) for i in first | second}
        return (1.0, 1.0)

    def _uncorrelated(self, i: int, j: int) -> bool:
        a, b = self.atoms[i], self.atoms[j]
        if a.fresh and b.fresh:
            return a.weight != b.weight
        if a.fresh:
            return not b.depends >> i & 1
        return b.fresh and not a.depends >> j & 1

    def _product(self, one: Operation) -> tuple[float, ...] | None:
        """The product of two independent signals, one of them from fresh weights."""
        first, second = one.reads[:2]
        if self.signals[first].shape != self.signals[second].shape:
            return None
        for a, b in ((first, second), (second, first)):
            atoms = self.states[a]
            if all(self.atoms[i].fresh and not self.depends(b) >> i & 1 for i in atoms):
                q = self.q(first) * self.q(second)
                self.states[one.gives[0]] = self.atom(q, 0.0, (first, second))
                return self.q(second), self.q(first)
        return None


def _through(layers: Sequence[Layer], q: float, mean: float) -> tuple[float, float, float]:
    """Second moment, mean and factor of gradients behind layers, for one signal."""

    def spread() -> Spread:
        return Spread(mean=Bounded(mean), variance=Bounded(max(q - mean * mean, 0.0)))

    point = Point.at(q, spread=spread if mean else None)
    for layer in layers:
        point = one_point(layer, point)
    after = float(point.spread().mean.value) if point.spread else 0.0
    return float(point.q.value), after, float(point.chi.value)
