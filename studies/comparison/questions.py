"""The questions that the table of claims asks of each square layer of each run, and their tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from ..analysis.layers.layer import Tables
from ..analysis.selection import at_last_epoch, where
from ..analysis.verdicts import LEVEL, Test, Verdict, smallest_of, too_few, two_sided
from .runs import FinishedRun

START_INVARIANTS = "linear and quadratic invariants at the first epoch"
END_INVARIANTS = "linear and quadratic invariants at the last epoch"
START_PARAMETERS = "parameters at the first epoch"
END_PARAMETERS = "parameters at the last epoch"
START_GAUSSIAN = "Gaussian at the first epoch"
END_GAUSSIAN = "Gaussian at the last epoch"
INDEPENDENT = "independent entries of one law"
FIVE = "five parameters"
_QUESTIONS = 8

#: The verdicts on one layer of a run, by question.
Found = Mapping[str, Verdict]


def claim_tests(runs: Sequence[FinishedRun]) -> list[Test]:
    """The tests of the claims: of each square layer of each run that has networks enough.

    Gaussianity is tested by the bootstrap where its draws let it depart among so many, else by the largest |z|.

    Args:
        runs: those of one page.

    Returns:
        Tests whose subject is (label of the run, layer).

    >>> claim_tests([])
    []
    """
    layers = [
        (run, layer, {name: run.table(name, layer) for name, table in run.tables.items() if "layer" in table})
        for run in runs
        for layer in run.square_layers
    ]
    layers = [(run, layer, own) for run, layer, own in layers if not too_few(int(own["parameters"].networks.iloc[0]))]
    level = LEVEL / max(1, _QUESTIONS * len(layers))
    return [
        Test(question, (run.label, layer), p, smallest)
        for run, layer, own in layers
        for question, p, smallest in _of_layer(own, level)
    ]


def gaussian_test(layer: Tables, comparison: pd.DataFrame) -> Any:
    """Find the row of the global test of the bootstrap at the epoch of a comparison.

    Args:
        layer: tables of one layer.
        comparison: of one epoch.

    Returns:
        The row; None if the test was not done.
    """
    tests = layer.get("gaussianity", pd.DataFrame(columns=["epoch"]))
    found = where(tests, epoch=comparison.epoch.iloc[0])
    return next(found.itertuples(), None)


def ends(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select the rows of the first and of the last epoch.

    Args:
        table: with the column epoch.

    Returns:
        Both.

    >>> [part.index.tolist() for part in ends(pd.DataFrame({"epoch": [0.0, 1.0, 2.0]}))]
    [[0], [2]]
    """
    return where(table, epoch=table.epoch.min()), at_last_epoch(table)


def _of_layer(own: Tables, level: float) -> Iterator[tuple[str, float, float]]:
    """(question, p-value, smallest p-value) of every test of one layer."""
    for questions, name, z in (
        ((START_INVARIANTS, END_INVARIANTS), "initialisation", "z"),
        ((START_PARAMETERS, END_PARAMETERS), "parameters", "z_from_initial"),
    ):
        for question, rows in zip(questions, ends(own[name]), strict=True):
            yield question, smallest_of(two_sided(rows[z])), 0.0
    for question, rows in zip((START_GAUSSIAN, END_GAUSSIAN), ends(own["comparison"]), strict=True):
        test = gaussian_test(own, rows)
        smallest = 1 / (test.replicates + 1) if test else 1.0
        by_draws = smallest <= level
        yield question, test.global_p_value if by_draws else smallest_of(rows.p_value), smallest if by_draws else 0.0
    wald = at_last_epoch(own["nested_models"]).set_index("symmetry").p_wald
    yield INDEPENDENT, float(wald["iid"]), 0.0
    yield FIVE, float(wald["S_N x S_N"]), 0.0
