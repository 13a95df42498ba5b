"""The command `pigmm function-forms`; light, so that help needs no library of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..notation.plain_text import say
from .options import PdfOption


def function_forms(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for tables, figures and report.")] = Path(
        "pigmm-function-forms"
    ),
    dimension: Annotated[int, typer.Option(help="Number of inputs, at least 2.")] = 5,
    hidden: Annotated[
        int | None, typer.Option(help="Hidden units, at least 2 d (d + 3) (default: 3000; with --quick 1000).")
    ] = None,
    networks: Annotated[
        int | None, typer.Option(help="Random networks, at least 2 (default: 40; with --quick 20).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="Smaller ensembles, a minute or two.")] = False,
    pdf: PdfOption = False,
) -> None:
    """Study what wide two-layer ReLU networks learn first (arXiv:2505.17907), and write a report.

    The hidden weights are random and fixed, the output weights are learnt. The eigenvalues of the Fisher matrix are
    compared with the exact and the paper's approximate ones, eigenvectors and their functions with the four groups F_0,
    F_l, F_ab and F_gg, and gradient descent with the decay that the eigenvalues give. The symmetric Gaussian model is
    fitted to ensembles of such Fisher matrices.

    The last line is the path of the report.
    """
    from ..function_forms.driver import study_function_forms

    say(
        study_function_forms(
            output, dimension=dimension, hidden=hidden, networks=networks, seed=seed, quick=quick, pdf=pdf
        )
    )
