"""What a study found, in sentences made from its tables."""

from __future__ import annotations

from math import sqrt

import pandas as pd
from scipy.stats import norm

from ..training import EnsembleConfig
from .initial_law import InitialLaw
from .layer_analysis import Tables
from .populations import ALL, TRAINED
from .selection import at_last_epoch, where
from .symbols import layer_name, parameter_text


def findings(tables: Tables, config: EnsembleConfig) -> list[tuple[str, str]]:
    """(heading, sentences) for each finding that the tables allow, in the order of the report."""
    found = [("Accuracy", accuracy(tables["training"])), ("Untrained networks", untrained_networks(tables["networks"]))]
    if "parameters" in tables:
        found += [
            ("Initialisation", initialisation_check(tables["parameters"], tables["initialisation"])),
            ("Distance to initialisation", distance(tables["distances"], config)),
            ("Beyond the Gaussian model", departures(tables["comparison"])),
        ]
    if "omissions" in tables:
        found.append(("Left out", omissions(tables["omissions"])))
    return found


def accuracy(training: pd.DataFrame) -> str:
    """Final test accuracy, mean and spread, of both populations.

    >>> row = {"metric": "test_accuracy", "epoch": 1.0, "networks": 2, "mean": 0.9, "standard_deviation": 0.01}
    >>> accuracy(pd.DataFrame([{**row, "population": name} for name in ("all", "trained")]))
    'At epoch 1 the test accuracy of all 2 networks is 0.9000 on average, with a standard deviation of 0.0100.'
    """
    last = at_last_epoch(where(training, metric="test_accuracy"))
    everyone, learnt = (where(last, population=name) for name in (ALL, TRAINED))
    row = everyone.iloc[0]
    sentence = (
        f"At epoch {row.epoch:g} the test accuracy of all {row.networks} networks is {row['mean']:.4f} on average, "
        f"with a standard deviation of {row.standard_deviation:.4f}."
    )
    if len(learnt) and learnt.networks.iloc[0] < row.networks:
        other = learnt.iloc[0]
        sentence += (
            f" Without the untrained ones ({other.networks} networks) it is {other['mean']:.4f}, "
            f"with a standard deviation of {other.standard_deviation:.4f}."
        )
    return sentence


def untrained_networks(networks: pd.DataFrame) -> str:
    """How many networks count as untrained, and by which rule.

    >>> untrained_networks(pd.DataFrame({"untrained": [True, False]}))[:18]
    '1 of 2 networks co'
    """
    count = int(networks.untrained.sum())
    consequence = (
        "Results are given for all networks and, as the population “trained”, without these."
        if count
        else "The populations “all” and “trained” of the tables are therefore the same."
    )
    return (
        f"{count} of {len(networks)} networks count as untrained: their final test accuracy is below 0.2, twice that "
        f"of guessing, or not a number. {consequence}"
    )


def initialisation_check(parameters: pd.DataFrame, initialisation: pd.DataFrame) -> str:
    """Whether the weights before training are what the configuration says, by parameters and by invariants.

    >>> row = {"epoch": 0.0, "population": "all", "layer": 1}
    >>> parameters = pd.DataFrame([{**row, "parameter": "mu_1", "z_from_initial": 1.5}])
    >>> initialisation_check(parameters, pd.DataFrame([{**row, "formula": "sum_i M_ii", "z": 0.5}]))[:60]
    'Before training 1 fitted parameters agree with their exact v'
    """
    sentences = []
    for table, quantity, z, what, text in (
        (parameters, "fitted parameters", "z_from_initial", "parameter", parameter_text),
        (initialisation, "linear and quadratic invariants", "z", "formula", str),
    ):
        rows = where(table, epoch=0, population=ALL)
        if rows.empty:
            continue
        worst = rows.iloc[int(rows[z].abs().argmax())]
        bound = norm.isf(0.025 / len(rows))
        verdict = "agree" if abs(worst[z]) <= bound else "do not all agree"
        sentences.append(
            f"Before training {len(rows)} {quantity} {verdict} with their exact values: the largest deviation is "
            f"{abs(worst[z]):.2f} standard errors ({text(worst[what])}, {layer_name(worst.layer)}); of so many "
            f"independent normal numbers the largest would exceed {bound:.2f} in one case of twenty."
        )
    return " ".join(sentences)


def distance(distances: pd.DataFrame, config: EnsembleConfig) -> str:
    """Wasserstein distance to initialisation at the first and the last epoch, layer by layer, and its scale."""
    everyone = where(distances, population=ALL)
    parts = []
    for layer, rows in everyone.groupby("layer"):
        shape = config.shapes[int(str(layer))]
        norm_before = sqrt(shape[0] * shape[1] * InitialLaw.of(config.initialisation, shape[1]).second_moment)
        first, last = rows.iloc[0], rows.iloc[-1]
        parts.append(
            f"{layer_name(layer)} {first.wasserstein:.3g} at epoch {first.epoch:g} and {last.wasserstein:.3g} at epoch "
            f"{last.epoch:g}, where the matrices have norm {norm_before:.3g} at initialisation"
        )
    return (
        f"The 2-Wasserstein distance of the fitted model to the exact one at initialisation: {'; '.join(parts)}. "
        f"Its square, and the Kullback-Leibler divergence, are in the table of distances."
    )


def departures(comparison: pd.DataFrame) -> str:
    """How many invariants depart significantly at the last epoch, and which most, layer by layer.

    >>> row = {"layer": 1, "epoch": 2.0, "population": "all", "formula": "sum_i M_ii^3", "z": 5.0, "deviation": 0.1}
    >>> departures(pd.DataFrame([{**row, "predicted": 1.0, "measured": 2.0}])).split(". ")[1][:42]
    'layer 1: 1 of 1 above 1.96; the largest is'
    """
    last = where(at_last_epoch(comparison), population=ALL).dropna(subset="z")
    parts = []
    for layer, rows in last.groupby("layer"):
        bound = norm.isf(0.025 / len(rows))
        top = rows.iloc[int(rows.z.abs().argmax())]
        parts.append(
            f"{layer_name(layer)}: {(rows.z.abs() > bound).sum()} of {len(rows)} above {bound:.2f}; the largest is "
            f"{top.formula}, predicted {top.predicted:.4g} and measured {top.measured:.4g}, z = {top.z:+.1f}; the "
            f"median of the paper's deviation is {rows.deviation.median():.3f} standard deviations."
        )
    return (
        f"Cubic and quartic invariants at epoch {last.epoch.iloc[0]:g}, counted where |z| is above the bound that the "
        f"largest of so many normal numbers exceeds in one case of twenty. {' '.join(parts)}"
    )


def omissions(table: pd.DataFrame) -> str:
    """Which layers and epochs no model could be fitted to, and why.

    >>> row = {"layer": 1, "epoch": 0.0, "population": "all", "networks": 2, "reason": "too few"}
    >>> omissions(pd.DataFrame([row, {**row, "epoch": 1.0}]))
    'No model could be fitted to layer 1, population “all”, at 2 epochs (0 to 1): too few.'
    """
    sentences = []
    # messages may hold numbers that change from epoch to epoch; the first stands for all
    for (layer, population), rows in table.groupby(["layer", "population"], sort=False):
        when = f"{len(rows)} epochs ({rows.epoch.min():g} to {rows.epoch.max():g})"
        sentences.append(
            f"No model could be fitted to {layer_name(layer)}, population “{population}”, at {when}: "
            f"{rows.reason.iloc[0]}."
        )
    return " ".join(sentences)
