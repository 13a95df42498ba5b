"""Run a study of the paper: each of its configurations through the pipeline of any study, then all side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ...training.store.limits import read_json
from ...training.store.whole_files import PARTIAL
from ..notation.number_format import listed
from ..paper.size import reductions
from ..paper.studies import PaperStudy
from ..pipeline import run_study
from ..runs.files import write_text
from ..runs.folder import RunFolder
from .page import write_comparison
from .runs import SEVERAL


def run_paper_study(
    study: PaperStudy, path: Path, say: Callable[[str], None] = print, progress: bool = True, *, pdf: bool = False
) -> Path:
    """Train, analyse and report every configuration of a study, and compare them; finished parts are not done again.

    Args:
        study: as `paper_study` gives it.
        path: RUN: new, empty, or of the same study and options. A study of one configuration is an ordinary RUN; one
            of several has a RUN in it for each. Either way the comparison is in its folder `comparison`.
        say: called with each reduction, and with the path of each report.
        progress: whether to show bars, on standard error.
        pdf: whether figures are wanted as PDF too, and tables as LaTeX.

    Returns:
        The path of the comparison's page.

    Raises:
        ValueError: the folder is something else, or of other options; see also `run_study`.

    >>> from tempfile import NamedTemporaryFile
    >>> from pigmm.studies.paper.studies import paper_study
    >>> with NamedTemporaryFile() as file:
    ...     run_paper_study(paper_study("width", quick=True), Path(file.name))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: ... must be a folder, but it is a file
    """
    several = "" not in study.configurations
    if several:
        _claim(path, study)
    folders = {name: path / name for name in study.configurations}
    # all are claimed before the first is trained, so that a contradiction shows at once
    for name, config in study.configurations.items():
        with RunFolder.claimed(folders[name], config):
            pass
    notes = [f"Left out of this reduced version: {listed(list(study.left_out))}."] if study.left_out else []
    for line in [*reduced_in_words(study), *notes]:
        say(line)
    for number, (name, config) in enumerate(study.configurations.items(), start=1):
        if several:
            say(f"{name}, {number} of {len(study.configurations)}")
        say(str(run_study(config, folders[name], progress, pdf=pdf)))
    return write_comparison([path], path / "comparison", f"{study.name}: {study.description}", notes, pdf=pdf)


def reduced_in_words(study: PaperStudy) -> list[str]:
    """Say by how much the configurations fall short of the paper's size, a line for each way.

    >>> from pigmm.studies.paper.studies import paper_study
    >>> reduced_in_words(paper_study("cifar10-uniform", networks=10))
    ['Reduced: 10 networks instead of 1000.']
    """
    lines = [
        f"Reduced: {'; '.join(found)}." for config in study.configurations.values() if (found := reductions(config))
    ]
    return list(dict.fromkeys(lines))


def _claim(path: Path, study: PaperStudy) -> None:
    """Make the folder of several runs, or make sure that it is this study's."""
    marker = path / SEVERAL
    content = {"study": study.name, "runs": list(study.configurations)}
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} must be a folder, but it is a file")
    if marker.exists():
        found = read_json(marker)
        if found != content:
            raise ValueError(
                f"{path} holds {found.get('study')} ({', '.join(map(str, found.get('runs') or ()))}), not {study.name} "
                f"({', '.join(study.configurations)}): give another folder"
            )
    elif path.is_dir() and any(file.name != SEVERAL + PARTIAL for file in path.iterdir()):
        raise ValueError(f"{path} is not a folder of {study.name} and not empty: give a new or an empty folder")
    else:
        write_text(marker, json.dumps(content, indent=1) + "\n")
