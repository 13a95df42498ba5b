"""The command `pigmm loss-surface`; light, so that help needs no library of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..notation.plain_text import say
from .options import PdfOption


def loss_surface(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a trained run with --layers all; or a new or empty one.")
    ],
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Measure less, and train on the bundled digits: a minute or two."),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of batches, simulations and networks trained here.")] = 0,
    data_root: Annotated[
        Path | None, typer.Option(help="Folder of the images (default: that of the RUN, or the user's cache).")
    ] = None,
    pdf: PdfOption = False,
) -> None:
    """Compare Hessians of batches with random matrices, and write a report.

    Spacings of eigenvalues before, early in and after training, on training and on test images, against GOE, GUE and
    independent levels; how the noise and the outliers depend on the batch size; whether eigenvectors prefer directions;
    and what a preconditioned step along an outlier is. In an empty RUN a small ensemble is trained first.

    The last line is the path of the report, in the folder loss-surface of RUN.
    """
    from ..loss_surface.driver import run_loss_surface

    say(run_loss_surface(run, quick=quick, seed=seed, data_root=data_root, pdf=pdf))
