"""A loss surface from the command line: ensemble -> batch Hessians -> tables, figures and page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from ...training import LabelledData, open_ensemble
from ...training.data import images_of
from ..analysis.verdicts import verdict_table
from ..pipeline import train
from ..plots.style import figure_files
from ..runs.files import replace_files, write_tables, write_text
from ..runs.folder import CONFIGURATION, RunFolder
from ..runs.progress import progress_of
from .batch_sizes import batch_size_tables
from .figures import draw_all
from .number_variance import number_variances
from .page import surface_page
from .plan import Plan, default_ensemble, plan_of
from .questions import Tables, tests_of
from .spacings import batch_spectra, local_statistics
from .surface import PARTS, Surface, pooling_of

FOLDER = "loss-surface"


def run_loss_surface(
    path: Path,
    *,
    quick: bool = False,
    seed: int = 0,
    data_root: Path | None = None,
    data: LabelledData | None = None,
    progress: bool = True,
    pdf: bool = False,
) -> Path:
    """Measure the loss surface of the networks of a RUN, and write tables, figures and page.

    Args:
        path: a RUN of `pigmm study` or `pigmm train` with all layers stored; or a new or empty folder, in which a small
            ensemble is trained first.
        quick: whether to measure less; in an empty folder also to train on the bundled digits, not on all of MNIST.
        seed: of the batches, the simulations, and an ensemble that is trained here.
        data_root: folder of the images; default: that of the RUN's configuration.
        data: your own, for a RUN on such.
        progress: whether to show bars, on standard error.
        pdf: whether figures are wanted as PDF too.

    Returns:
        The path of the page, in the folder `loss-surface` of the RUN.

    Raises:
        ValueError: the folder is something else; the RUN has too many parameters, or not all layers, or is of own data
            that is not given.
        OSError: the images are not there, the disk is full, or another process works in the folder.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile() as file:
    ...     run_loss_surface(Path(file.name))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: ... must be a folder, but it is a file
    """
    plan = plan_of(quick, seed)
    there = (path / CONFIGURATION).exists()
    config = RunFolder.open(path).config if there else default_ensemble(plan, quick, data_root)
    side = pooling_of(config)
    with RunFolder.claimed(path, config) as run:
        train(run, progress, data=data)
        images = images_of(config.dataset, data_root or config.data_root, data)
        surface = Surface(config, open_ensemble(run.ensemble), images, side)
        plan = fitting(plan, config.networks)
        output = path / FOLDER
        with run.timed("loss surface"):
            tables = measured_tables(surface, plan, progress)
            write_tables(output / "tables", {**tables, "verdicts": verdict_table(tests_of(tables), "subject")})
            figures = draw_all(tables)
            replace_files(output / "figures", figure_files(figures, pdf))
            write_text(output / "report.html", surface_page(tables, figures, config, plan, side))
    return output / "report.html"


def fitting(plan: Plan, networks: int) -> Plan:
    """Return a plan for no more networks than there are.

    Args:
        plan: for any number.
        networks: of the ensemble.

    Returns:
        The plan.

    >>> fitting(plan_of(True, 0), 3).networks
    3
    """
    return replace(plan, networks=min(plan.networks, networks), law_networks=min(plan.law_networks, networks))


def measured_tables(surface: Surface, plan: Plan, progress: bool = True) -> Tables:
    """Measure spacings, batch sizes, outliers, eigenvectors and steps.

    Args:
        surface: of a run.
        plan: how much.
        progress: whether to show bars, on standard error.

    Returns:
        The tables by name: eigenvalues, local, number_variance, noise, noise_fit, delocalisation and, where there are
        outliers beyond the noise, outlier_means, outliers and descent.
    """
    # products of small matrices only wait for each other's threads
    with threadpool_limits(1, user_api="blas"):
        spectra = len(surface.epochs) * len(PARTS) * plan.networks
        with progress_of("Hessians at each epoch", spectra, progress) as advance:
            eigenvalues = batch_spectra(surface, plan, advance)
        tables = {"eigenvalues": eigenvalues, "local": local_statistics(eigenvalues, plan)}
        tables["number_variance"] = number_variances(eigenvalues, plan)
        batches = plan.law_networks * len(plan.sizes) * plan.batches
        with progress_of("Hessians of each batch size", batches, progress) as advance:
            return tables | batch_size_tables(surface, plan, advance)
