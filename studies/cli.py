"""The command `pigmm`. Each command imports what it needs when it runs, so that help is there at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import RunArgument, configuration, takes_ensemble_options

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Permutation-invariant Gaussian matrix models of trained weights.",
)
derive = typer.Typer(help="Derive exact results of the theory.")
app.add_typer(derive, name="derive")

#: Set this environment variable to see where an error comes from.
TRACEBACK = "PIGMM_TRACEBACK"

# typer has click inside from some version on; its own exception leads to the base class in either case
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]

# the exit code into which some versions of typer turn a keyboard interrupt, others raise it
_INTERRUPTED = 130


@app.callback(invoke_without_command=True)
def _without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
@takes_ensemble_options
def study(run: Path, options: dict[str, Any]) -> None:
    """Train an ensemble of networks, analyse its weights and write RUN/report.html.

    The same command goes on with a study that was interrupted, and does nothing to a finished one.
    """
    from .run_folder import RunFolder
    from .study import run_study

    config = configuration(options)
    if RunFolder.claim(run, config).is_finished:
        print("This study is finished; nothing to do.")
    print(run_study(config, run))


@app.command()
@takes_ensemble_options
def train(run: Path, options: dict[str, Any]) -> None:
    """Train an ensemble of networks only: the first step of a study, which goes on from there."""
    from .run_folder import RunFolder
    from .study import train as train_run

    folder = RunFolder.claim(run, configuration(options))
    with folder.locked():
        train_run(folder)
    print(folder.ensemble)


@app.command()
def report(run: RunArgument) -> None:
    """Make tables, figures and report of a trained RUN afresh."""
    from .run_folder import RunFolder
    from .study import rebuild

    folder = RunFolder.open(run)
    with folder.locked():
        print(rebuild(folder))


@app.command()
def fit(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help=".npy, .npz, .safetensors, .zarr, .pt/.pth/.ckpt/.bin or a RUN folder."),
    ],
    output: Annotated[Path, typer.Option(help="Folder for tables, models and report.")] = Path("pigmm-fit"),
    tensor: Annotated[str, typer.Option(help="Only tensors whose name matches, such as '*.weight'.")] = "*",
    epoch: Annotated[float | None, typer.Option(help="Of a RUN or an ensemble [the last].")] = None,
) -> None:
    """Fit matrices from anywhere, square or rectangular, and write tables and a report.

    An array (n, rows, columns) is n matrices; single matrices (rows, columns) of one name and shape, from one file
    each, are taken together.
    """
    from .fit import fit_paths

    print(fit_paths(paths, output, pattern=tensor, epoch=epoch))


@app.command()
def invariants(
    degree: Annotated[int, typer.Option(help="Number of factors of the matrix.")],
) -> None:
    """List the invariants of a degree, and count them by their number of nodes."""
    from .invariant_listing import listing

    for line in listing(degree):
        print(line)


@derive.command()
def expectation(
    graph: Annotated[str, typer.Argument(help="Arcs, tail first: '01 12 20' is sum_ijk M_ij M_jk M_ki.")],
    latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX.")] = False,
    size: Annotated[int | None, typer.Option(help="Matrix size [the symbol N].")] = None,
) -> None:
    """Print the exact expectation value of an invariant in the 13-parameter Gaussian model."""
    from sympy import latex as as_latex

    from ..invariants import expectation as exact
    from .labels import parse_label

    value = exact(parse_label(graph), size)
    print(as_latex(value) if latex else value)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process: 0 done, 2 bad input (one line on stderr), 130 interrupted.

    >>> main(["invariants", "--degree", "0"])
    Traceback (most recent call last):
        ...
    SystemExit: 2
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = app(args=given, prog_name="pigmm", standalone_mode=False) or 0
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(code)
    except (typer.Abort, KeyboardInterrupt):
        print("interrupted: the same command goes on from here", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # whoever read our output, such as `head`, has gone; nothing is left to flush to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except (_UsageError, ValueError, OSError) as error:
        if os.environ.get(TRACEBACK):
            raise
        message = error.format_message() if isinstance(error, _UsageError) else str(error)  # type: ignore[attr-defined]
        print(f"error: {' '.join(message.split())}", file=sys.stderr)
        sys.exit(2)
