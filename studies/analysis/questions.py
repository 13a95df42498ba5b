"""The questions that the page of a study asks of each layer, and their tests."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ...training import EnsembleConfig
from .layers.layer import Tables
from .network_subsets import ALL
from .selection import at_last_epoch, records, where
from .verdicts import ENOUGH, Test, Verdicts, judge, smallest_of, two_sided

GAUSSIAN = "Gaussian"
SYMMETRY = "rows and columns independently exchangeable"
INVARIANT_MEAN, INVARIANT_COVARIANCE = "invariant mean", "invariant covariance"
EQUAL_MEANS, EQUAL_VARIANCES = "equal means of the classes", "equal variances of the classes"
INITIALISATION = "initialised as configured"
INVARIANT = {"mean": INVARIANT_MEAN, "covariance": INVARIANT_COVARIANCE}


def how_many_tests(config: EnsembleConfig) -> int:
    """Count the tests that the page of a study judges at most: four of a layer, two of the classes, one of the start.

    Args:
        config: of the ensemble.

    Returns:
        Their number.

    >>> how_many_tests(EnsembleConfig(layers="all"))
    19
    """
    return 4 * len(config.stored_layers) + 3


def judge_study(tables: Tables) -> Verdicts:
    """Judge everything that the page of a study judges, about all networks at the last epoch.

    Args:
        tables: as `analyse` returns them.

    Returns:
        The verdicts by (question, layer); the layer of `INITIALISATION` is None.

    >>> judge_study({})
    {}
    """
    return judge(study_tests(tables))


def study_tests(tables: Tables) -> list[Test]:
    """List the tests that the tables of a study allow: by random draws where these were made, else by the largest |z|.

    The largest |z| is asymptotic: it is no test of fewer than `ENOUGH` networks.

    Args:
        tables: as `analyse` returns them.

    Returns:
        The tests, whose subjects are layers.

    >>> rows = pd.DataFrame({"layer": [1], "subset": "all", "epoch": 2.0, "networks": 500, "minus": "", "z": 0.5})
    >>> [(test.question, test.subject) for test in study_tests({"symmetry": rows})]
    [('rows and columns independently exchangeable', 1)]
    """
    known = {
        name: where(table, subset=ALL) if "subset" in table else table for name, table in tables.items() if len(table)
    }
    known = {name: table for name, table in known.items() if len(table)}
    return [
        *_gaussian(known),
        *_symmetric(known),
        *_invariant(known),
        *_classes(known),
        *_initialised(known),
    ]


def _gaussian(tables: Tables) -> Iterator[Test]:
    if "comparison" not in tables:
        return
    last = at_last_epoch(tables["comparison"])
    enough = where(tables["parameters"], epoch=last.epoch.iloc[0]).networks.max() >= ENOUGH
    for layer, own in last.groupby("layer"):
        overall = _rows(tables, "gaussianity", layer, last.epoch.iloc[0])
        if len(overall):
            row = overall.iloc[0]
            yield Test(GAUSSIAN, layer, row.global_p_value, 1 / (row.replicates + 1))
        elif enough:
            yield Test(GAUSSIAN, layer, smallest_of(own.p_value))


def _symmetric(tables: Tables) -> Iterator[Test]:
    if "symmetry" not in tables:
        return
    last = at_last_epoch(tables["symmetry"])
    for layer, own in last.groupby("layer"):
        exact = _rows(tables, "nested_models", layer, last.epoch.iloc[0])
        if len(exact):
            exact = where(exact, symmetry="S_N x S_N").dropna(subset="p_randomisation")
        if len(exact):
            row = exact.iloc[0]
            yield Test(SYMMETRY, layer, row.p_randomisation, 1 / (row.replicates + 1))
        elif own.networks.iloc[0] >= ENOUGH:
            yield Test(SYMMETRY, layer, smallest_of(two_sided(own.z)))


def _invariant(tables: Tables) -> Iterator[Test]:
    if "invariance" not in tables:
        return
    for row in records(where(at_last_epoch(tables["invariance"]), irreps="all")):
        p = row.get("p_permutation", float("nan"))
        if p == p:
            yield Test(INVARIANT[row["moment"]], row["layer"], p, 1 / (row["replicates"] + 1))


def _classes(tables: Tables) -> Iterator[Test]:
    if "class_tests" not in tables:
        return
    for row in records(at_last_epoch(tables["class_tests"])):
        if row["networks"] >= ENOUGH:
            yield Test(EQUAL_MEANS, row["layer"], row["p_means"])
            yield Test(EQUAL_VARIANCES, row["layer"], row["p_variances"])


def _initialised(tables: Tables) -> Iterator[Test]:
    deviations = [
        rows[z]
        for name, z in (("parameters", "z_from_initial"), ("initialisation", "z"))
        if name in tables and len(rows := where(tables[name], epoch=0)) and rows.networks.iloc[0] >= ENOUGH
    ]
    if deviations:
        yield Test(INITIALISATION, None, smallest_of(two_sided(pd.concat(deviations))))


def _rows(tables: Tables, name: str, layer: object, epoch: float) -> pd.DataFrame:
    return where(tables[name], layer=layer, epoch=epoch) if name in tables else pd.DataFrame()
