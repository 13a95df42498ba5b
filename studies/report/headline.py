"""The sentences at the top of what a study found: how far training went, which symmetry is left, Gaussian or not."""

from __future__ import annotations

import pandas as pd

from ...training import EnsembleConfig
from ..analysis.initial_law import InitialLaw
from ..analysis.layer import Tables
from ..analysis.network_subsets import ALL
from ..analysis.selection import at_last_epoch, where
from ..analysis.tests import LAW_DRAWS
from ..analysis.verdicts import departing
from ..notation.number_format import listed, number
from ..notation.p_values import compared
from ..notation.symbols import layer_name
from .findings.study import judged


def headline(tables: Tables, config: EnsembleConfig) -> list[str]:
    """The sentences that the tables allow.

    Args:
        tables: as `analyse` returns them.
        config: of the ensemble.

    >>> distances = {"layer": 1, "epoch": [0.0, 2.0], "subset": "all", "wasserstein": [0.1, 1.0]}
    >>> headline({"distances": pd.DataFrame(distances)}, EnsembleConfig(hidden=(4, 4)))
    ['At epoch 2 layer 1 is 0.50 of its initial norm away from its law at initialisation.']
    """
    sentences = []
    if "distances" in tables:
        sentences.append(_movement(at_last_epoch(where(tables["distances"], subset=ALL)), config))
    if "nested_models" in tables:
        exact = where(at_last_epoch(tables["nested_models"]), symmetry="S_N x S_N").dropna(subset="p_randomisation")
        if len(exact):
            sentences.append(_symmetry(exact))
    if "gaussianity" in tables and "comparison" in tables:
        comparison = at_last_epoch(where(tables["comparison"], subset=ALL))
        sentences.append(_gaussian(at_last_epoch(judged(tables["gaussianity"])), comparison))
    return sentences


def _movement(last: pd.DataFrame, config: EnsembleConfig) -> str:
    parts = []
    for layer, distance in zip(last.layer, last.wasserstein, strict=True):
        shape = config.shapes[int(layer)]
        norm = InitialLaw.of_layer(config.initialisation, shape).norm(shape)
        parts.append(f"{layer_name(layer)} is {number(distance / norm, '.2f')}")
    return f"At epoch {last.epoch.iloc[0]:g} {listed(parts)} of its initial norm away from its law at initialisation."


def _symmetry(exact: pd.DataFrame) -> str:
    p_values, smallest = exact.p_randomisation.tolist(), 1 / (LAW_DRAWS + 1)
    layers = [layer_name(layer) for layer in exact.layer]
    broken = [layer for layer, found in zip(layers, departing(p_values, smallest), strict=True) if found]
    if broken:
        return (
            f"Rows and columns are not exchangeable independently in {listed(broken)}: five parameters do not suffice."
        )
    return (
        f"Rows and columns are exchangeable independently in {listed(layers)}, as far as the exact test can tell "
        f"(p {compared(min(p_values), smallest)} or more): of the 13 parameters five are enough."
    )


def _gaussian(tests: pd.DataFrame, comparison: pd.DataFrame) -> str:
    found = [layer_name(layer) for layer in tests[tests.departs].layer]
    verdict = f"The weights are not Gaussian in {listed(found)}" if found else "No departure from Gaussian is detected"
    medians = comparison[comparison.layer.isin(tests.layer)].groupby("layer").deviation.median()
    return (
        f"{verdict}; the fitted model predicts the typical cubic or quartic invariant to within "
        f"{number(medians.max(), '.2g')} of the spread of one network."
    )
