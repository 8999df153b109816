"""A recommendation: which weights to draw, why, and what they do."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from meanfield._types import Axes
from meanfield.arguments import choice
from meanfield.errors import InvalidInput
from meanfield.estimates import Estimate
from meanfield.reports.nonfinite import Explained, Reasons
from meanfield.reports.numbers import number
from meanfield.reports.report import Report, Table
from meanfield.theory.assumptions.block import Block
from meanfield.theory.depth.propagate import propagate

__all__ = ["Recommendation"]


@dataclass(frozen=True, repr=False)
class Recommendation(Explained):
    """How to draw the weights of a network of one activation, or of one block.

    Attributes
    ----------
    sigma_w, sigma_b : float
        Standard deviation of the weights times √fan_in, and of the biases.
    gain : float
        The forward gain 1/√E φ(Z)² of the (first) activation at q = 1, for layers whose input is scaled to q = 1;
        `gains` has the other definitions.
    gains : mapping
        Every kind of gain at q = 1 by its name, with error bounds.
    q : float
        Second moment to scale the input of the first block to. It is the fixed point, if there is one; 0 where q decays
        to 0, 1 where every q is a fixed point or q grows with depth.
    xi_c : float
        Depth scale of the correlation there, in blocks; inf where correlations decay more slowly than exponentially.
    max_depth : float
        Number of blocks that train: six times the depth scale. For (φ, Dense) it is at most the depth at which the log
        of the squared gradient has a standard deviation of 1 over networks of this width. For other blocks with an
        infinite depth scale it is the depth at which gradients have changed by a factor e⁶, or inf.
    growth : float
        Mean squared gradient at layer 0 divided by the one at layer `depth`, from q = `start`.
    start : float
        Second moment with which `growth` begins: `q`, or where that is 0, one of at most 1 from which q decays.
    universality : str
        Class of the critical point, see `meanfield.critical_point`; "none" where only gradients are critical.
    reason : str
        One sentence.
    snippets : mapping
        Code for "torch", "jax", "keras" and "numpy" that runs as it is: every weighted layer of the block, a first
        layer that brings given inputs to the second moment `start`, a last one whose outputs have the second moment 1
        behind `depth` blocks, and the branch_scale that the reason recommends.
    name, activation : str
        The activation or the block, and its (first) activation.
    depth, width : int
        As asked for.
    needed_width : float
        Width at which the log of the squared gradient behind `depth` blocks has a standard deviation of 1 over
        networks, to first order (see `meanfield.fluctuations`); NaN for blocks without an expansion.
    """

    sigma_w: float
    sigma_b: float
    gain: float
    gains: Mapping[str, Estimate]
    q: float
    xi_c: float
    max_depth: float
    growth: float
    start: float
    universality: str
    reason: str
    snippets: Mapping[str, str]
    name: str
    activation: str
    depth: int
    width: int
    needed_width: float = math.nan

    def code(self, framework: str = "torch") -> str:
        """The code for "torch", "jax", "keras" or "numpy"."""
        return self.snippets[choice(framework, "framework", tuple(self.snippets))]

    def report(self, simulation: str | None = None) -> Report:
        """The weights, the reason, and what they do; and what a simulation of them said."""
        unit = "layers" if self.name == self.activation else "blocks"
        kept = self.universality == "scale_invariant"
        endless = "infinite: critical" if unit == "layers" else "infinite"
        of = "" if unit == "layers" else f" of {self.activation}"
        trains = f"up to about {self.max_depth:.3g} {unit}, {self.width} wide"
        rows = [
            ("weights", f"standard deviation {self.sigma_w:.6g}/√fan_in"),
            ("biases", f"standard deviation {self.sigma_b:.6g}" if self.sigma_b else "zero"),
            *((f"{kind} gain{of}", str(found)) for kind, found in self.gains.items()),
            ("universality", self.universality),
            ("second moment q", "stays as it is" if kept else self._settles(unit)),
            ("depth scale xi_c", endless if math.isinf(self.xi_c) else f"{number(self.xi_c)} {unit}"),
            ("trainable depth", "not limited by gradients" if math.isinf(self.max_depth) else trains),
            *([("width for the depth", self._needs())] if math.isfinite(self.needed_width) else []),
            ("gradient", f"squared, layer 0 over layer {self.depth}: {number(self.growth)}"),
            *([] if simulation is None else [("simulation", simulation)]),
        ]
        head = f"{self.name}: sigma_w = {self.sigma_w:.12g}, sigma_b = {self.sigma_b:.12g}"
        return [head, self.reason, Table((), tuple(rows))]

    def _needs(self) -> str:
        return f"about {self.needed_width:.3g} for {self.depth}, where single gradients scatter by a factor e"

    def _settles(self, unit: str) -> str:
        if not self.q:
            slowly = unit == "layers" or self.universality == "k_star_zero"
            return f"decays{', but more slowly than exponentially' if slowly else ''}"
        entering = "the first layer's output" if unit == "layers" else "what enters the first block"
        return f"{number(self.q)}: scale {entering} to it"

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw signal, correlation and gradient of the recommended network over `depth` blocks; returns the Axes.

        Raises
        ------
        InvalidInput
            If the recommendation was pickled, which leaves the network out.
        """
        if not isinstance(self.of, Block):
            raise InvalidInput("a recommendation that was pickled has no network to draw: recommend anew")
        return propagate(self.of, self.depth, q=self.start, c=0.5).plot(ax, label=label, title=title)

    def reasons(self) -> Mapping[str, Reasons]:
        """Why numbers may be infinite, by field."""
        return {
            "xi_c": [(True, "correlations settle more slowly than exponentially")],
            "max_depth": [(True, "gradients keep their size; how widths limit this block is unknown")],
            "needed_width": [(True, "no expansion in 1/width is known for this block")],
            "growth": [(True, "it exceeds the range of a float")],
        }
