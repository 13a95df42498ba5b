"""What a study found beyond the Gaussian model: symmetrised comparison, change, untrained networks."""

from __future__ import annotations

from math import nan, sqrt

import pandas as pd
from markupsafe import Markup

from ...analysis.layer import Tables
from ...analysis.network_subsets import ALL, TRAINED
from ...analysis.selection import at_last_epoch, where
from ...analysis.symmetrised import AVERAGED, BIPARTITE_GRAPHS, SQUARE_GRAPHS
from ...analysis.verdicts import LEVEL, bound, too_few
from ...notation.number_format import counted, listed, number
from ...notation.p_values import p_text
from ...notation.symbols import group_html, layer_name
from .finding import Finding, finding_table

# A single network with more of the squared standard errors than this by the root of their number is a warning. Fourth
# powers have heavy tails themselves: of 100, 200 and 1000 Gaussian 5 x 5 and 10 x 10 matrices one has mostly 1.7 to 3,
# and at most 8 in 60 draws, in the median over the averaged invariants.
_HEAVY_TAIL = 10.0
# Counts of significant invariants whose ratio is at least this are different results.
_FACTOR = 2


def symmetrised_comparison(table: pd.DataFrame, count: int, gaussianity: pd.DataFrame | None = None) -> Finding:
    """What the symmetry of the network adds to the search for departures from the Gaussian model, at the last epoch.

    Args:
        table: as `symmetrised_comparison_table`, with layer, epoch, subset.
        count: networks that it was measured on.
        gaussianity: the calibrated global test by the bipartite invariants, if there is one.

    >>> labels = {"layer": 1, "epoch": 2.0, "subset": "all"}
    >>> z = {"tested": 348, "significant": 9, "largest_absolute_z": 6.0, "root_mean_square_z": 2.0, "error_ratio": 0.25,
    ...      "largest_share": 0.02}
    >>> table = pd.DataFrame([labels | z | {"invariants": n} for n in (SQUARE_GRAPHS, AVERAGED, BIPARTITE_GRAPHS)])
    >>> symmetrised_comparison(table, 500).table.rows[0][1:5]
    ('9 of 348', '9 of 348', '9 of 348', '6.0')
    """
    everyone = where(table, subset=ALL)
    last = at_last_epoch(everyone)
    rows = []
    for layer, own in last.groupby("layer"):
        by_set = own.set_index("invariants")
        line: dict[str, str] = {"layer": layer_name(layer)}
        names = {SQUARE_GRAPHS: "the 348", AVERAGED: "averaged", BIPARTITE_GRAPHS: "the 43"}
        for name, short in names.items():
            line[f"q ≤ {LEVEL:g}: {short}"] = f"{by_set.significant[name]} of {by_set.tested[name]}"
        for name, short in names.items():
            line[f"largest |z|: {short}"] = number(by_set.largest_absolute_z[name], ".1f")
        for name, short in names.items():
            line[f"root mean z²: {short}"] = number(by_set.root_mean_square_z[name], ".2f")
        line["standard errors, averaged / not"] = number(by_set.error_ratio[AVERAGED], ".2f")
        line["of one network"] = f"{by_set.largest_share[AVERAGED]:.0%}"
        if gaussianity is not None:
            p = where(gaussianity, layer=layer, epoch=own.epoch.iloc[0])
            if len(p):
                line["Gaussian? p by the 43"] = p_text(p.global_p_value.iloc[0], 1 / (p.replicates.iloc[0] + 1))
        rows.append(line)
    averaged = where(last, invariants=AVERAGED)
    share = heavy_tail_threshold(count)
    heavy = [layer_name(layer) for layer in averaged[averaged.largest_share > share].layer]
    text = Markup(
        "Since rows and columns may be permuted independently, as tested above, an invariant has the same expectation "
        "value as its average over such permutations, and the average varies less: what differs between permutations "
        "of one network's matrix is noise. Averaged, the 348 cubic and quartic invariants of {} are combinations of 43 "
        "invariants of {}, whose Gaussian model has five parameters. At epoch {} the standard errors of the averages "
        "are, in units of those of the invariants themselves and in the median over them, {}; a ratio r is worth 1/r² "
        "times as many networks. Nothing is gained for an invariant that is its own average (no index is both a row "
        "and a column), and the largest |z| may be of such a one. q is the false discovery rate within a set; the root "
        "mean square of z is 1 by chance alone. The three sets show the same departures, so their counts are not to be "
        "added. {}{}"
    ).format(
        group_html("S_N"),
        group_html("S_N x S_N"),
        f"{last.epoch.iloc[0]:g}",
        listed([f"{row.error_ratio:.2f} in {layer_name(row.layer)}" for row in averaged.itertuples()]),
        _course(everyone),
        f" In {listed(heavy)} a single network makes more than {share:.0%} of the squared standard errors, in the "
        f"median, which none of so many Gaussian ones does: the weights have heavy tails, so that averaging gains "
        f"less, |z| may fall while the departures grow, and its p-values are rough."
        if heavy
        else "",
    )
    return Finding(
        "The same departures, seen more sharply", text, finding_table("By the symmetry of the network", rows)
    )


