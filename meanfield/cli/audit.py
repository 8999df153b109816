"""`meanfield audit`: the initialisation of a torch model."""

from pathlib import Path
from typing import Annotated, Any

import typer

from meanfield.cli.arguments import AsJson, import_callable
from meanfield.cli.output import print_json, say
from meanfield.errors import InvalidInput


def audit(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="package.module:name of a function or class that returns the model.",
            show_default=False,
        ),
    ],
    inputs: Annotated[
        str,
        typer.Option(
            "--input",
            metavar="SHAPE",
            help="Shape of a batch, as 8,3,64,64 for entries N(0, 1), or 8,128:int<50257 for whole numbers; "
            "several arguments stand between semicolons.",
            show_default=False,
        ),
    ],
    expect: Annotated[
        str | None, typer.Option(help="Scheme of all hidden weights, as gpt2 or he_normal.", show_default=False)
    ] = None,
    redraws: Annotated[int, typer.Option(help="Networks with redrawn weights that the model is compared with.")] = 16,
    alpha: Annotated[float, typer.Option(help="False-alarm rate of the verdict.")] = 0.01,
    seed: Annotated[int, typer.Option(help="Seed of the model, of the inputs and of the redrawn weights.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Write a page with the figure.", show_default=False)] = None,
    as_json: AsJson = False,
) -> int:
    """Audit the initialisation of a torch model.

    Weights, signals and gradients are measured in one forward and backward pass, and compared with each other, with
    named schemes, with theory and with redrawn weights.

    Exit status: 0 no errors, 1 errors were found, 2 bad usage.

    \b
    Example: meanfield audit package.module:make_model --input 8,3,64,64
    """
    from meanfield.torch import auditing
    from meanfield.torch.framework import framework
    from meanfield.torch.trees import inputs_from_text

    torch = framework()
    torch.manual_seed(seed)
    made = _made(import_callable(model), model)
    found = auditing.audit(
        made, inputs_from_text(inputs, seed), expect=expect, redraws=redraws, alpha=alpha, rng=seed, copy=False
    )
    if html is not None:
        found.to_html(html)
    if as_json:
        print_json(found.to_dict())
    else:
        say(found.summary())
    return int(not found.passed)


def _made(make: Any, name: str) -> Any:
    try:
        return make()
    except Exception as error:
        raise InvalidInput(f"calling {name} raised {type(error).__name__}: {error}") from error
