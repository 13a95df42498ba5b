"""The questions that the page of a fit asks of each ensemble, and their tests."""

from __future__ import annotations

import pandas as pd

from ..analysis.layers.layer import Tables
from ..analysis.questions import GAUSSIAN, INVARIANT
from ..analysis.selection import records, where
from ..analysis.verdicts import ENOUGH, Test, smallest_of

#: The distance between models, in closed form; the others are between samples.
CLOSED = "Wasserstein"

#: How many tests of an ensemble can depart: of exact optimal transport the draws are too few.
TESTS = 4


def fit_tests(tables: Tables) -> list[Test]:
    """List the tests of each ensemble of a fit.

    They ask whether an ensemble is Gaussian, by its invariants and by each distance between samples, and whether its
    mean and covariance are permutation invariant.

    Args:
        tables: of `pigmm fit`, with the column ensemble.

    Returns:
        The tests, whose subjects are names of ensembles.

    >>> labels = {"ensemble": ["words"], "matrices": 500}
    >>> tables = {"parameters": pd.DataFrame(labels), "comparison": pd.DataFrame(labels | {"p_value": [0.1]})}
    >>> [test.question for test in fit_tests(tables)]
    ['Gaussian']
    """
    found: list[Test] = []
    for name in tables["parameters"].ensemble.unique():
        own = {title: where(table, ensemble=name) for title, table in tables.items()}
        overall = own.get("gaussianity", pd.DataFrame())
        if len(overall):
            row = overall.iloc[0]
            found.append(Test(GAUSSIAN, name, row.global_p_value, row.smallest_p_value))
        elif own["parameters"].matrices.iloc[0] >= ENOUGH:
            found.append(Test(GAUSSIAN, name, smallest_of(own["comparison"].p_value)))
        if "distance_tests" in own:
            between = own["distance_tests"].query("distance != @CLOSED")
            found += [
                Test(row["distance"], name, row["p_value"], 1 / (row["replicates"] + 1)) for row in records(between)
            ]
        if "invariance" in own:
            for line in records(where(own["invariance"], irreps="all")):
                p = line.get("p_permutation", float("nan"))
                exact = p == p
                smallest = 1 / (line["replicates"] + 1) if exact else 0.0
                found.append(Test(INVARIANT[line["moment"]], name, p if exact else line["p_gaussian"], smallest))
    return found
