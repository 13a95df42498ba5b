"""The table of claims of arXiv:2510.05218, with measurements and verdicts."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ...analysis.verdicts import Verdicts, judge
from ..questions import claim_tests
from ..runs import FinishedRun
from .claim import Line
from .distance import GrowingDistance
from .general_model import GeneralModel
from .higher_invariants import HigherInvariants
from .initialisation import SimpleGaussian
from .linear_and_quadratic import LinearAndQuadratic
from .predictions import Predictions
from .regularisation import regularisation
from .relative_change import RelativeChange
from .width import width

#: The claims about one layer of one run, in the order of the table.
CLAIMS = (
    *(LinearAndQuadratic, HigherInvariants, RelativeChange, GrowingDistance),
    *(SimpleGaussian, GeneralModel, Predictions),
)


def verdict_table(runs: Sequence[FinishedRun]) -> pd.DataFrame:
    """Set the claims of the paper beside the measurements of runs.

    The table has quantities and findings of each square layer of each run, then the findings that need several runs,
    for those among the given ones that differ only in the weight decay, or only in the width. Departures are judged
    for all runs together, by Holm's procedure at 5%.

    Args:
        runs: those of one page.

    Returns:
        Columns run, layer, claim, measurement, verdict, reason.

    >>> verdict_table([]).claim.tolist()
    ['robust under regularisation', 'departures grow in very wide layers']
    """
    verdicts = judge(claim_tests(runs))
    single = {run.label: run_claims(run, verdicts) for run in runs}
    lines = [line for own in single.values() for line in own]
    lines += regularisation(runs, single) + width(runs)
    return pd.DataFrame([line.row() for line in lines]).astype({"layer": "Int64"})


def run_claims(run: FinishedRun, verdicts: Verdicts) -> list[Line]:
    """Measure the claims about each square layer of one run.

    Args:
        run: one of the page.
        verdicts: on `claim_tests` of all runs of the page.

    Returns:
        A line a layer and claim.
    """
    lines = []
    for layer in run.square_layers:
        own = {name: run.table(name, layer) for name, table in run.tables.items() if "layer" in table}
        networks = int(own["parameters"].networks.iloc[0])
        found = {question: verdict for (question, about), verdict in verdicts.items() if about == (run.label, layer)}
        lines += [Line(run.label, layer, claim.of(run, own, found), networks) for claim in CLAIMS]
    return lines
