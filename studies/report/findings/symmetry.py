"""What a study found about symmetry: which units may be exchanged, and which parameters that leaves free."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from ...analysis.constraints import COMMON, EQUALS, FREE, ZEROS
from ...analysis.layer import Tables
from ...analysis.network_subsets import ALL
from ...analysis.selection import at_last_epoch, records, where
from ...analysis.tests import LAW_DRAWS, PERMUTATION_DRAWS
from ...analysis.verdicts import LEVEL, bound, departing, too_few
from ...notation.number_format import counted, number, with_error
from ...notation.p_values import compared, p_text
from ...notation.symbols import group_html, layer_name, parameter_html, parameter_text
from .finding import Finding, finding_table


def symmetry_findings(tables: Tables) -> list[Finding]:
    """The findings about symmetry that the tables allow, in the order of the report."""
    found = []
    if "symmetry" in tables:
        found.append(symmetry(tables["symmetry"], tables.get("nested_models")))
    if "interior_parameters" in tables:
        found.append(interior_parameters(tables["interior_parameters"]))
    if "invariance" in tables:
        found.append(invariance(tables["invariance"]))
    if "output_classes" in tables:
        found.append(output_classes(tables["output_classes"], tables["class_tests"]))
    return found


def symmetry(table: pd.DataFrame, nested: pd.DataFrame | None = None) -> Finding:
    """Whether the square layers keep the constraints of the symmetry of the network at the last epoch.

    Args:
        table: the constraints one by one.
        nested: the tests of all together; the exact one, by randomisation, gives the verdict if it was done.

    >>> row = {"layer": 1, "epoch": 2.0, "subset": "all", "networks": 500, "z": 0.5}
    >>> both = [{**row, "parameter": "mu_2", "minus": ""}, {**row, "parameter": "G2", "minus": "G3"}]
    >>> print(symmetry(pd.DataFrame(both)).table.rows[0][1])
    0.50, μ<sub>2</sub>
    """
    last = at_last_epoch(where(table, subset=ALL))
    together = {}
    if nested is not None:
        square = where(at_last_epoch(nested), symmetry="S_N x S_N")
        together = {row["layer"]: row for row in records(square)}
    smallest = 1 / (LAW_DRAWS + 1)
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
        if (tests := together.get(layer)) is not None:
            line["Wald, p"] = p_text(tests["p_wald"])
            line["randomisation, p"] = p_text(tests["p_randomisation"], smallest)
            line |= {f"{test}, p ≤ {LEVEL:g}": _how_often(p) for test, p in _by_epoch(nested, layer).items()}
        rows.append(line)
    limit, top = bound(len(last)), last.z.abs().max()
    few = too_few(int(last.networks.iloc[0]), "network")
    exact = [p for tests in together.values() if (p := tests["p_randomisation"]) == p]
    if exact:
        least = f"the exact test, by permuting rows and columns at random, has p {compared(min(exact), smallest)}"
        if min(exact) <= max(LEVEL / len(exact), smallest):
            conclusion = f"they do not all hold: {least}, the smallest of {counted(len(exact), 'layer')}."
        else:
            conclusion = f"no departure is detected: {least} or more in each layer."
    elif few:
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
        "be equal, at each epoch; the output layer is no exception. At epoch {}, |z| being in standard errors "
        "that allow for the correlations of the estimates (by their influence functions): {}{} The remaining five, "
        "{} and the common value, carry what training does."
    ).format(
        _symbols(ZEROS),
        _symbols((*EQUALS, COMMON)),
        f"{last.epoch.iloc[0]:g}",
        conclusion,
        "" if few else through_training(nested),  # Wald's test rejects too often then
        Markup(", ").join(parameter_html(name) for name in FREE if name != COMMON),
    )
    return Finding("The symmetry of the network", text, finding_table("The symmetry of the network", rows))


def through_training(nested: pd.DataFrame | None) -> str:
    """The tests of all eight constraints together at every epoch that has the nested models, in a sentence.

    >>> rows = [{"symmetry": "S_N x S_N", "layer": 1, "epoch": e, "p_wald": p} for e, p in ((0.0, 0.5), (1.0, 0.3))]
    >>> through_training(pd.DataFrame(rows))[-55:]
    'none is below the level of all of them together, 0.025.'
    """
    if nested is None:
        return ""
    tests = where(nested, symmetry="S_N x S_N").dropna(subset="p_wald")
    if len(tests) < 2:
        return ""
    level = LEVEL / len(tests)
    below = int((tests.p_wald <= level).sum())
    said = "none is" if not below else f"{below} {'is' if below == 1 else 'are'}"
    return (
        f" Through training, at {counted(tests.epoch.nunique(), 'epoch')} of each layer, the smallest p of "
        f"{len(tests)} Wald tests is {p_text(tests.p_wald.min())}; {said} below the level of all of them together, "
        f"{level:.2g}."
    )


def _by_epoch(nested: pd.DataFrame | None, layer: object) -> dict[str, pd.Series]:
    """The p-values of the eight constraints together at the epochs that have them, by test."""
    if nested is None:
        return {}
    tests = where(nested, symmetry="S_N x S_N", layer=layer)
    return {name: tests[column].dropna() for name, column in (("Wald", "p_wald"), ("randomisation", "p_randomisation"))}


def _how_often(p_values: pd.Series) -> str:
    return f"{(p_values <= LEVEL).sum()} of {counted(len(p_values), 'epoch')}"


def interior_parameters(table: pd.DataFrame) -> Finding:
    """Which of the five parameters have left their initial values at the last epoch, and how far.

    >>> row = {"layer": 1, "epoch": 2.0, "subset": "all", "networks": 500, "relative_error": 0.1}
    >>> rows = [row | {"parameter": "mu", "index": 0, "relative": 1.0, "initial": 0.0, "wasserstein_squared": 3.0},
    ...         row | {"parameter": "GHH", "index": 4, "relative": 1.1, "initial": 0.2, "wasserstein_squared": 1.0}]
    >>> [print(cell) for cell in interior_parameters(pd.DataFrame(rows)).table.rows[0][1:]]
    1.00 ± 0.10 (75%)
    1.10 ± 0.10 (25%)
    [None, None]
    """
    last = at_last_epoch(where(table, subset=ALL))
    initial = (last.initial > 0).astype(float)  # a mean starts at 0, a variance at 1
    z = (last.relative - initial) / last.relative_error
    limit = bound(len(last))
    of_layer = last.groupby("layer").wasserstein_squared.transform("sum")
    shares = last.wasserstein_squared / of_layer
    rows = []
    for layer, own in last.groupby("layer"):
        line: dict[str, str] = {"layer": layer_name(layer)}
        for place, row in own.iterrows():
            line[parameter_text(row.parameter)] = (
                f"{with_error(row.relative, row.relative_error)} ({shares[place]:.0%})"  # type: ignore[call-overload]
            )
        rows.append(line)
    if few := too_few(int(last.networks.iloc[0]), "network"):
        conclusion = Markup("Here there are {}.").format(few)
    else:
        still = [
            Markup("{} in {}").format(parameter_html(row["parameter"]), layer_name(row["layer"]))
            for row in records(last[z.abs() <= limit])
        ]
        conclusion = Markup("{} of {} are farther from their initial values than {} standard errors, {}.").format(
            len(last) - len(still), len(last), f"{limit:.2f}", "the bound for all of them"
        )
        if still:
            conclusion += Markup(" No move is detected of {}.").format(Markup(", ").join(still))
    text = Markup(
        "What the symmetry leaves free: the mean, and the variances of the total, of the column sums, of the row sums "
        "and of the rest ({}). They are given at epoch {} in units of the initial variance of an entry, the mean in "
        "its root, so that they start at 0 and 1 exactly; ± is one standard error. The squared Wasserstein distance of "
        "the model with these five to initialisation is a sum over them, in these parts: the percentages. {}"
    ).format(
        Markup(", ").join(parameter_html(name) for name in last.parameter.unique()),
        f"{last.epoch.iloc[0]:g}",
        conclusion,
    )
    title = "What training moves"
    return Finding(title, text, finding_table("The five parameters, in units of the initial variance", rows))


def output_classes(table: pd.DataFrame, tests: pd.DataFrame) -> Finding:
    """Whether the classes of the output layer differ at the last epoch, and how much of the variance that is.

    >>> row = {"layer": 3, "epoch": 2.0, "subset": "all", "networks": 500}
    >>> values = {"standard_error": 0.01, "variance": 1.0, "variance_error": 0.1}
    >>> test = {"f_means": 9.0, "p_means": 1e-9, "p_variances": 0.5, "p_units": 0.3, "share": 0.2, "share_error": 0.02}
    >>> rows = [row | values | {"class": c, "mean": 0.5 * c} for c in (0, 1)]
    >>> output_classes(pd.DataFrame(rows), pd.DataFrame([row | test])).table.rows[1]
    ('1', '0.500 ± 0.010', '1.00 ± 0.10')
    """
    last, end = (at_last_epoch(where(part, subset=ALL)) for part in (table, tests))
    test = end.iloc[0]
    low, high = (last.iloc[int(place)] for place in (last["mean"].argmin(), last["mean"].argmax()))
    rows = [
        {
            "class": str(int(row["class"])),
            "mean weight": with_error(row["mean"], row["standard_error"]),
            "variance of the weights": with_error(row["variance"], row["variance_error"]),
        }
        for row in records(last)
    ]
    differ = test.p_means <= LEVEL
    if test.p_means != test.p_means:
        said = "there are too few networks for a test of the mean weights."
    elif differ:
        since = significant_from(where(tests, subset=ALL).dropna(subset="p_means"), "p_means")
        said = (
            f"the mean weights differ (Hotelling’s F = {number(test.f_means, '.3g')}, p {compared(test.p_means)}; "
            f"p ≤ {LEVEL:g} {since}), from {with_error(low['mean'], low.standard_error)} of class {low['class']} to "
            f"{with_error(high['mean'], high.standard_error)} of class {high['class']}."
        )
    else:
        said = f"no difference of the mean weights is detected (Hotelling’s test, p {compared(test.p_means)})."
    variances = (
        f" Their variances differ{'' if test.p_variances <= LEVEL else ' by no more than chance would make them'} "
        f"(p {compared(test.p_variances)})."
        if test.p_variances == test.p_variances
        else ""
    )
    few = too_few(int(test.networks), "network")
    text = Markup(
        "The rows of {} are classes, which nothing makes exchangeable. At epoch {}: {}{} The spread of the class means "
        "accounts for {} of {}, the variance of the row sums; the rest differs from network to network. The averages "
        "of invariants do not see which class is which, and the model is fitted to them: for it the class means are a "
        "part of that variance.{}"
    ).format(
        layer_name(last.layer.iloc[0]),
        f"{test.epoch:g}",
        said,
        variances,
        f"{with_error(100 * test.share, 100 * test.share_error)}%",
        parameter_html("GH0"),
        f" The tests need more networks: {few}." if few else "",
    )
    return Finding("The classes of the output layer", text, finding_table("The classes of the output layer", rows))


def significant_from(table: pd.DataFrame, column: str, level: float = LEVEL) -> str:
    """From which epoch on all p-values are at most the level, in words.

    >>> rows = pd.DataFrame({"epoch": [0.0, 1.0, 2.0, 3.0], "p": [0.01, 0.5, 0.01, 0.01]})
    >>> significant_from(rows, "p"), significant_from(rows[:2], "p")
    ('from epoch 2 on', 'at no epoch from which it stays so')
    """
    ordered = table.sort_values("epoch")
    others = ordered[~(ordered[column] <= level)]
    after = ordered[ordered.epoch > others.epoch.max()] if len(others) else ordered
    if not len(after):
        return "at no epoch from which it stays so"
    return f"from epoch {after.epoch.iloc[0]:g} on" if len(others) else "at every epoch"


def invariance(table: pd.DataFrame) -> Finding:
    """Whether mean and covariance of each layer are permutation invariant at all, at the last epoch.

    >>> row = {"layer": 1, "epoch": 2.0, "p_gaussian": 0.5, "p_permutation": 0.01}
    >>> rows = [row | {"moment": m, "irreps": i} for m, i in (("mean", "V_H"), ("mean", "all"), ("covariance", "all"))]
    >>> print(invariance(pd.DataFrame(rows)).text[-52:])
    A departure in layer 1 (mean), layer 1 (covariance).
    """
    last = at_last_epoch(table)
    if "p_permutation" not in last:
        last = last.assign(p_permutation=float("nan"))
    smallest = 1 / (PERMUTATION_DRAWS + 1)
    rows, tests = [], []
    for layer, own in last.groupby("layer"):
        mean, covariance = (where(own, moment=moment).set_index("irreps") for moment in ("mean", "covariance"))
        parts = mean.drop(index="all").p_gaussian
        line = {
            "layer": layer_name(layer),
            "mean, if Gaussian": p_text(mean.p_gaussian["all"]),
            "smallest": Markup("{} in {}").format(p_text(parts.min()), group_html(str(parts.idxmin()))),
        }
        for name, part in (("mean", mean), ("covariance", covariance)):
            p = part.p_permutation.get("all", float("nan"))
            line[f"{name}, by permutation"] = p_text(p, smallest)
            tests.append((f"{layer_name(layer)} ({name})", p))
        rows.append(line)
    departs = departing([p for _, p in tests], smallest)
    found = [what for (what, _), yes in zip(tests, departs, strict=True) if yes]
    text = Markup(
        "The model supposes that the mean has no part in {} other than the trivial one, and that second moments join "
        "only like with like. Exact tests say whether that is so at epoch {}, of the mean for Gaussian matrices, and "
        "of both for matrices of any law, by permuting each at random. The rows of an output layer are classes, "
        "and the columns of the first layer components of the data, so there neither need hold; the averages of "
        "invariants, which the model is fitted to, are what they are. {}"
    ).format(
        "irreducible representations",
        f"{last.epoch.iloc[0]:g}",
        f"A departure in {', '.join(found)}." if found else "No departure is detected.",
    )
    return Finding("Permutation invariance", text, finding_table("Permutation invariance, p-values", rows))


def _symbols(names: tuple[str, ...]) -> Markup:
    symbols = [parameter_html(name) for name in names]
    return Markup(", ").join(symbols[:-1]) + Markup(" and ") + symbols[-1]
