"""`meanfield recommend`: how to scale the weights, how deep the network may be, and whether a simulation agrees."""

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meanfield.cli.arguments import ActivationText, AsJson, Depth, Parameters, activation_from
from meanfield.cli.gain import gains_as_json, gains_or_reasons
from meanfield.cli.output import activation_keys, number, print_json, print_table, with_error
from meanfield.errors import InvalidInput, MeanFieldError

if TYPE_CHECKING:
    from meanfield.theory.recommendation import Recommendation

__all__ = ["recommend"]

COST = 1_200_000  # of a quick check, a quarter of a second: layers × networks × (width + what a layer costs besides)
BESIDES = 512
DEEPEST = 100
FRAMEWORKS = ("torch", "jax", "keras", "numpy")


def recommend(
    activation: ActivationText,
    param: Parameters = None,
    depth: Depth = 50,
    width: Annotated[int, typer.Option(help="Units of a layer.")] = 1024,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
    no_check: Annotated[bool, typer.Option("--no-check", help="Do not simulate.")] = False,
    framework: Annotated[str, typer.Option(metavar="|".join(FRAMEWORKS), help="Whose code to print.")] = "torch",
    as_json: AsJson = False,
) -> int:
    """How to draw the weights, why, and how deep they carry.

    A simulation checks it; exit status 1 if that disagrees with the theory.

    \b
    Example: meanfield recommend gelu --depth 100 --framework jax
    """
    from meanfield.theory import recommendation

    if framework not in FRAMEWORKS:
        raise InvalidInput(f"--framework must be one of {', '.join(FRAMEWORKS)}, not {framework!r}")
    phi = activation_from(activation, param)
    advice = recommendation.recommend(phi, depth=depth, width=width)
    gains = gains_or_reasons(phi, 1.0)
    check: dict[str, Any] = (
        {"passed": None, "summary": "not simulated"} if no_check else quick_check(phi, advice, depth, width, seed)
    )
    status = int(check["passed"] is False)
    if as_json:
        names = ("sigma_w", "sigma_b", "gain", "q", "xi_c", "max_depth", "growth", "universality", "reason")
        head = {
            **activation_keys(phi),
            "depth": depth,
            "width": width,
            **{name: getattr(advice, name) for name in names},
        }
        print_json({**head, "gains": gains_as_json(gains), "check": check, "snippets": dict(advice.snippets)})
        return status
    typer.echo(f"{phi.name}: sigma_w = {advice.sigma_w:.12g}, sigma_b = {advice.sigma_b:.12g}")
    typer.echo(f"{advice.reason}\n")
    rows = [
        ("weights", f"standard deviation {advice.sigma_w:.6g}/√fan_in"),
        ("biases", f"standard deviation {advice.sigma_b:.6g}" if advice.sigma_b else "zero"),
        *((f"{kind} gain", e if isinstance(e, str) else with_error(e.value, e.error)) for kind, e in gains.items()),
        ("universality", advice.universality),
        ("second moment q", _settles(advice)),
        ("depth scale xi_c", "infinite: critical" if math.isinf(advice.xi_c) else f"{number(advice.xi_c)} layers"),
        ("trainable depth", f"up to about {advice.max_depth:.3g} layers, {width} wide"),
        ("gradient", f"squared, layer 0 over layer {depth}: {number(advice.growth)}"),
        ("simulation", check["summary"]),
    ]
    print_table((), rows)
    typer.echo(f"\n{advice.snippets[framework]}", nl=False)
    return status


def _settles(advice: "Recommendation") -> str:
    if advice.universality == "scale_invariant":
        return "stays as it is"
    return (
        f"{number(advice.q)}: scale the first layer's output to it"
        if advice.q
        else "decays, but more slowly than exponentially"
    )


def quick_check(phi: Any, advice: "Recommendation", depth: int, width: int, seed: int) -> dict[str, Any]:
    """Theory against a simulation that takes a fraction of a second: keys passed (None: not simulated) and summary."""
    from meanfield.networks.network import mlp
    from meanfield.verdict import crosscheck

    if width < 2:
        return {"passed": None, "summary": "not simulated: a layer of one unit has no mean field"}
    if not math.isfinite(advice.growth):
        return {"passed": None, "summary": "not simulated: the gradients are infinite"}
    layers = max(min(depth, DEEPEST, COST // (8 * (width + BESIDES))), 1)
    networks = min(max(COST // (layers * (width + BESIDES)), 8), 32)
    q = advice.start
    try:
        result = crosscheck(
            mlp(phi, advice.sigma_w, advice.sigma_b),
            layers,
            width,
            networks=networks,
            q=q,
            c=0.5,
            method="exact_law",
            rng=seed,
        )
    except MeanFieldError as error:
        return {"passed": None, "summary": f"not simulated: {error}"}
    return {"passed": result.passed, "summary": result.summary}
