"""`meanfield recommend`: the scale of the weights, the trainable depth, and a simulation that checks them."""

import math
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from meanfield.cli.arguments import AsJson, BlockText, Depth, Parameters
from meanfield.cli.gain import gains_as_json, gains_or_reasons
from meanfield.cli.network_argument import parse_spec
from meanfield.cli.output import print_json, print_report, say
from meanfield.errors import InvalidInput, MeanFieldError

if TYPE_CHECKING:
    from meanfield.networks.layers.network import Network
    from meanfield.recommendation.recommendation import Recommendation


COST = 1_200_000  # layers × networks × (width + OVERHEAD) of a quick check: a quarter of a second
OVERHEAD = 512  # cost of a layer besides its width
PIXELS = 64  # of a two-dimensional image
DEEPEST = 100
FRAMEWORKS = ("torch", "jax", "keras", "numpy")


def recommend(
    activation: BlockText,
    param: Parameters = None,
    depth: Depth = 50,
    width: Annotated[int, typer.Option(help="Units of a layer.")] = 1024,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
    no_check: Annotated[bool, typer.Option("--no-check", help="Do not simulate.")] = False,
    framework: Annotated[str, typer.Option(metavar="|".join(FRAMEWORKS), help="Framework of the code.")] = "torch",
    as_json: AsJson = False,
) -> int:
    """The recommended scale of the weights, the reason, and the trainable depth.

    A simulation checks the recommendation; exit status 1 if it disagrees with the theory. The recommended sigma_w and
    sigma_b replace those in the text of a NETWORK in all weighted layers; --depth counts blocks.

    \b
    Example: meanfield recommend gelu --depth 100 --framework jax
    Example: meanfield recommend "relu, dropout(0.1), dense"
    """
    from meanfield.networks.block import as_block
    from meanfield.networks.layers.network import Network
    from meanfield.networks.text.text import written
    from meanfield.recommendation import recommend as recommendation

    if framework not in FRAMEWORKS:
        raise InvalidInput(f"--framework must be one of {', '.join(FRAMEWORKS)}, not {framework!r}")
    subject = parse_spec(activation, param)
    advice = recommendation.recommend(subject.spec, depth=depth, width=width)
    network = as_block(subject.spec).at(sigma_w=advice.sigma_w, sigma_b=advice.sigma_b)
    of_layers = isinstance(subject.spec, Network)
    phis = set(network.activations)
    gains = gains_or_reasons(phis.pop(), 1.0) if len(phis) == 1 else {}  # several activations have no common gain
    check: QuickCheck = (
        {"passed": None, "summary": "not simulated"} if no_check else quick_check(network, advice, depth, width, seed)
    )
    status = int(check["passed"] is False)
    if as_json:
        names = (
            "sigma_w",
            "sigma_b",
            "gain",
            "q",
            "xi_c",
            "max_depth",
            "needed_width",
            "growth",
            "universality",
            "reason",
        )
        head = {
            **subject.keys,
            **({"recommended": written(network)} if of_layers else {}),
            "depth": depth,
            "width": width,
            **{name: getattr(advice, name) for name in names},
        }
        print_json({**head, "gains": gains_as_json(gains), "check": check, "snippets": dict(advice.snippets)})
        return status
    print_report(advice.report(check["summary"]))
    say(f"\n{advice.snippets[framework]}", nl=False)
    return status


class QuickCheck(TypedDict):
    """The outcome of a quick check."""

    passed: bool | None
    summary: str


def quick_check(network: "Network", advice: "Recommendation", depth: int, width: int, seed: int) -> QuickCheck:
    """Check with a simulation of a fraction of a second: passed (None: not simulated) and summary."""
    from meanfield.cross_check.crosscheck import crosscheck
    from meanfield.networks.images import reads_pixels
    from meanfield.networks.layers.batchnorm import batch_size

    if width < 2:
        return {"passed": None, "summary": "not simulated: a layer of one unit has no mean field"}
    if not math.isfinite(advice.growth):
        return {"passed": None, "summary": "not simulated: the gradients are infinite"}
    weighted = sum("sigma_w" in layer.parameters for layer in network.walk())
    signals = (batch_size(network) or 2) * (PIXELS if reads_pixels(network) else 1) / 2
    cost = (width + OVERHEAD) * weighted * signals
    fewest = 8 if cost == width + OVERHEAD else 16
    layers = int(max(min(depth, DEEPEST, COST // (fewest * cost)), 1))
    networks = int(min(max(COST // (layers * cost), fewest), 32))
    try:
        result = crosscheck(
            network, layers, width, networks=networks, q=advice.start, c=0.5, method="exact_law", rng=seed
        )
    except MeanFieldError as error:
        return {"passed": None, "summary": f"not simulated: {error}"}
    return {"passed": result.passed, "summary": result.summary}
