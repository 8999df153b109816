"""An activation shaped for the depth of a network: deep kernel shaping and tailored activation transformations."""

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import Any, Literal

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.activations.catalogue.table import ENTRIES
from meanfield.activations.from_catalogue import from_catalogue
from meanfield.activations.mixture import Mixture
from meanfield.activations.resolve import activation
from meanfield.arguments import as_integer, choice, number, whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, shown
from meanfield.read_only import ReadOnly
from meanfield.shaping.branches import Candidate, Root, search, solved
from meanfield.shaping.conditions import DKS, TAT, Conditions
from meanfield.shaping.leaky import LeakyShape, dks_shape, tat_shape
from meanfield.shaping.moments import ShapeIntegrals
from meanfield.shaping.network_function import NetworkFunction, network_function
from meanfield.shaping.targets import local_curvature, local_slope_excess, negative_slope
from meanfield.shaping.transformed import Branch, Shaped, TransformedActivation, formula_of

__all__ = ["transform"]

DEEPEST = 100_000
METHODS: tuple[Literal["dks", "tat"], ...] = ("dks", "tat")
TYPICAL = np.array([0.25, 1.0, 4.0])  # second moments at which scale invariance is looked for
BASE = {field.name for field in fields(Activation)}


@own_error_state
def transform(
    spec: Any,
    *,
    method: Literal["dks", "tat"] = "dks",
    depth: int | None = None,
    block: Any = None,
    zeta: float = 1.5,
    tau: float = 0.3,
    eta: float = 0.9,
    branch: Literal["published"] | int = "published",
) -> TransformedActivation:
    """The activation d·(φ(ax + b) + c) whose a, b, c, d suit a network of a given depth.

    In a network with weights of sigma_w = 1, biases of 0 and inputs of second moment 1, every second moment stays 1,
    and the correlation map of the whole network is close to the identity, but not too close. So deep networks without
    normalisation layers train.

    Parameters
    ----------
    spec : str, callable, Activation
        φ, as `meanfield.activation` takes it.
    method : {"dks", "tat"}
        Deep kernel shaping, which bounds the slope C_f′(1) of every subnetwork f by `zeta`, with C(0) = 0; or tailored
        activation transformations, which bound its curvature C_f″(1) by `tau`, with C′(1) = 1. For leaky ReLUs, whose
        curvature is infinite, TAT bounds C_f(0) by `eta`. An activation that is linear on each side of 0 becomes the
        leaky ReLU whose negative slope suits the network, by both methods.
    depth : int, optional
        How many times the block is repeated; may be left out where `block` is a list.
    block : Network, Layer, activation, text, or list of them, optional
        What is repeated; by default an activation and a Dense layer. The activations in it only mark places: all of
        them become the shaped one.
    zeta : float
        Largest slope by DKS, > 1.
    tau : float
        Largest curvature by TAT, > 0.
    eta : float
        Largest C_f(0) by TAT for leaky ReLUs, between 0 and 1.
    branch : "published" or int
        The solution of the literature, or the number of another one in `.branches`.

    Returns
    -------
    TransformedActivation

    Raises
    ------
    InvalidInput
        If an argument is out of range; if TAT is asked of an activation with a kink, or DKS of one with a jump; if the
        conditions have no solution for φ; or if a layer of the block has no map of single correlations.
    UnknownActivation, BadActivation
        If `spec` is not usable.

    References
    ----------
    Martens et al. 2021 (arXiv:2110.01765), section 4; Zhang, Botev & Martens 2022 (arXiv:2203.08120), section 4.

    Examples
    --------
    >>> import meanfield as mf
    >>> shaped = mf.transform("tanh", depth=50)
    >>> shaped  # doctest: +NORMALIZE_WHITESPACE
    TransformedActivation('tanh shaped by DKS', input_scale=0.12844, input_shift=0.57078, output_shift=-0.509807,
    output_scale=10.6044)
    >>> print(f"{shaped.local_slope:.10f}", shaped.residual < 1e-12)
    1.0081422716 True
    >>> leaky = mf.transform("leaky_relu", method="tat", depth=50)
    >>> print(f"{leaky.negative_slope:.12f}")
    0.430522948502

    In residual networks each activation may bend more:

    >>> block = mf.Residual("gelu", mf.Dense(), skip_scale=0.8, branch_scale=0.6)
    >>> print(f"{mf.transform('gelu', depth=50, block=block).local_slope:.10f}")
    1.0226174211
    """
    method = choice(method, "method", METHODS)
    zeta, tau, eta = _above(zeta, "zeta", 1.0), _above(tau, "tau", 0.0), _above(eta, "eta", 0.0)
    if eta >= 1:
        raise InvalidInput(f"eta must be between 0 and 1, not {shown(eta)}")
    index = as_integer(branch)
    if not (index is not None and index >= 0) and not (isinstance(branch, str) and branch == "published"):
        raise InvalidInput(f'branch must be "published" or the number of a branch, not {shown(branch)}')
    phi = activation(spec)
    if isinstance(phi, Mixture):
        raise InvalidInput(f"transform takes one function, and {phi.name} has one for each channel: give one of them")
    network = network_function(phi if block is None else block, _depth(depth, block))
    if phi.is_scale_invariant is not False and bool(np.all(phi.looks_scale_invariant(TYPICAL))):
        if _straight(phi):
            raise InvalidInput(f"{phi.name} is linear or constant, and no a, b, c, d change that")
        if index:
            raise InvalidInput(f"branch must be 0: the leaky ReLU has one shape, not {index + 1}")
        return _leaky(method, network, zeta, eta)
    if phi.jumps:
        raise InvalidInput(f"{phi.name} jumps at x = {phi.jumps[0]:.6g}, so its correlation map has an infinite slope")
    if method == "dks":
        excess = local_slope_excess(network, zeta)
        return _shaped(phi, DKS(), excess, index, f"the slope 1 + {excess:.6g}")
    if kinks := phi.pieces.kinks:
        raise InvalidInput(
            f"{phi.name} has a kink at x = {kinks[0]:.6g}, so its correlation map has an infinite curvature: use "
            'method="dks", or transform("leaky_relu", method="tat", ...)'
        )
    curvature = local_curvature(network, tau)
    return _shaped(phi, TAT(), curvature, index, f"the curvature {curvature:.6g}")


