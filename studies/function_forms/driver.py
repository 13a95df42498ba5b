"""A study of function forms: decompose, compare, train, fit, judge, and write tables, figures and a page."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from ..analysis.verdicts import judge, verdict_table
from ..plots.style import figure_files
from ..runs.files import replace_files, write_tables, write_text
from ..runs.output_folder import output_folder
from ..runs.progress import progress_of
from .claims import claim_table
from .measures.descent import descent_tables
from .measures.eigenspaces import agreement_table, eigenspace_tables, eigenvalue_table
from .measures.fisher_model import model_tables
from .measures.inner_products import chunks_of, inner_product_table, orthogonality_table
from .measures.pictures import picture_table
from .measures.widths import width_table, widths_of
from .page import CAPTIONS, function_forms_page
from .questions import function_form_tests
from .settings import MODEL_SIZES, Settings


def study_function_forms(
    output: Path,
    *,
    dimension: int = 5,
    hidden: int | None = None,
    networks: int | None = None,
    seed: int = 0,
    quick: bool = False,
    progress: bool = True,
    pdf: bool = False,
) -> Path:
    """Study the function forms of random ReLU networks (arXiv:2505.17907), and write tables, figures and a page.

    Args:
        output: a new or empty folder, or one of an earlier study of function forms, whose files are replaced.
        dimension: d of the inputs, at least 2.
        hidden: m, the number of hidden units (default: 3000, or 1000 if quick).
        networks: random networks, at least 2 (default: 40, or 20 if quick).
        seed: of everything random.
        quick: whether smaller ensembles are enough, a minute or two.
        progress: whether to show it, on standard error.
        pdf: whether figures are wanted as PDF too.

    Returns:
        The path of report.html.

    Raises:
        ValueError: if the folder holds something else, or a number is too small.

    >>> study_function_forms(Path("/dev/null"))
    Traceback (most recent call last):
        ...
    ValueError: /dev/null must be a folder, but it is a file
    """
    return write_study(Settings.chosen(dimension, hidden, networks, seed, quick), output, progress, pdf=pdf)


def write_study(settings: Settings, output: Path, progress: bool = True, *, pdf: bool = False) -> Path:
    """Write the study of `study_function_forms`, with every size given.

    Args:
        settings: of the study.
        output: as there.
        progress: as there.
        pdf: as there.

    Returns:
        The path of report.html.
    """
    with output_folder(output, "function-forms", [], asdict(settings)) as draft:
        _write(settings, draft, progress, pdf)
    return output / "report.html"


def _write(settings: Settings, output: Path, progress: bool, pdf: bool) -> None:
    # products of these sizes only wait for each other's threads
    with threadpool_limits(1, user_api="blas"):
        tables = function_form_tables(settings, progress)
    tests = function_form_tests(tables)
    verdicts = judge(tests)
    tables |= {"verdicts": verdict_table(tests, "subject"), "claims": claim_table(tables, verdicts)}
    page, figures = function_forms_page(tables, verdicts, settings)
    write_tables(output / "tables", {name: tables[name] for name in CAPTIONS})
    replace_files(output / "figures", figure_files(figures, pdf))
    write_text(output / "report.html", page)


def function_form_tables(settings: Settings, progress: bool) -> dict[str, pd.DataFrame]:
    """Compute all tables of a page, but its verdicts.

    Args:
        settings: of the study.
        progress: whether to show it.

    Returns:
        Tables by name.
    """
    with progress_of("decomposing Fisher matrices", settings.networks, progress) as advance:
        tables = eigenspace_tables(settings, advance)
    networks = tables["networks"]
    tables |= {"eigenvalues": eigenvalue_table(networks, settings), "agreement": agreement_table(networks, settings)}
    with progress_of("narrower widths", len(widths_of(settings)), progress) as advance:
        tables["widths"] = width_table(networks, settings, advance)
    with progress_of("inner products", len(chunks_of(settings)), progress) as advance:
        tables["inner_products"] = inner_product_table(settings, advance)
    tables["orthogonality"] = orthogonality_table(tables["inner_products"], settings)
    with progress_of("training", settings.descents, progress) as advance:
        tables |= descent_tables(settings, advance)
    with progress_of("fitting Gaussian models", len(MODEL_SIZES), progress) as advance:
        tables |= model_tables(settings, advance)
    tables["functions"] = picture_table(settings)
    return tables