def heavy_tail_threshold(count: int) -> float:
    """What a single one of so many networks has of the squared standard errors at most, if they are Gaussian.

    >>> round(heavy_tail_threshold(1000), 2), heavy_tail_threshold(50)
    (0.32, 1.0)
    """
    return min(1.0, _HEAVY_TAIL / sqrt(count))


def _course(everyone: pd.DataFrame) -> str:
    """From which epoch on each layer shows a departure, by the 348 and by the 43."""
    words = []
    for layer, own in everyone.groupby("layer"):
        by_set = {name: own[own.invariants == name] for name in (SQUARE_GRAPHS, BIPARTITE_GRAPHS)}
        square, bipartite = (_departs_from(part) for part in by_set.values())
        words.append(f"{layer_name(layer)} {square} by the 348, {bipartite} by the 43")
    return f"At least one invariant has q ≤ {LEVEL:g} without interruption: {'; '.join(words)}."


def _departs_from(rows: pd.DataFrame) -> str:
    ordered = rows.sort_values("epoch")
    quiet = ordered[ordered.significant == 0]
    after = ordered[ordered.epoch > quiet.epoch.max()] if len(quiet) else ordered
    return f"from epoch {after.epoch.iloc[0]:g} on" if len(after) else "never"


def changes(table: pd.DataFrame) -> Finding:
    """Quantity (3) of arXiv:2510.05218: the relative change of the deviations through training, layer by layer.

    >>> row = {"layer": 1, "subset": "all", "change": 0.5, "in_paper": True}
    >>> changes(pd.DataFrame([row, row | {"change": -0.1, "in_paper": False}])).table.rows[0]
    ('layer 1', '+0.50', '1 of 1', '+0.20', '1 of 2')
    """
    rows = []
    for layer, own in where(table, subset=ALL).dropna(subset="change").groupby("layer"):
        line: dict[str, str] = {"layer": layer_name(layer)}
        for name, part in (("the paper’s 39", own[own.in_paper]), ("all", own)):
            line[f"median, {name}"] = number(part.change.median() if len(part) else nan, "+.2f")
            line[f"above 0, {name}"] = f"{(part.change > 0).sum()} of {len(part)}" if len(part) else "–"
        rows.append(line)
    text = (
        "Quantity (3) of arXiv:2510.05218: (final − initial)/(final + initial) of the deviation of each cubic and "
        "quartic invariant from the model fitted at that epoch. If chance alone made both, the median is 0 and half "
        "are above it; but many invariants are strongly correlated, so this is no test with so many independent cases. "
        "Where the weights start Gaussian, the initial deviations are sampling errors, of order 1/√networks: the more "
        "networks, the nearer to 1 is the change of an invariant that training takes away from Gaussian. Weights of "
        "another law have deviations of its own to start with."
    )
    return Finding("Change of the deviations", text, finding_table("Change of the deviations", rows))