def _depth(depth: int | None, block: Any) -> int:
    if depth is None and isinstance(block, list | tuple):
        depth = len(block)
    if depth is None:
        raise InvalidInput("transform needs depth=, the number of blocks of the network, or block= as a list of blocks")
    return whole(depth, "depth", DEEPEST)


def _above(value: float, name: str, least: float) -> float:
    found = number(value, name)
    if not least < found < 1e6:
        raise InvalidInput(f"{name} must be more than {least:g} and finite, not {shown(value)}")
    return found


def _shaped(
    phi: Activation, conditions: Conditions, target: float, index: int | None, asked: str
) -> TransformedActivation:
    integrals = ShapeIntegrals(phi)
    found = search(integrals, conditions, target)
    if found is None:
        raise InvalidInput(
            f"no a, b, c, d give {phi.name} {asked} with the other conditions of {_title(conditions)}"
            + (": it is linear or constant" if _straight(phi) else ", at any of the places where they were sought")
        )
    every = partial(_branches, integrals, conditions, target, found.expected)
    shape = _branch(integrals, conditions, found.first)
    if index is not None:
        branches = every()
        if index >= len(branches):
            raise InvalidInput(
                f"branch must be less than {len(branches)}, the number of branches found, not {shown(index)}"
            )
        shape = branches[index]
    one, more = {"Q(1)": 1.0, "Q'(1)": 1.0}, {"C(0)": 0.0, "C'(1)": 1.0 + target}
    if isinstance(conditions, TAT):
        more = {"C'(1)": 1.0, "C''(1)": target}
    slope = phi.derivative_function
    return TransformedActivation(
        Shaped(phi.function, shape),
        f"{phi.name} shaped by {_title(conditions)}",
        None if slope is None else Shaped(slope, shape, derivative=True),
        tuple((x - shape.input_shift) / shape.input_scale for x in phi.breakpoints),
        formula=formula_of(phi, shape),
        source=_source(conditions),
        original=phi,
        method=_title(conditions).lower(),
        input_scale=shape.input_scale,
        input_shift=shape.input_shift,
        output_shift=shape.output_shift,
        output_scale=shape.output_scale,
        local_slope=more["C'(1)"],
        local_curvature=more.get("C''(1)"),
        targets=ReadOnly({**one, **more}),
        others=every,
    )


