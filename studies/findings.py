"""What a study found, in sentences and small tables made from its tables."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import pandas as pd
from markupsafe import Markup

from ..training import EnsembleConfig
from .initial_law import InitialLaw
from .layer_analysis import Tables
from .pages import Table
from .populations import ALL, TRAINED
from .selection import at_last_epoch, where
from .symbols import formula_html, layer_name, parameter_html
from .symmetry import COMMON, EQUALS, FREE, ZEROS
from .verdicts import BOUND_IN_WORDS, bound, too_few
from .wording import counted, listed, number, rounded


@dataclass(frozen=True)
class Finding:
    """One finding: a paragraph, and a table with a row a layer where there is more than one number."""

    heading: str
    text: str
    table: Table | None = None


def findings(tables: Tables, config: EnsembleConfig) -> list[Finding]:
    """The findings that the tables allow, in the order of the report."""
    found = [
        Finding("Accuracy", accuracy(tables["training"])),
        Finding("Untrained networks", untrained_networks(tables["networks"])),
    ]
    if "parameters" in tables:
        checked = initialisation_check(tables["parameters"], tables["initialisation"])
        found += [Finding("Initialisation", checked), distance(tables["distances"], config)]
        if "symmetry" in tables:
            found.append(symmetry(tables["symmetry"]))
        everyone = where(tables["parameters"], population=ALL)
        found.append(departures(tables["comparison"], int(everyone.networks.iloc[0])))
    if "omissions" in tables:
        found.append(Finding("Left out", omissions(tables["omissions"])))
    return found


def accuracy(training: pd.DataFrame) -> str:
    """Final test accuracy, mean and spread, of both populations.

    >>> row = {"metric": "test_accuracy", "epoch": 1.0, "networks": 12, "mean": 0.9, "standard_deviation": 0.01}
    >>> accuracy(pd.DataFrame([{**row, "population": name} for name in ("all", "trained")]))
    'At epoch 1 the test accuracy of all 12 networks is 0.9000 on average, with a standard deviation of 0.0100.'
    """
    last = at_last_epoch(where(training, metric="test_accuracy"))
    everyone, learnt = (where(last, population=name) for name in (ALL, TRAINED))
    row = everyone.iloc[0]
    sentence = f"At epoch {row.epoch:g} the test accuracy of {_all_of(int(row.networks))} is {_mean_and_spread(row)}."
    if len(learnt) and learnt.networks.iloc[0] < row.networks:
        other = learnt.iloc[0]
        sentence += (
            f" Without the untrained ones ({counted(int(other.networks), 'network')}) it is {_mean_and_spread(other)}."
        )
    return sentence


def _all_of(count: int) -> str:
    return {1: "the one network", 2: "the two networks"}.get(count, f"all {count} networks")


def _mean_and_spread(row: pd.Series) -> str:
    if row.networks < 2:
        return f"{row['mean']:.4f}"
    return f"{row['mean']:.4f} on average, with a standard deviation of {row.standard_deviation:.4f}"


def untrained_networks(networks: pd.DataFrame) -> str:
    """How many networks count as untrained, and by which rule.

    >>> untrained_networks(pd.DataFrame({"untrained": [True, False]}))[:29]
    '1 of 2 networks counts as unt'
    """
    count = int(networks.untrained.sum())
    consequence = (
        f"Results are given for all networks and, as the population “trained”, without "
        f"{'this one' if count == 1 else 'these'}."
        if count
        else "The populations “all” and “trained” of the tables are therefore the same."
    )
    how_many = f"{count or 'None'} of {counted(len(networks), 'network')}"
    return (
        f"{how_many} {'counts' if count == 1 else 'count'} as untrained: a final test accuracy below 0.2, twice that "
        f"of guessing, or not a number. {consequence}"
    )


def initialisation_check(parameters: pd.DataFrame, initialisation: pd.DataFrame) -> Markup:
    """Whether the weights before training are what the configuration says, by parameters and by invariants.

    >>> row = {"epoch": 0.0, "population": "all", "layer": 1, "networks": 500}
    >>> parameters = pd.DataFrame([{**row, "parameter": "mu_1", "z_from_initial": 1.5}])
    >>> print(initialisation_check(parameters, pd.DataFrame([{**row, "formula": "sum_i M_ii", "z": 0.5}]))[:60])
    Before training the fitted parameters (1) agree with their e
    """
    found = []
    for table, quantity, z, what, symbol in (
        (parameters, "fitted parameters", "z_from_initial", "parameter", parameter_html),
        (initialisation, "linear and quadratic invariants", "z", "formula", formula_html),
    ):
        rows = where(table, epoch=0, population=ALL)
        if not len(rows):
            continue
        worst = rows.iloc[int(rows[z].abs().argmax())]
        limit = bound(len(rows))
        few = too_few(int(rows.networks.iloc[0]), "network")
        agree = "agree" if abs(worst[z]) <= limit else "do not all agree"
        said = f"stand beside their exact values ({few})" if few else f"{agree} with their exact values"
        found.append(
            Markup(
                "Before training the {} ({}) {}: the largest deviation is {} standard errors, that of {} in {}{}."
            ).format(
                quantity,
                len(rows),
                said,
                f"{abs(worst[z]):.2f}",
                symbol(worst[what]),
                layer_name(worst.layer),
                "" if few else f", where the bound is {limit:.2f}",
            )
        )
    if found and not few:
        found.append(Markup("A verdict compares with {}.").format(BOUND_IN_WORDS))
    return Markup(" ").join(found)


def distance(distances: pd.DataFrame, config: EnsembleConfig) -> Finding:
    """Wasserstein distance to initialisation at the first and the last epoch, layer by layer, and its scale."""
    everyone = where(distances, population=ALL)
    first, last = everyone.epoch.min(), everyone.epoch.max()
    rows = []
    for layer, own in everyone.groupby("layer"):
        shape = config.shapes[int(str(layer))]
        scale = sqrt(shape[0] * shape[1] * InitialLaw.of(config.initialisation, shape[1]).second_moment)
        rows.append(
            {
                "layer": layer_name(layer),
                f"distance at epoch {first:g}": number(own.wasserstein.iloc[0], ".3g"),
                f"at epoch {last:g}": number(own.wasserstein.iloc[-1], ".3g"),
                "norm of the matrices at initialisation": number(scale, ".3g"),
            }
        )
    text = (
        "The 2-Wasserstein distance of the fitted model to the exact one at initialisation: a distance of whole "
        "matrices in the Frobenius norm, so the norm that the matrices start with is its scale. Its square, and the "
        "Kullback-Leibler divergence, are in the table of distances."
    )
    return Finding("Distance to initialisation", text, _table("Distance to initialisation", rows))


def symmetry(table: pd.DataFrame) -> Finding:
    """Whether the square layers keep the constraints of the symmetry of the network at the last epoch.

    >>> row = {"layer": 1, "epoch": 2.0, "population": "all", "networks": 500, "z": 0.5}
    >>> both = [{**row, "parameter": "mu_2", "minus": ""}, {**row, "parameter": "G2", "minus": "G3"}]
    >>> print(symmetry(pd.DataFrame(both)).table.rows[0][1])
    0.50, μ<sub>2</sub>
    """
    last = where(at_last_epoch(table), population=ALL)
    is_zero = ~last.minus.isin([COMMON])  # an empty cell may have been read as missing
    rows = []
    for layer, own in last.groupby("layer"):
        line: dict[str, str] = {"layer": layer_name(layer)}
        for name, part in (("zeros", own[is_zero[own.index]]), ("equalities", own[~is_zero[own.index]])):
            worst = part.iloc[int(part.z.abs().argmax())]
            symbol = parameter_html(worst.parameter)
            if name == "equalities":
                symbol = Markup("{} − {}").format(symbol, parameter_html(COMMON))
            line[f"largest |z| of the {'five zeros' if name == 'zeros' else 'three equalities'}"] = Markup(
                "{}, {}"
            ).format(f"{abs(worst.z):.2f}", symbol)
        rows.append(line)
    limit, top = bound(len(last)), last.z.abs().max()
    if few := too_few(int(last.networks.iloc[0]), "network"):
        conclusion = f"here there are {few}."
    elif top <= limit:
        conclusion = f"no departure is detected: the largest |z| is {top:.2f}, the bound for all of them {limit:.2f}."
    else:
        conclusion = (
            f"they do not all hold: the largest |z| is {top:.2f}, the bound for all of them {limit:.2f}. Either the "
            f"training treats units of a layer differently, or the standard errors are too small."
        )
    text = Markup(
        "The units of a hidden layer can be relabelled without changing what its network computes, each layer on its "
        "own, and this training treats them alike: of the 13 parameters of a square layer {} must be zero, and {} must "
        "be equal, at each epoch; the output layer is no exception. At epoch {} the estimates say, in standard errors "
        "that allow for the correlations of the estimates (by their influence functions): {} The remaining five, "
        "{} and the common value, carry what training does."
    ).format(
        _symbols(ZEROS),
        _symbols((*EQUALS, COMMON)),
        f"{last.epoch.iloc[0]:g}",
        conclusion,
        Markup(", ").join(parameter_html(name) for name in FREE if name != COMMON),
    )
    return Finding("The symmetry of the network", text, _table("The symmetry of the network", rows))


def departures(comparison: pd.DataFrame, count: int) -> Finding:
    """How many invariants depart significantly at the last epoch, and which most, layer by layer.

    Args:
        comparison: the invariants.
        count: networks that they were measured on.

    >>> row = {"layer": 1, "epoch": 2.0, "population": "all", "formula": "sum_i M_ii^3", "z": 5.0, "deviation": 0.1}
    >>> values = {"predicted": 1.0, "measured": 2.0, "standard_error": 0.2}
    >>> departures(pd.DataFrame([{**row, **values}]), 500).table.rows[0][1]
    '1 of 1 above 1.96'
    """
    last = where(at_last_epoch(comparison), population=ALL).dropna(subset="z")
    few = too_few(count, "network")
    rows = []
    for layer, own in last.groupby("layer"):
        limit = bound(len(own))
        top = own.iloc[int(own.z.abs().argmax())]
        above = {} if few else {"significant": f"{(own.z.abs() > limit).sum()} of {len(own)} above {limit:.2f}"}
        rows.append(
            {
                "layer": layer_name(layer),
                **above,
                "largest": formula_html(top.formula),
                "predicted": rounded(top.predicted, top.standard_error),
                "measured": rounded(top.measured, top.standard_error),
                "z": number(top.z, "+.1f"),
                "median deviation": number(own.deviation.median(), ".3f"),
            }
        )
    what = f"Cubic and quartic invariants at epoch {last.epoch.iloc[0]:g}, the one of largest |z| in each layer"
    counting = f": {few}" if few else f", and how many have |z| above {BOUND_IN_WORDS}"
    text = (
        f"{what}{counting}. The median deviation is that of arXiv:2510.05218, in standard deviations of one network's "
        f"value."
    )
    return Finding("Beyond the Gaussian model", text, _table("Beyond the Gaussian model", rows))


def omissions(table: pd.DataFrame) -> str:
    """Which layers and epochs no model could be fitted to, and why; layers of one reason together.

    >>> row = {"layer": 1, "epoch": 0.0, "population": "all", "networks": 2, "reason": "too few"}
    >>> omissions(pd.DataFrame([row, {**row, "epoch": 1.0}, {**row, "layer": 2}, {**row, "layer": 2, "epoch": 1.0}]))
    'No model could be fitted to layers 1 and 2, population “all”, at 2 epochs (0 to 1): too few.'
    """
    # messages may hold numbers that change from epoch to epoch; the first stands for all
    alike: dict[tuple[str, str], dict[str, list[str]]] = {}
    for (layer, population), rows in table.groupby(["layer", "population"], sort=False):
        first, last = rows.epoch.min(), rows.epoch.max()
        when = f"epoch {first:g}" if first == last else f"{len(rows)} epochs ({first:g} to {last:g})"
        layers = alike.setdefault((when, rows.reason.iloc[0]), {})
        layers.setdefault(str(layer), []).append(f"“{population}”")
    sentences = []
    for (when, reason), layers in alike.items():
        # layers with the same populations share a sentence
        by_population: dict[tuple[str, ...], list[str]] = {}
        for layer, names in layers.items():
            by_population.setdefault(tuple(names), []).append(layer)
        for who_by, numbers in by_population.items():
            which = f"layer{'s' if len(numbers) > 1 else ''} {listed(numbers)}"
            who = f"population{'s' if len(who_by) > 1 else ''} {listed(list(who_by))}"
            sentences.append(f"No model could be fitted to {which}, {who}, at {when}: {reason}.")
    return " ".join(sentences)


def _symbols(names: tuple[str, ...]) -> Markup:
    symbols = [parameter_html(name) for name in names]
    return Markup(", ").join(symbols[:-1]) + Markup(" and ") + symbols[-1]


def _table(title: str, rows: list[dict[str, str]]) -> Table:
    table = pd.DataFrame(rows, dtype=object)
    return Table.head(title, "", table, rows=len(table))
