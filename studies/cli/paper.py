"""The commands `pigmm paper` and `pigmm compare`; light, so that help needs no library of ours.

Their examples stand here, since the help of a command is its docstring.

>>> paper(list_=True)  # doctest: +ELLIPSIS
cifar10-gaussian      CIFAR-10, Gaussian initialisation.
...
>>> compare([Path("nowhere")])
Traceback (most recent call last):
FileNotFoundError: nowhere does not exist: give a folder that `pigmm study` or `pigmm train` made
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..notation.plain_text import say
from .options import PdfOption

INITIAL_VARIANCE = "initial-variance"


def paper(
    study: Annotated[str | None, typer.Argument(metavar="STUDY", help="Name of a study; see --list.")] = None,
    run: Annotated[
        Path | None, typer.Argument(metavar="RUN", help="Folder of the study: new, empty, or to go on with.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Name the studies and stop.")] = False,
    verdicts: Annotated[
        list[Path] | None,
        typer.Option(
            help="Print what the paper claims beside what this RUN measures, in Markdown; may be given several times."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Reduced: bundled images, fewer networks and epochs; a minute or two.")
    ] = False,
    data_root: Annotated[
        Path | None, typer.Option(help="Folder of the images, downloaded to if not there (default: the user's cache).")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Torch device, such as cuda or cuda:1 (default: cpu).")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Images, instead of the study's: mnist-5k, mnist, fashion-mnist or cifar10.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Key of all random numbers (default: 0).")] = None,
    networks: Annotated[int | None, typer.Option(help="How many networks, instead of the study's.")] = None,
    epochs: Annotated[int | None, typer.Option(help="How many epochs, instead of the study's.")] = None,
    pdf: PdfOption = False,
) -> None:
    """Run a named study of a paper into RUN, with a page that holds its claims beside the measurement.

    The same command goes on with a study that was interrupted. The studies are of arXiv:2510.05218, and
    initial-variance of arXiv:2508.12834. A study of several configurations of the former has a run for each in RUN,
    and its page is RUN/comparison/report.html; that of initial-variance is RUN/report.html. The last line printed is
    the path of the page.
    """
    from ..paper.studies import paper_study, study_names

    names = study_names() | {
        INITIAL_VARIANCE: "The variance of initial weights: what training keeps, and what is best."
    }
    options: dict[str, Any] = {
        "data_root": data_root,
        "device": device,
        "dataset": dataset,
        "seed": seed,
        "networks": networks,
        "epochs": epochs,
    }
    if list_:
        for name, description in names.items():
            print(f"{name:<22}{description}")
    elif verdicts:
        from ..comparison.claims.table import verdict_table
        from ..comparison.page import markdown, size_notes
        from ..comparison.runs import finished_runs

        runs = finished_runs(verdicts)
        for line in "\n".join([markdown(verdict_table(runs)), "", *size_notes(runs)]).rstrip().split("\n"):
            say(line)
    elif study is None:
        raise ValueError(f"STUDY is required, one of {', '.join(names)}")
    elif run is None and study in names:
        raise ValueError(f"RUN is required: the folder for {study}")
    elif run is not None and study == INITIAL_VARIANCE:
        from ..initial_variance.driver import study_initial_variance

        say(study_initial_variance(run, quick=quick, pdf=pdf, **options))
    elif study not in names:
        raise ValueError(f"study must be one of {', '.join(names)}, got {study!r}")
    else:
        assert run is not None
        chosen = paper_study(study, quick, **options)
        from ..comparison.driver import run_paper_study

        say(run_paper_study(chosen, run, pdf=pdf))


def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of finished studies, or folders of several.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for page, figures and tables.")] = Path("pigmm-comparison"),
    pdf: PdfOption = False,
) -> None:
    """Put finished runs side by side: initialisations, regularisation, widths, depths.

    Prints the path of one page with small multiples by epoch, a table, and the claims of arXiv:2510.05218.
    """
    from ..comparison.page import write_comparison

    say(write_comparison(runs, output, pdf=pdf))