def _straight(phi: Activation) -> bool:
    variance, error = phi.moments.variance(1.0)
    excess = phi.moments.derivative_moment(1.0)[0] - variance
    return bool(excess <= error + 1e-12 * abs(variance))


def _title(conditions: Conditions) -> str:
    return type(conditions).__name__


def _source(conditions: Conditions) -> str:
    dks, tat = "Martens et al. 2021 (arXiv:2110.01765)", "Zhang, Botev & Martens 2022 (arXiv:2203.08120)"
    return dks if isinstance(conditions, DKS) else tat


def _branch(integrals: ShapeIntegrals, conditions: Conditions, root: Root) -> Branch:
    m = integrals(np.array([root.a]), np.array([root.b]))
    c, d = conditions.output(m, np.array([root.sign]))
    return Branch(root.a, root.b, float(c[0]), float(d[0]), root.origin, int(root.sign))


def _branches(
    integrals: ShapeIntegrals, conditions: Conditions, target: float, expected: list[Candidate]
) -> tuple[Branch, ...]:
    return tuple(_branch(integrals, conditions, root) for root in solved(integrals, conditions, target, expected))


def _leaky(method: str, network: NetworkFunction, zeta: float, eta: float) -> TransformedActivation:
    """The leaky ReLU that suits the network, for activations with φ(ax) = aφ(x)."""
    if method == "tat":
        shape = tat_shape(negative_slope(network, eta))
        targets: Mapping[str, float] = {"Q(1)": 1.0, "Q'(1)": 1.0, "C'(1)": 1.0}
        slope = None
    else:
        excess = local_slope_excess(network, zeta)
        shape = dks_shape(excess)
        slope = 1.0 + excess
        targets = {"Q(1)": 1.0, "Q'(1)": 1.0, "C(0)": 0.0, "C'(1)": slope}
    return _of_leaky(shape, method, slope, targets)


def _of_leaky(
    shape: LeakyShape, method: str, slope: float | None, targets: Mapping[str, float]
) -> TransformedActivation:
    leaky = from_catalogue(ENTRIES["leaky_relu"], {"negative_slope": shape.negative_slope})
    numbers = Branch(1.0, 0.0, shape.output_shift, shape.output_scale)
    named = f"leaky_relu shaped by {method.upper()}"
    more: dict[str, Any] = {
        "original": leaky,
        "method": method,
        "output_shift": shape.output_shift,
        "output_scale": shape.output_scale,
        "local_slope": slope,
        "negative_slope": shape.negative_slope,
        "targets": ReadOnly(targets),
        "source": _source(DKS() if method == "dks" else TAT()),
    }
    if method == "tat":  # linear on each side of 0, so moments and kernels have closed forms
        sides = {"a": shape.output_scale * shape.negative_slope, "b": shape.output_scale}
        made = from_catalogue(ENTRIES["abrelu"], sides)
        own = {name: getattr(made, name) for name in BASE if name not in ("name", "source")}
        return TransformedActivation(name=named, **own, **more)
    slope_function = leaky.derivative_function
    return TransformedActivation(
        Shaped(leaky.function, numbers),
        named,
        None if slope_function is None else Shaped(slope_function, numbers, derivative=True),
        leaky.breakpoints,
        formula=formula_of(leaky, numbers),
        **more,
    )
