"""The command `pigmm`. Each command imports what it needs when it runs, so that help is there at once."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..notation.plain_text import say
from .function_forms import function_forms
from .interruption import INTERRUPTED, MESSAGE
from .loss_surface import loss_surface
from .network import network
from .options import PdfOption, configuration, takes_ensemble_options
from .paper import compare, paper

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Permutation-invariant Gaussian matrix models of trained weights.",
)
derive = typer.Typer(help="Derive exact results of the theory: an expectation value, or a catalogue of all.")
app.add_typer(derive, name="derive")

KindOption = Annotated[
    str, typer.Option(help="Of matrices: square, rectangular, symmetric, symmetric-zero-diagonal or two-square.")
]

YesOption = Annotated[bool, typer.Option("--yes", help="Do it for degrees with very many invariants too.")]

ReplicatesOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Ensembles simulated for calibrated p-values; 0: asymptotic ones only (default: 199 at the first and the "
        "last epoch of a study, 499 in a fit, none where that would take more than minutes).",
    ),
]

# what writing fails with where there is no room
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

#: Set this environment variable to see where an error comes from.
TRACEBACK = "PIGMM_TRACEBACK"

# typer has click inside from some version on; its own exception leads to the base class in either case
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"pigmm {version('pigmm')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _without_command(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
@takes_ensemble_options
def study(run: Path, options: dict[str, Any], replicates: ReplicatesOption = None, pdf: PdfOption = False) -> None:
    """Train an ensemble of networks, analyse its weights and write RUN/report.html.

    The same command goes on with a study that was interrupted, makes damaged files again, and does nothing to a
    finished one. With more --networks than before only the missing ones are trained.
    """
    from ..pipeline import finish
    from ..runs.folder import RunFolder

    with RunFolder.claimed(run, configuration(options), replicates, pdf) as folder:
        if not finish(folder):
            print("This study is finished; nothing to do.")
    say(folder.report)


@app.command()
@takes_ensemble_options
def train(
    run: Path,
    options: dict[str, Any],
    scheduler: Annotated[
        str | None, typer.Option(help="Address of your own dask scheduler, whose workers see RUN under the same path.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Train in so many processes of this machine.")] = None,
) -> None:
    """Train an ensemble of networks only: the first step of a study, which goes on from there."""
    from ..pipeline import train as train_run
    from ..runs.folder import RunFolder

    with RunFolder.claimed(run, configuration(options)) as folder:
        train_run(folder, scheduler=scheduler, workers=workers)
    say(folder.ensemble)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a trained run.")],
    replicates: ReplicatesOption = None,
    pdf: PdfOption = False,
) -> None:
    """Make tables, figures and report of a trained RUN.

    What is there is made again if the networks, the options or the version of pigmm have changed, or a file of it.
    """
    from ..pipeline import rebuild
    from ..runs.folder import RunFolder

    with RunFolder.open(run, replicates, pdf).locked() as folder:
        if folder.is_finished and not folder.lacks_pdf:
            print("This report is finished; nothing to do.")
        say(rebuild(folder))


@app.command()
def verify(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or an ensemble.zarr.")],
) -> None:
    """Check every file of a RUN against its checksum; exit code 1 if something is damaged."""
    from ..runs.verify import verify_run

    found = verify_run(run)
    for line in (*found.sound, *(f"damaged: {line}" for line in found.damaged)):
        say(line)
    if found.damaged:
        say(found.advice)
        raise typer.Exit(1)


app.command()(network)
app.command()(loss_surface)
app.command()(function_forms)
app.command()(paper)
app.command()(compare)


@app.command()
def fit(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help=".npy, .npz, .safetensors, .zarr, .pt/.pth/.ckpt/.bin or a RUN folder."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for tables, models and report.")] = Path(
        "pigmm-fit"
    ),
    tensor: Annotated[str, typer.Option(help="Only tensors whose name matches, such as '*.weight'.")] = "*",
    epoch: Annotated[float | None, typer.Option(help="Epoch of a RUN or an ensemble (default: the last).")] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="Of matrices: square, rectangular, symmetric, symmetric-zero-diagonal or correlation (default: by "
            "shape)."
        ),
    ] = None,
    replicates: ReplicatesOption = None,
    pdf: PdfOption = False,
    interactions: Annotated[bool, typer.Option("--interactions", help="Select the couplings beyond Gaussian.")] = False,
) -> None:
    """Fit matrices from anywhere, square or rectangular, and write tables and a report.

    An array (n, rows, columns) is n matrices; single matrices (rows, columns) of one name and shape, from one file
    each, are taken together. Parameters and verdicts are printed too; the last line is the path of the report.
    """
    from ..user_data.fit import fit_paths

    say(
        fit_paths(
            paths,
            output,
            pattern=tensor,
            epoch=epoch,
            kind=kind,
            replicates=replicates,
            say=say,
            progress=True,
            pdf=pdf,
            interactions=interactions,
        )
    )


@app.command()
def invariants(
    degree: Annotated[int, typer.Option(help="Number of factors of the matrix.")],
    kind: KindOption = "square",
    svg: Annotated[Path | None, typer.Option(help="Draw each of them into this folder.")] = None,
    yes: YesOption = False,
) -> None:
    """List the invariants of a degree, and count them by their number of nodes."""
    from ..theory.listing import check_number, draw_all, listing

    if not yes:
        check_number(degree, kind)
    for line in listing(degree, kind):
        print(line)
    if svg is not None:
        draw_all(degree, kind, svg)
        say(svg)


@derive.command()
def expectation(
    graph: Annotated[str, typer.Argument(help="Arcs, tail first: '01 12 20' is sum_ijk M_ij M_jk M_ki.")],
    latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX.")] = False,
    size: Annotated[str | None, typer.Option(help="Size, or rows,columns (default: the symbols N, or M, N).")] = None,
    kind: KindOption = "square",
    two_point: Annotated[
        bool, typer.Option("--two-point", help="In the coefficients of mean and covariance, not the parameters.")
    ] = False,
    leading: Annotated[bool, typer.Option("--leading", help="Only the leading term for large N.")] = False,
) -> None:
    """Print the exact expectation value of an invariant in the Gaussian model.

    With --two-point a line follows for each coefficient: what it multiplies in the mean or the covariance.
    """
    from sympy import latex as as_latex

    from ..notation.symbols import displayed
    from ..theory.exact import expectation_of, legend_of

    value = expectation_of(graph, kind=kind, size=size, two_point=two_point, leading=leading)
    print(as_latex(displayed(value)) if latex else value)
    if two_point:
        for line in legend_of(value, kind):
            print(f"% {line}" if latex else line)


@derive.command()
def catalogue(
    degree: Annotated[int, typer.Option(help="Number of factors of the matrix.")],
    form: Annotated[str, typer.Option("--format", help="html, latex or json.")] = "html",
    kind: KindOption = "square",
    output: Annotated[Path | None, typer.Option(help="File to write (default: invariants-KIND-DEGREE.*).")] = None,
    yes: YesOption = False,
) -> None:
    """Write all invariants of a degree: drawing, formula, exact expectation value and plan of evaluation of each."""
    from ..theory.catalogue import write_catalogue
    from ..theory.listing import check_number

    if not yes:
        check_number(degree, kind)
    say(write_catalogue(degree, form, kind, output))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process: 0 done, 2 bad input (one line on stderr), 130 interrupted.

    >>> main(["invariants", "--degree", "0"])
    Traceback (most recent call last):
        ...
    SystemExit: 2
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    # zarr reads at once what a store has, and after an error leaves the others to asyncio, which would print them
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        code = app(args=given, prog_name="pigmm", standalone_mode=False) or 0
        if code == INTERRUPTED:  # into which some versions of typer turn a keyboard interrupt
            raise KeyboardInterrupt
        sys.exit(code)
    except (typer.Abort, KeyboardInterrupt) as stopped:
        if isinstance(stopped.__cause__ or stopped.__context__, EOFError):  # a file that ends early is no interruption
            print("error: a file ends before its content is complete", file=sys.stderr)
            sys.exit(2)
        print(MESSAGE, file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # whoever read our output, such as `head`, has gone; nothing is left to flush to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except (_UsageError, ValueError, OSError, ModuleNotFoundError, MemoryError, RuntimeError) as error:
        if os.environ.get(TRACEBACK):
            raise
        say(f"error: {' '.join(_message(error).split())}", file=sys.stderr)
        sys.exit(2)


def _message(error: Exception) -> str:
    if isinstance(error, _UsageError):
        return str(error.format_message())  # type: ignore[attr-defined]
    if isinstance(error, MemoryError):
        return f"there is not enough memory{f' ({error})' if str(error) else ''}"
    if isinstance(error, RuntimeError):  # of a library: its message need not say what it is about
        return f"{type(error).__name__}: {error} ({TRACEBACK}=1 shows where it comes from)"
    if isinstance(error, OSError) and error.errno in _FULL and "goes on" not in str(error):
        return f"{error}; make room, and the same command goes on"
    return str(error)
