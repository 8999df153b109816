"""`meanfield spectrum`: squared singular values of the Jacobian of a deep network."""

from pathlib import Path
from typing import Annotated

import typer

from meanfield.cli.arguments import AsJson, BlockText, Depth, Parameters, SigmaB, SigmaW
from meanfield.cli.network_argument import parse_block, parse_spec
from meanfield.cli.output import checked_path, print_json, print_report, save_figure, say


def spectrum(
    activation: BlockText,
    param: Parameters = None,
    sigma_w: SigmaW = None,
    sigma_b: SigmaB = None,
    depth: Depth = 32,
    weights: Annotated[str, typer.Option(metavar="gaussian|orthogonal", help="Law of the weights.")] = "gaussian",
    q: Annotated[
        float | None, typer.Option(help="Second moment at layer 0. [default: the fixed point, 1 if sigmas are chosen]")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Draw it: .png, .pdf or .svg.")] = None,
    as_json: AsJson = False,
) -> None:
    """Squared singular values of the Jacobian of a deep network: range, moments, quantiles and atoms.

    Without --sigma-w, an ACTIVATION with orthogonal weights gets those at which all of them stay near 1, if there are
    such, else the recommended ones.

    \b
    Example: meanfield spectrum tanh --depth 32 --weights orthogonal -o spectrum.png
    Example: meanfield spectrum "residual(dense, relu, dense(1.4), scale=0.1)" --depth 100
    """
    from meanfield.networks.layers.network import Network
    from meanfield.theory.spectrum import isometry as isometries
    from meanfield.theory.spectrum import spectrum as spectra

    if output is not None:
        checked_path(output)
    subject = parse_spec(activation, param)
    if weights == "orthogonal" and sigma_w is None and sigma_b is None and not isinstance(subject.spec, Network):
        found = isometries.isometry(subject.spec, depth)
        if found.reachable:
            sigma_w, sigma_b, q = found.sigma_w, found.sigma_b, found.q if q is None else q
    block = parse_block(activation, param, sigma_w, sigma_b)
    if block.recommended and q is None:
        q = 1.0
    law = spectra.spectrum(block.network, depth, q=q, weights=weights)  # type: ignore[arg-type]
    if output is not None:
        ax = law.plot(
            label=f"depth {depth}, {weights} weights", title=block.title("$\\sigma_w$ = {:.4g}, $\\sigma_b$ = {:.4g}")
        )
        save_figure(ax, output, quiet=as_json)
    if as_json:
        return print_json({**block.keys, "q": q, **law.to_dict()})
    say(block.title())
    print_report(law.report()[1:])
    return None
