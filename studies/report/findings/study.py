"""What a study found, in sentences and small tables made from its tables."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from ....training import EnsembleConfig
from ...analysis.initial_law import InitialLaw
from ...analysis.layer import Tables
from ...analysis.network_subsets import ALL, TRAINED
from ...analysis.selection import at_last_epoch, records, where
from ...analysis.tests import LAW_DRAWS
from ...analysis.verdicts import BOUND_IN_WORDS, LEVEL, bound, departing, too_few
from ...notation.number_format import counted, listed, number, rounded
from ...notation.p_values import compared, p_text
from ...notation.symbols import formula_html, group_html, layer_name, parameter_html
from .dead_units import dead_units
from .finding import Finding, finding_table
from .symmetrised import changes, symmetrised_comparison, without_untrained
from .symmetry import symmetry_findings


def findings(tables: Tables, config: EnsembleConfig) -> list[Finding]:
    """The findings that the tables allow, in the order of the report."""
    found = [
        Finding("Accuracy", accuracy(tables["training"])),
        Finding("Untrained networks", untrained_networks(tables["networks"])),
    ]
    if "units" in tables:
        found.append(dead_units(tables))
    if "parameters" in tables:
        checked = initialisation_check(tables["parameters"], tables["initialisation"])
        found += [Finding("Initialisation", checked), distance(tables["distances"], config)]
        nested, bootstrap = tables.get("nested_models"), tables.get("bootstrap")
        if nested is not None:
            found.append(nested_models(nested))
        found += symmetry_findings(tables)
        if "gaussianity" in tables:
            found.append(gaussianity(tables["gaussianity"]))
        count = int(where(tables["parameters"], subset=ALL).networks.iloc[0])
        found.append(departures(tables["comparison"], count, bootstrap))
        if "symmetrised_comparison" in tables:
            found.append(
                symmetrised_comparison(tables["symmetrised_comparison"], count, tables.get("bipartite_gaussianity"))
            )
        found.append(changes(tables["change"]))
        if (learnt := without_untrained(tables)) is not None:
            found.append(learnt)
    if "omissions" in tables:
        found.append(Finding("Left out", omissions(tables["omissions"])))
    return found


def accuracy(training: pd.DataFrame) -> str:
    """Final test accuracy, mean and spread, of both subsets of networks.

    >>> row = {"metric": "test_accuracy", "epoch": 1.0, "networks": 12, "mean": 0.9, "standard_deviation": 0.01}
    >>> accuracy(pd.DataFrame([{**row, "subset": name} for name in ("all", "trained")]))
    'At epoch 1 the test accuracy of all 12 networks is 0.9000 on average, with a standard deviation of 0.0100.'
    """
    last = at_last_epoch(where(training, metric="test_accuracy"))
    everyone, learnt = (where(last, subset=name) for name in (ALL, TRAINED))
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
        return number(row["mean"], ".4f")
    mean, spread = (number(value, ".4f") for value in (row["mean"], row.standard_deviation))
    return f"{mean} on average, with a standard deviation of {spread}"


def untrained_networks(networks: pd.DataFrame) -> str:
    """How many networks count as untrained, and by which rule.

    >>> untrained_networks(pd.DataFrame({"untrained": [True, False]}))[:29]
    '1 of 2 networks counts as unt'
    """
    count = int(networks.untrained.sum())
    consequence = (
        f"Results are given for all networks and, as the subset “trained”, without "
        f"{'this one' if count == 1 else 'these'}."
        if count
        else "The subsets “all” and “trained” of the tables are therefore the same."
    )
    how_many = f"{count or 'None'} of {counted(len(networks), 'network')}"
    return (
        f"{how_many} {'counts' if count == 1 else 'count'} as untrained: a final test accuracy below 0.2, twice that "
        f"of guessing, or not a number. {consequence}"
    )


def initialisation_check(parameters: pd.DataFrame, initialisation: pd.DataFrame) -> Markup:
    """Whether the weights before training are what the configuration says, by parameters and by invariants.

    >>> row = {"epoch": 0.0, "subset": "all", "layer": 1, "networks": 500}
    >>> parameters = pd.DataFrame([{**row, "parameter": "mu_1", "z_from_initial": 1.5}])
    >>> print(initialisation_check(parameters, pd.DataFrame([{**row, "formula": "sum_i M_ii", "z": 0.5}]))[:60])
    Before training the fitted parameters (1) agree with their e
    """
    found = []
    for table, quantity, z, what, symbol in (
        (parameters, "fitted parameters", "z_from_initial", "parameter", parameter_html),
        (initialisation, "linear and quadratic invariants", "z", "formula", formula_html),
    ):
        rows = where(table, epoch=0, subset=ALL)
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
    everyone = where(distances, subset=ALL)
    first, last = everyone.epoch.min(), everyone.epoch.max()
    rows = []
    for layer, own in everyone.groupby("layer"):
        shape = config.shapes[int(str(layer))]
        scale = InitialLaw.of_layer(config.initialisation, shape).norm(shape)
        rows.append(
            {
                "layer": layer_name(layer),
                f"distance at epoch {first:g}": number(own.wasserstein.iloc[0], ".3g"),
                f"at epoch {last:g}": number(own.wasserstein.iloc[-1], ".3g"),
                "by chance": f"{number(own.null_lower.iloc[-1], '.3g')} to {number(own.null_upper.iloc[-1], '.3g')}",
                f"p at epoch {first:g}": p_text(own.p_value.iloc[0], 1 / (LAW_DRAWS + 1)),
                f"p at epoch {last:g}": p_text(own.p_value.iloc[-1], 1 / (LAW_DRAWS + 1)),
                "norm at initialisation": number(scale, ".3g"),
            }
        )
    text = (
        "The 2-Wasserstein distance of the fitted model to the exact one at initialisation: a distance of whole "
        "matrices in the Frobenius norm, so the norm that the matrices start with is its scale. A finite ensemble of "
        "the law at initialisation has a distance too, by chance, nine times out of ten as given; p is the probability "
        "of one as large. The square, and the Kullback-Leibler divergence, are in the table of distances."
    )
    return Finding("Distance to initialisation", text, finding_table("Distance to initialisation", rows))


def nested_models(nested: pd.DataFrame) -> Finding:
    """Which of the nested models describes each layer at the last epoch.

    >>> row = {"layer": 1, "epoch": 2.0, "left_out": "", "p_bootstrap": 0.5, "p_wald": 0.4}
    >>> values = ({"symmetry": "iid", "aic": 3.0, "bic": 4.0}, {"symmetry": "S_N", "aic": 2.0, "bic": 5.0})
    >>> print(nested_models(pd.DataFrame([row | v for v in values])).table.rows[0][1:3])
    (Markup('iid'), Markup('<i>S</i><sub>N</sub>'))
    """
    last = at_last_epoch(nested)
    rows = []
    for layer, own in last.groupby("layer"):
        known = own.dropna(subset="bic").set_index("symmetry")
        iid = next((row for row in records(known.reset_index()) if row["symmetry"] == "iid"), None)
        rows.append(
            {
                "layer": layer_name(layer),
                "best by BIC": group_html(str(known.bic.idxmin())),
                "best by AIC": group_html(str(known.aic.idxmin())),
                "p of iid: likelihood ratio": "–" if iid is None else p_text(iid["p_bootstrap"], 1 / (LAW_DRAWS + 1)),
                "Wald": "–" if iid is None else p_text(iid["p_wald"]),
            }
        )
    text = Markup(
        "Gaussian models that leave less and less free, from {} down to independent entries of one law (iid), at epoch "
        "{}; the best is that of the smallest information criterion, of which BIC asks for more evidence before it "
        "allows a parameter. The last columns test iid, by the likelihood ratio with the next larger model (bootstrap, "
        "Gaussian entries) and with the full one by a Wald test (entries of any law). All models and tests, also "
        "during training, are in the table of nested models."
    ).format(group_html("S_N"), f"{last.epoch.iloc[0]:g}")
    return Finding("Which of the nested models?", text, finding_table("Which of the nested models?", rows))


def judged(gaussianity: pd.DataFrame) -> pd.DataFrame:
    """The table of the global tests with the column `departs`: the verdicts on all of them together.

    >>> judged(pd.DataFrame({"replicates": 199, "global_p_value": [0.3, 0.005]})).departs.tolist()
    [False, True]
    """
    smallest = 1 / (int(gaussianity.replicates.iloc[0]) + 1)
    return gaussianity.assign(departs=departing(gaussianity.global_p_value.to_list(), smallest))


def gaussianity(table: pd.DataFrame) -> Finding:
    """Whether the matrices are Gaussian, by the calibrated global test, at the first and the last epoch.

    >>> row = {"layer": 1, "replicates": 199, "global_p_value": 0.4, "largest_p_value": 0.3, "mean_square_p_value": 0.6}
    >>> found = gaussianity(pd.DataFrame([{**row, "epoch": 0.0}, {**row, "epoch": 2.0, "global_p_value": 0.005}]))
    >>> print(found.text[-46:], found.table.rows[0])
    A departure in layer 1 at epoch 2 (p ≤ 0.005). ('layer 1', '0.4', '≤ 0.005', '0.3', '0.6')
    """
    first, last = table.epoch.min(), table.epoch.max()
    replicates = int(table.replicates.iloc[0])
    smallest = 1 / (replicates + 1)
    rows, found = [], []
    table = judged(table)
    for layer, own in table.groupby("layer"):
        line: dict[str, str] = {"layer": layer_name(layer)}
        for row, departs in zip(records(own), own.departs, strict=True):
            p = row["global_p_value"]
            line[f"p at epoch {row['epoch']:g}"] = p_text(p, smallest)
            if departs:
                found.append(f"{layer_name(layer)} at epoch {row['epoch']:g} (p {compared(p, smallest)})")
        end = where(own, epoch=last)
        if len(end):
            line[f"of the largest |z| at epoch {last:g}"] = p_text(end.largest_p_value.iloc[0], smallest)
            line[f"of the mean z² at epoch {last:g}"] = p_text(end.mean_square_p_value.iloc[0], smallest)
        rows.append(line)
    when = f"epoch {first:g}" if first == last else f"epochs {first:g} and {last:g}"
    conclusion = f"A departure in {', '.join(found)}." if found else "No departure from the Gaussian model is detected."
    text = (
        f"{replicates} ensembles of as many matrices were drawn from each fitted model, fitted and compared again, at "
        f"{when}. The p-value of a layer is the share of them, the measured one included, that are as extreme: in "
        f"their largest |z|, or in the mean of z², over the cubic and quartic invariants. It is calibrated however "
        f"few the networks; none is below {smallest:.2g}, and the verdict, by Holm's procedure, is at {LEVEL:.0%} "
        f"for all of them together. {conclusion}"
    )
    return Finding("Gaussian or not", text, finding_table("Gaussian or not", rows))


def departures(comparison: pd.DataFrame, count: int, bootstrap: pd.DataFrame | None = None) -> Finding:
    """How many invariants depart significantly at the last epoch, and which most, layer by layer.

    Args:
        comparison: the invariants.
        count: networks that they were measured on.
        bootstrap: the same with calibrated p-values, if there are any.

    >>> row = {"layer": 1, "epoch": 2.0, "subset": "all", "formula": "sum_i M_ii^3", "z": 5.0, "deviation": 0.1}
    >>> values = {"predicted": 1.0, "measured": 2.0, "standard_error": 0.2}
    >>> departures(pd.DataFrame([{**row, **values}]), 500).table.rows[0][1]
    '1 of 1 above 1.96'
    """
    last = at_last_epoch(where(comparison, subset=ALL)).dropna(subset="z")
    few = too_few(count, "network")
    rows = []
    for layer, own in last.groupby("layer"):
        limit = bound(len(own))
        top = own.iloc[int(own.z.abs().argmax())]
        calibrated = None if bootstrap is None else where(bootstrap, layer=layer, epoch=top.epoch).set_index("graph")
        if calibrated is not None and len(calibrated):
            p = calibrated.familywise_p_value
            above = {
                "significant": f"{(p <= LEVEL).sum()} of {len(own)}",
                "familywise p": p_text(p[top.graph], p.min() if p.min() <= 1e-2 else 0.0),
            }
        else:
            above = {} if few else {"significant": f"{(own.z.abs() > limit).sum()} of {len(own)} above {limit:.2f}"}
        rows.append(
            {
                "layer": layer_name(layer),
                **{name: value for name, value in above.items() if name == "significant"},
                "largest": formula_html(top.formula),
                "predicted": rounded(top.predicted, top.standard_error),
                "measured": rounded(top.measured, top.standard_error),
                "z": number(top.z, "+.1f"),
                **{name: value for name, value in above.items() if name != "significant"},
                "median deviation": number(own.deviation.median(), ".3f"),
            }
        )
    what = f"Cubic and quartic invariants at epoch {last.epoch.iloc[0]:g}, the one of largest |z| in each layer"
    if bootstrap is not None:
        counting = (
            f", and how many have a familywise p-value of at most {LEVEL:g}: that of |z| among the largest |z| of each "
            f"replicate, so that all the invariants of a layer together have one chance in twenty of a false alarm"
        )
    else:
        counting = f": {few}" if few else f", and how many have |z| above {BOUND_IN_WORDS}"
    text = (
        f"{what}{counting}. The median deviation is that of arXiv:2510.05218, in standard deviations of one network's "
        f"value."
    )
    return Finding("Beyond the Gaussian model", text, finding_table("Beyond the Gaussian model", rows))


def omissions(table: pd.DataFrame) -> str:
    """Which layers and epochs no model could be fitted to, and why; layers of one reason together.

    >>> row = {"layer": 1, "epoch": 0.0, "subset": "all", "networks": 2, "reason": "too few"}
    >>> omissions(pd.DataFrame([row, {**row, "epoch": 1.0}, {**row, "layer": 2}, {**row, "layer": 2, "epoch": 1.0}]))
    'No model could be fitted to layers 1 and 2, subset “all”, at 2 epochs (0 to 1): too few.'
    """
    # messages may hold numbers that change from epoch to epoch; the first stands for all
    alike: dict[tuple[str, str], dict[str, list[str]]] = {}
    for (layer, subset), rows in table.groupby(["layer", "subset"], sort=False):
        first, last = rows.epoch.min(), rows.epoch.max()
        when = f"epoch {first:g}" if first == last else f"{len(rows)} epochs ({first:g} to {last:g})"
        layers = alike.setdefault((when, rows.reason.iloc[0]), {})
        layers.setdefault(str(layer), []).append(f"“{subset}”")
    sentences = []
    for (when, reason), layers in alike.items():
        # layers with the same subsets share a sentence
        by_subset: dict[tuple[str, ...], list[str]] = {}
        for layer, names in layers.items():
            by_subset.setdefault(tuple(names), []).append(layer)
        for who_by, numbers in by_subset.items():
            which = f"layer{'s' if len(numbers) > 1 else ''} {listed(numbers)}"
            who = f"subset{'s' if len(who_by) > 1 else ''} {listed(list(who_by))}"
            sentences.append(f"No model could be fitted to {which}, {who}, at {when}: {reason}.")
    return " ".join(sentences)
