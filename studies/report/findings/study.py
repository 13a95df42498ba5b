"""The findings of a study in the order of the report."""

from __future__ import annotations

from collections.abc import Iterator

from ....training import EnsembleConfig
from ...analysis.layers.layer import Tables
from ...analysis.questions import judge_study
from .finding import Finding, Record, said
from .gaussianity.changes import Changes
from .gaussianity.departures import Departures
from .gaussianity.distance import Distance
from .gaussianity.gaussianity import Gaussianity
from .gaussianity.initialisation import Initialisation
from .gaussianity.symmetrised import Symmetrised
from .networks.accuracy import Accuracy
from .networks.dead_units import DeadUnits
from .networks.output_classes import OutputClasses
from .networks.untrained import Untrained
from .networks.without_untrained import WithoutUntrained
from .omissions import Omissions
from .symmetry.constraints import Constraints
from .symmetry.interior_parameters import InteriorParameters
from .symmetry.invariance import Invariance
from .symmetry.nested_models import NestedModels


def findings(tables: Tables, config: EnsembleConfig) -> list[Finding]:
    """Write the findings that the tables allow, in the order of the report.

    Args:
        tables: as `analyse` returns them.
        config: of the ensemble.

    Returns:
        The findings.
    """
    return [said(record) for record in study_records(tables, config)]


def study_records(tables: Tables, config: EnsembleConfig) -> Iterator[Record]:
    """Collect the findings that the tables allow as data, in the order of the report.

    Args:
        tables: as `analyse` returns them.
        config: of the ensemble.

    Yields:
        A record a finding.
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
