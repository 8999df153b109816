"""The command `meanfield`: its subcommands, error messages and exit status."""

import contextlib
import errno
import functools
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from meanfield._version import __version__
from meanfield.cli.audit import audit
from meanfield.cli.check import check
from meanfield.cli.critical import critical
from meanfield.cli.fixed_points import fixed_points
from meanfield.cli.gain import gain
from meanfield.cli.output import answers_alone
from meanfield.cli.phase import phase
from meanfield.cli.propagate import propagate
from meanfield.cli.recommend import recommend
from meanfield.cli.spectrum import spectrum
from meanfield.cli.table import table
from meanfield.cli.transform import transform
from meanfield.errors import MeanFieldError

DONE, USAGE, INTERRUPTED, BROKEN_PIPE, INTERNAL = 0, 2, 130, 141, 70
UsageError: Any = typer.BadParameter.__mro__[1]  # of click, or of the copy inside newer versions of typer


def _answering(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with standard output for its answer alone."""

    @functools.wraps(command)
    def call(*arguments: Any, **options: Any) -> Any:
        with answers_alone():
            return command(*arguments, **options)

    return call


app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for name, command in (
    ("recommend", recommend),
    ("gain", gain),
    ("critical", critical),
    ("fixed-points", fixed_points),
    ("phase", phase),
    ("propagate", propagate),
    ("spectrum", spectrum),
    ("check", check),
    ("table", table),
    ("transform", transform),
    ("audit", audit),
):
    app.command(name)(_answering(command))


def show_version(wanted: bool) -> None:
    """Print the version and exit, if `wanted`."""
    if wanted:
        typer.echo(f"meanfield {__version__}")
        raise typer.Exit


@app.callback()
def meanfield(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Signal propagation in deep random networks with any activation and many kinds of layers.

    ACTIVATION is a name (gelu, "leaky_relu(0.2)"), a formula in x ("x*tanh(log(1 + exp(x)))") or
    package.module:callable.

    NETWORK is the layers of a block between commas, as in "relu, dropout(0.1), dense(1.4, 0.1)" or
    "residual(layernorm, gelu, dense(1.4), scale=0.2)". --sigma-w and --sigma-b, if given, set every layer with weights.

    Exit status: 0 done, 1 a check failed, 2 bad usage, 70 internal error, 130 interrupted, 141 broken pipe.

    \b
    Example: meanfield recommend gelu
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; errors are one line on standard error.

    Parameters
    ----------
    arguments : sequence of str, optional
        Arguments after ``meanfield``; by default the arguments of the process.

    Returns
    -------
    int
        0 done, 1 a check failed, 2 bad usage, 70 internal error, 130 interrupted, 141 broken pipe.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    if sys.stdout is None:
        return _failed("standard output is closed; send it to a file or a pipe", USAGE)
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")  # a user's function may overflow in its tails
            status = app(words or ["--help"], prog_name="meanfield", standalone_mode=False)
        sys.stdout.flush()
        return int(status or DONE)
    except UsageError as error:
        where = f"{error.ctx.command_path} --help" if error.ctx else "meanfield --help"
        return _failed(f"{error.format_message().rstrip('.')}; see {where}", USAGE)
    except MeanFieldError as error:
        return _failed(str(error), USAGE)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and getattr(error.__context__, "errno", None) != errno.EPIPE:
            return _failed(f"a given module or function called sys.exit({error.code!r:.60})", USAGE)
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        return _failed(f"{error.filename or 'output'}: {error.strerror or error}", USAGE)
    except MemoryError:
        return _failed("not enough memory; use fewer points, networks or units", USAGE)
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        told = f"{type(error).__name__}: {error}"
        return _failed(f"this is a bug in meanfield, please report it ({told}); PYTHONDEVMODE=1 shows where", INTERNAL)


def _failed(message: str, status: int) -> int:
    line = " ".join(message.split())
    typer.echo(f"error: {line if len(line) <= 600 else f'{line[:599]}…'}", err=True)
    return status
