"""What arXiv:2508.12834 says, what a study measures, and whether they agree, by rules that stand with the verdicts."""

from __future__ import annotations

import pandas as pd

from ..analysis.selection import at_last_epoch, where
from ..analysis.verdicts import Verdict, Verdicts
from ..notation.number_format import number, percent, with_error
from ..notation.symbols import layer_name
from ..report.claims import Agreement, JudgedClaim, judged_claims
from .design import STATIONARY
from .questions import QUESTIONS, Tables, best_scale

#: So large a share of the pairs of networks must be better for "always".
ALWAYS = 0.95

_WORDS = {"train_loss": "final training loss", "test_accuracy": "test accuracy"}


def claim_table(tables: Tables, verdicts: Verdicts) -> pd.DataFrame:
    """Set the claims of the paper beside the measurements of a study.

    Args:
        tables: of the study: ratios, performance, crossings.
        verdicts: on `initial_variance_tests`.

    Returns:
        Columns claim, measurement, verdict, rule.
    """
    claims = (optimum(tables), *(comparison(tables, verdicts, metric) for metric in QUESTIONS), best_of_all(tables))
    return judged_claims(claims)


def optimum(tables: Tables) -> JudgedClaim:
    """There is a variance that training keeps."""
    last = at_last_epoch(tables["crossings"])
    found = [
        f"{layer_name(layer)}: c* = {number(c_star, '.3g')} ({number(low, '.3g')} to {number(high, '.3g')})"
        for layer, c_star, low, high in last[["layer", "c_star", "low", "high"]].itertuples(index=False)
    ]
    known = last.c_star.notna()
    return JudgedClaim(
        "the bound on the expected loss is smallest at one variance of the initial weights, that of the trained ones",
        "; ".join(found),
        Agreement.graded(bool(known.all()), bool(known.any())),
        "agrees if r falls through 1 within the scales in every layer, in part if in some",
    )


def comparison(tables: Tables, verdicts: Verdicts, metric: str) -> JudgedClaim:
    """Networks from the optimal variance against those from He-normal, pair by pair."""
    last = at_last_epoch(where(tables["performance"], metric=metric, name=STATIONARY)).iloc[0]
    better = "lower" if metric == "train_loss" else "higher"
    found = verdicts[QUESTIONS[metric], STATIONARY]
    good = (last.difference < 0) == (metric == "train_loss")
    decided = Agreement.graded(good and last.better >= ALWAYS, good)
    he_normal = last["mean"] - last.difference
    return JudgedClaim(
        f"with the optimal variance the {_WORDS[metric]} is always {better} than with He-normal",
        f"{with_error(last['mean'], last.standard_error)} against {number(he_normal, '.4g')}: difference "
        f"{with_error(last.difference, last.difference_standard_error)}, {better} in {percent(last.better)} of "
        f"{last.networks} pairs",
        decided if found is Verdict.DEPARTS else Agreement.OPEN,
        f"by Student’s t of the pairs, judged with all of this page: agrees if it is {better} on average and in "
        f"{percent(ALWAYS)} of the pairs, in part if on average only, differs if it is worse",
    )


def best_of_all(tables: Tables) -> JudgedClaim:
    """The optimum of the bound is that of the networks, which the bound alone does not say."""
    lowest, highest = (best_scale(tables["performance"], metric) for metric in QUESTIONS)
    at = at_last_epoch(tables["crossings"])
    inside = [bool(((at.low <= best["scale"]) & (best["scale"] <= at.high)).any()) for best in (lowest, highest)]
    loss, accuracy = (with_error(best["mean"], best["standard_error"]) for best in (lowest, highest))
    return JudgedClaim(
        "the optimal condition selects the scale of the weights",
        f"lowest training loss {loss} at c = {lowest['scale']:g}, highest test accuracy {accuracy} at "
        f"c = {highest['scale']:g}",
        Agreement.graded(all(inside), any(inside)),
        "agrees if the best scales of both lie in the interval of c* of some layer, in part if one does",
    )
