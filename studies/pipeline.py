"""A whole experiment: train -> analyse -> draw -> report."""

from __future__ import annotations

from pathlib import Path

from threadpoolctl import threadpool_limits

from ..training import EnsembleConfig, LabelledData, open_ensemble
from ..training.data import Inputs, images_of
from ..training.store.layout import is_ensemble
from ..training.store.store import EnsembleStore
from .analysis.dead_units import can_be_seen
from .analysis.ensemble import analyse
from .analysis.layers.layer import Tables
from .analysis.side_by_side import worth_processes
from .runs.files import read_table, replace_files, write_latex, write_tables, write_text
from .runs.folder import RunFolder
from .runs.progress import progress_of


def run_study(
    config: EnsembleConfig,
    path: Path | str,
    progress: bool = True,
    replicates: int | None = None,
    *,
    data: LabelledData | None = None,
    pdf: bool = False,
) -> Path:
    """Train an ensemble, analyse it and write the report; nothing that is done already is done again.

    Args:
        config: the ensemble.
        path: the RUN folder: new, empty, or of the same configuration (finished or interrupted).
        progress: whether to show bars, on standard error.
        replicates: of the bootstrap at initialisation and at the last epoch; 0 for none; see `analyse_layer`.
        data: your own, for a configuration with `dataset=data.describe(...)`.
        pdf: whether figures are wanted as PDF too, and tables of parameters and departures as LaTeX.

    Returns:
        The path of report.html.

    Raises:
        ValueError: the folder is something else or of another configuration; see also `train_ensemble`.
        OSError: the data is not there, the disk is full, or another process works in the folder.

    >>> from tempfile import TemporaryDirectory
    >>> config = EnsembleConfig(hidden=(4, 4), networks=8, epochs=1, block_size=8)
    >>> with TemporaryDirectory() as folder:
    ...     run_study(config, Path(folder) / "run", progress=False).name
    'report.html'
    """
    with RunFolder.claimed(Path(path), config, replicates, pdf) as run:
        finish(run, progress, data)
    return run.report


def finish(run: RunFolder, progress: bool = True, data: LabelledData | None = None) -> bool:
    """Do what is not done yet of a study, or damaged; the caller holds the folder.

    Args:
        run: the folder.
        progress: whether to show bars.
        data: as of `run_study`.

    Returns:
        Whether there was anything to do.
    """
    trained = train(run, progress, data=data)
    done = run.is_finished and not run.lacks_pdf
    if not done:
        rebuild(run, progress, data)
    return trained or not done


def train(
    run: RunFolder,
    progress: bool = True,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    data: LabelledData | None = None,
) -> bool:
    """Train what is not trained yet of a RUN's ensemble, or damaged.

    Args:
        run: the folder, which the caller holds.
        progress: whether to show a bar.
        scheduler: address of a cluster, as in `train_ensemble`.
        workers: how many processes of this machine, as in `train_ensemble`.
        data: as of `run_study`.

    Returns:
        Whether there was anything to do.
    """
    if is_ensemble(run.ensemble):
        store = EnsembleStore.resume(run.ensemble, run.config)
        if not store.missing_blocks() and not store.damages():
            return False
    from ..training import train_ensemble  # only here is torch needed

    with run.timed("training"):
        train_ensemble(run.config, run.ensemble, progress, scheduler=scheduler, workers=workers, data=data)
    return True


def rebuild(run: RunFolder, progress: bool = True, data: LabelledData | None = None) -> Path:
    """Make tables, figures and report of a RUN from its ensemble; what is there already, and sound, stays.

    Args:
        run: the folder.
        progress: whether to show it, on standard error.
        data: the images of the ensemble, if they are the user's own.

    Returns:
        The path of the report.

    Raises:
        FileNotFoundError: there is no ensemble.
        ValueError: it is not finished, or damaged.
    """
    ensemble = open_ensemble(run.ensemble)
    processes = worth_processes(ensemble, run.config.stored_layers)
    if run.has_tables and not EnsembleStore(run.ensemble, run.config).damages():
        if not run.is_finished or run.lacks_pdf:
            _report(run, {file.stem: read_table(file) for file in sorted(run.tables.glob("*.csv"))}, processes)
        return run.report
    run.mark_unfinished()
    steps = len(run.config.stored_layers) * ensemble.sizes["epoch"]
    one_thread = threadpool_limits(1, user_api="blas")  # products of small matrices only wait for each other's threads
    with run.timed("analysis"), progress_of("analysing", steps, progress) as advance, one_thread:
        images = inputs_of_the_test(run.config, data) if can_be_seen(run.config) else None
        tables = analyse(ensemble, run.drawn, run.partial, advance, run.replicates, images, processes)
    _report(run, tables, processes, new=True)
    return run.report


def _report(run: RunFolder, tables: Tables, processes: int, new: bool = False) -> None:
    """Draw the figures of tables, write the report, and mark the run as finished; new tables are written too."""
    from .plots.style import figure_files
    from .report.figures.study import draw_study
    from .report.latex_tables import study_latex
    from .report.page import Contents, study_report

    with run.timed("report"):
        drawn = draw_study(tables, run.drawn, processes, run.pdf)  # other processes begin now
        if new:
            write_tables(run.tables, tables)
        contents = Contents.of(tables, run.drawn)
        figures = [*drawn]
        files = replace_files(run.figures, figure_files(figures, run.pdf))
        files += write_latex(run.tables, study_latex(tables, run.drawn) if run.pdf else {})
        write_text(run.report, study_report(run, open_ensemble(run.ensemble), tables, contents, figures))
    run.mark_finished([*(run.tables / f"{name}.csv" for name in tables), *files, run.report])


def inputs_of_the_test(config: EnsembleConfig, data: LabelledData | None) -> Inputs | None:
    """Find the inputs on which an ensemble was tested.

    Args:
        config: what the ensemble was made with.
        data: the user's own, if the configuration describes such.

    Returns:
        (count, features); None if they are not at hand.

    >>> inputs_of_the_test(EnsembleConfig(), None).shape
    (1000, 784)
    """
    try:
        # data_root may be a stranger's: nothing is downloaded or made there
        return images_of(config.dataset, config.data_root, data, download=False).test_inputs
    except (OSError, ValueError, ImportError):  # a report can be made where there is only the ensemble
        return None