def without_untrained(tables: Tables) -> Finding | None:
    """Whether leaving out the untrained networks changes a conclusion at the last epoch.

    None if there are none, or if all networks together have no fit at that epoch, since some diverged.

    >>> without_untrained({"distances": pd.DataFrame({"subset": ["all", "trained"], "networks": [9, 9]})})
    """
    distances = tables["distances"]
    counts = distances.groupby("subset").networks.max()
    if counts.get(TRAINED, counts[ALL]) == counts[ALL]:
        return None
    if (distances.groupby("subset").epoch.max() < distances.epoch.max()).any():
        return None
    rows, differences = [], []
    for layer in sorted(where(distances, subset=TRAINED).layer.unique()):
        line: dict[str, str] = {"layer": layer_name(layer)}
        everyone, learnt = (_conclusions(tables, layer, subset) for subset in (ALL, TRAINED))
        for name, (before, told) in everyone.items():
            after, tells = learnt[name]
            line[name] = f"{before} → {after}"
            low, high = sorted((told, tells))
            if high >= _FACTOR * max(low, 1) or (low == 0 and high > 0):
                differences.append(f"{layer_name(layer)} ({name}: {before} → {after})")
        rows.append(line)
    few = too_few(int(counts[TRAINED]), "network")
    conclusion = (
        f"They matter in {listed(differences)}."
        if differences
        else "They do not matter: what is significant with them is so without them, and about as often."
    )
    text = (
        f"All {counted(int(counts[ALL]), 'network')} → the {counts[TRAINED]} that learnt something, at the last epoch: "
        f"how many invariants have a false discovery rate of at most {LEVEL:g}, the largest |z|, what a single network "
        f"has of the squared standard errors, the median deviation, the Wasserstein distance to initialisation, and "
        f"the largest |z| of the eight constraints. {few or conclusion} Networks are left out by what they became, so "
        f"already at initialisation the rest are a selection."
    )
    return Finding("Without the untrained networks", text, finding_table("All networks → without the untrained", rows))


def _conclusions(tables: Tables, layer: int, subset: str) -> dict[str, tuple[str, int]]:
    """What is shown of each result about a layer, and its verdict: 0 if nothing is significant, else 1 or a count."""
    own = {
        name: at_last_epoch(where(table, layer=layer, subset=subset))
        for name, table in tables.items()
        if name in ("comparison", "bipartite", "symmetrised_comparison", "distances", "symmetry")
    }
    found: dict[str, tuple[str, int]] = {}
    square = "bipartite" in own and len(own["bipartite"]) > 0
    sets = {"the 348": own["comparison"], "the 43": own["bipartite"]} if square else {"the 43": own["comparison"]}
    for name, table in sets.items():
        z, significant = table.z.abs(), int((table.q_value <= LEVEL).sum())
        found[f"q ≤ {LEVEL:g}, {name}"] = f"{significant} of {z.count()}", significant
        found[f"largest |z|, {name}"] = number(z.max(), ".1f"), int(z.max() > bound(z.count()))
    distance = own["distances"].iloc[0]
    if square:
        share = where(own["symmetrised_comparison"], invariants=AVERAGED).largest_share.iloc[0]
        found["of one network"] = f"{share:.0%}", 1 + int(share > heavy_tail_threshold(distance.networks))
    found["median deviation"] = number(own["comparison"].deviation.median(), ".3f"), 1
    found["distance"] = number(distance.wasserstein, ".3g"), int(distance.p_value <= LEVEL)
    if "symmetry" in own and len(own["symmetry"]):
        z = own["symmetry"].z.abs()
        found["constraints, largest |z|"] = number(z.max(), ".2f"), int(z.max() > bound(len(z)))
    return found
