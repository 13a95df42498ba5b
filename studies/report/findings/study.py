"""What a study found: its findings in the order of the report."""

from __future__ import annotations

from collections.abc import Iterator

from ....training import EnsembleConfig
from ...analysis.layer import Tables
from ...analysis.questions import judge_study
from .accuracy import Accuracy
from .changes import Changes
from .constraints import Constraints
from .dead_units import DeadUnits
from .departures import Departures
from .distance import Distance
from .finding import Finding, Record, said
from .gaussianity import Gaussianity
from .initialisation import Initialisation
from .interior_parameters import InteriorParameters
from .invariance import Invariance
from .nested_models import NestedModels
from .omissions import Omissions
from .output_classes import OutputClasses
from .symmetrised import Symmetrised
from .untrained import Untrained
from .without_untrained import WithoutUntrained


def findings(tables: Tables, config: EnsembleConfig) -> list[Finding]:
    """The findings that the tables allow, in the order of the report.

    Args:
        tables: as `analyse` returns them.
        config: of the ensemble.
    """
    return [said(record) for record in study_records(tables, config)]


def study_records(tables: Tables, config: EnsembleConfig) -> Iterator[Record]:
    """The same as data.

    Args:
        tables: as `analyse` returns them.
        config: of the ensemble.
    """
    verdicts = judge_study(tables)
    yield Accuracy.of(tables["training"])
    yield Untrained.of(tables["networks"])
    if "units" in tables:
        yield DeadUnits.of(tables)
    if "parameters" in tables:
        yield Initialisation.of(tables, verdicts)
        yield Distance.of(tables["distances"], config)
    if "nested_models" in tables:
        yield NestedModels.of(tables["nested_models"])
    if "symmetry" in tables:
        yield Constraints.of(tables, verdicts)
    if "interior_parameters" in tables:
        yield InteriorParameters.of(tables["interior_parameters"])
    if "invariance" in tables:
        yield Invariance.of(tables["invariance"], verdicts)
    if "output_classes" in tables:
        yield OutputClasses.of(tables, verdicts)
    if "gaussianity" in tables:
        yield Gaussianity.of(tables["gaussianity"], verdicts)
    if "comparison" in tables:
        yield Departures.of(tables)
    if "symmetrised_comparison" in tables:
        yield Symmetrised.of(tables)
    if "change" in tables:
        yield Changes.of(tables["change"])
    if "distances" in tables and (learnt := WithoutUntrained.of(tables)):
        yield learnt
    if "omissions" in tables:
        yield Omissions.of(tables["omissions"])
