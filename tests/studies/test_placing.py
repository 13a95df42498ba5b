"""Every figure of a report stands beside its finding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pigmm.studies.report.figures.study import draw_study
from pigmm.studies.report.findings.networks.accuracy import Accuracy
from pigmm.studies.report.findings.study import findings
from pigmm.studies.report.placing import BESIDE, placed
from pigmm.studies.runs.files import read_table
from pigmm.studies.runs.folder import RunFolder


def test_every_figure_finds_its_finding(finished_run: Path) -> None:
    run = RunFolder.open(finished_run)
    tables = {path.stem: read_table(path) for path in run.tables.glob("*.csv")}
    found = findings(tables, run.config)
    figures = [*draw_study(tables, run.config)]
    own, alone = placed(found, figures)
    shown = [figure.name for _, beside in own for figure in beside]
    assert sorted(shown + [figure.name for figure in alone]) == sorted(figure.name for figure in figures)
    # no entry is idle: a figure that lost its name would stand alone in silence
    assert all(any(name.startswith(start) for name in shown) for start in BESIDE)
    renamed = [
        replace(finding, heading="Other") if finding.heading == Accuracy.heading else finding for finding in found
    ]
    with pytest.raises(LookupError, match="the figure learning stands beside the finding 'Accuracy'"):
        placed(renamed, figures)
