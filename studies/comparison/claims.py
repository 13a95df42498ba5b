"""What arXiv:2510.05218 says, what a run measures, and whether they agree; each rule is stated where it is applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import sqrt

import pandas as pd

from ..analysis.layers.layer import Tables
from ..analysis.network_subsets import TRAINED
from ..analysis.selection import at_last_epoch
from ..analysis.through_training.published_invariants import papers_choice, relative_changes
from ..analysis.verdicts import Verdict, Verdicts, departures, judge, too_few
from ..notation.number_format import counted, number
from ..notation.p_values import p_text
from ..notation.symbols import parameter_text
from ..paper.size import differing_fields, reductions
from .questions import (
    END_GAUSSIAN,
    END_INVARIANTS,
    END_PARAMETERS,
    FIVE,
    INDEPENDENT,
    START_GAUSSIAN,
    START_INVARIANTS,
    START_PARAMETERS,
    claim_tests,
    ends,
    gaussian_test,
)
from .runs import FinishedRun

AGREES, PARTLY, DIFFERS, OPEN = "agrees", "agrees in part", "differs", "not decided"

#: A prediction counts as good on the paper's own scale while it misses by less than one network's spread.
GOOD = 1.0

_UNKNOWN = "no invariant can depart: the fit forces all to agree, or they overflow"

INITIALISATION = "the simple Gaussian describes initialisation"
GENERAL_MODEL = "training brings correlations that need the general model"
PREDICTIONS = "the general model's predictions of higher invariants stay good"
REGULARISATION = "robust under regularisation"
WIDTH = "departures grow in very wide layers"
QUANTITY_1 = "quantity (1): the 13 linear and quadratic invariants leave their values at initialisation"
QUANTITY_2 = "quantity (2): the fitted model predicts the 39 higher invariants through training"
QUANTITY_3 = "quantity (3): relative change of (2), (final − initial)/(final + initial)"
QUANTITY_4 = "quantity (4): the Wasserstein distance to initialisation grows through training"


#: The verdicts on one layer of a run, by question.
Found = Mapping[str, Verdict]


@dataclass(frozen=True)
class Claim:
    """One line of the table.

    Args:
        run: label of the run, or of the runs compared.
        layer: index of the weight matrix, 0 at the images.
        claim: of the paper.
        measurement: ours, with its numbers.
        verdict: `agrees`, `agrees in part`, `differs` or `not decided`.
        reason: for it, where one is known.
    """

    run: str
    layer: int | None
    claim: str
    measurement: str
    verdict: str
    reason: str


def verdict_table(runs: Sequence[FinishedRun]) -> pd.DataFrame:
    """The claims of the paper beside what runs measure.

    Quantities and findings of each square layer of each run, then the findings that need several runs, for those among
    the given ones that differ only in the weight decay, or only in the width. What departs is judged for all runs
    together, by Holm's procedure at 5%.

    Args:
        runs: those of one page.

    Returns:
        Columns run, layer, claim, measurement, verdict, reason.

    >>> verdict_table([]).claim.tolist()
    ['robust under regularisation', 'departures grow in very wide layers']
    """
    verdicts = judge(claim_tests(runs))
    single = {run.label: run_claims(run, verdicts) for run in runs}
    lines = [line for own in single.values() for line in own]
    lines += regularisation(runs, single) + width(runs)
    return pd.DataFrame([asdict(line) for line in lines]).astype({"layer": "Int64"})


def run_claims(run: FinishedRun, verdicts: Verdicts) -> list[Claim]:
    """The claims about each square layer of one run.

    Args:
        run: one of the page.
        verdicts: on `claim_tests` of all runs of the page.
    """
    judges: dict[str, Callable[[FinishedRun, Tables, Found], tuple[str, str, str]]] = {
        QUANTITY_1: deviations_from_initialisation,
        QUANTITY_2: higher_invariants,
        QUANTITY_3: relative_change,
        QUANTITY_4: distance,
        INITIALISATION: initialisation,
        GENERAL_MODEL: general_model,
        PREDICTIONS: predictions,
    }
    lines = []
    for layer in run.square_layers:
        own = {name: run.table(name, layer) for name, table in run.tables.items() if "layer" in table}
        few = too_few(int(own["parameters"].networks.iloc[0]), "network")
        found = {question: verdict for (question, about), verdict in verdicts.items() if about == (run.label, layer)}
        for claim, judged in judges.items():
            measurement, verdict, reason = judged(run, own, found)
            if few:
                verdict, reason = OPEN, few
            lines.append(Claim(run.label, layer, claim, measurement, verdict, reason))
    return lines


def deviations_from_initialisation(run: FinishedRun, layer: Tables, found: Found) -> tuple[str, str, str]:
    """(measurement, verdict, reason). Agrees if chance explains the largest deviation at first and not at the end."""
    first, last = ends(layer["initialisation"])
    measured = (
        f"largest deviation {number(first.deviation.max(), '.1f')} at epoch {_epoch(first)}, "
        f"{number(last.deviation.max(), '.3g')} at epoch {_epoch(last)}, where "
        f"{(last.deviation > 2).sum()} of {len(last)} are above 2; with the published code's standard errors "
        f"{first.published_deviation.max():.1f} and {last.published_deviation.max():.3g}"
    )
    if found.get(START_INVARIANTS) is Verdict.DEPARTS:
        return measured, DIFFERS, "at initialisation the largest is more than chance explains"
    reason = (
        "our standard errors are exact; the published code takes the terms of each sum as uncorrelated, which makes "
        "its deviations of I4, I7 to I10, I12 and I13 larger"
    )
    return measured, AGREES if found.get(END_INVARIANTS) is Verdict.DEPARTS else DIFFERS, reason


def higher_invariants(run: FinishedRun, layer: Tables, found: Found) -> tuple[str, str, str]:
    """(measurement, verdict, reason). Agrees if all of the 39, in part if their median, stay below one spread."""
    chosen = papers_choice(layer["comparison"])
    first, last = ends(chosen)
    everything = at_last_epoch(layer["comparison"]).deviation
    measured = (
        f"median {first.deviation.median():.3f}, largest {first.deviation.max():.3f} at epoch {_epoch(first)}; median "
        f"{last.deviation.median():.3f}, largest {last.deviation.max():.3f} at epoch {_epoch(last)} (of all "
        f"{len(everything)}: {everything.median():.3f} and {everything.max():.3f})"
    )
    reason = (
        "in standard deviations of one network's value; in standard errors of the mean the same differences are up to "
        f"{last.z.abs().max():.1f}"
    )
    return measured, _on_the_papers_scale(last), reason


def relative_change(run: FinishedRun, layer: Tables, found: Found) -> tuple[str, str, str]:
    """(measurement, verdict, reason). The paper's claims give no number for it, so there is no verdict."""
    change = relative_changes(papers_choice(layer["comparison"])).dropna()
    measured = f"median {number(change.median(), '+.2f')}; {(change > 0).sum()} of {len(change)} above 0"
    start = (
        "the initial deviations are those of uniform weights, which are not Gaussian"
        if "uniform" in run.config.initialisation
        else "the initial deviations are sampling errors, of order 1/√networks, so that the change depends on how many "
        "networks there are"
    )
    return measured, OPEN, f"no number is claimed; {start}"


def distance(run: FinishedRun, layer: Tables, found: Found) -> tuple[str, str, str]:
    """(measurement, verdict, reason). Agrees if the distance grows and the parameters leave their initial values."""
    table = layer["distances"]
    first, last = table.iloc[int(table.epoch.argmin())], table.iloc[int(table.epoch.argmax())]
    steps = table.sort_values("epoch").wasserstein.diff().dropna()
    measured = (
        f"{first.wasserstein:.3g} at epoch {first.epoch:g}, {last.wasserstein:.3g} at epoch {last.epoch:g} (squared "
        f"{last.wasserstein_squared:.3g}); it grows in {(steps > 0).sum()} of {len(steps)} steps"
    )
    grows = last.wasserstein > first.wasserstein and found.get(END_PARAMETERS) is Verdict.DEPARTS
    reason = (
        "the paper's code returns the square; at initialisation the distance is not zero but a sampling error "
        f"({first.null_lower:.2g} to {first.null_upper:.2g} in nine of ten Gaussian ensembles)"
    )
    return measured, AGREES if grows else DIFFERS, reason


def initialisation(run: FinishedRun, layer: Tables, found: Found) -> tuple[str, str, str]:
    """(measurement, verdict, reason). Agrees if chance explains parameters and higher invariants at the first epoch."""
    parameters, _ = ends(layer["parameters"])
    comparison, _ = ends(layer["comparison"])
    z = parameters.z_from_initial.abs()
    worst = (
        f" {z.max():.2f}, {parameter_text(parameters.parameter.iloc[int(z.argmax())])}"
        if z.notna().any()
        else " unknown"
    )
    measured = f"largest |z| of the parameters{worst}; {_higher(layer, comparison)}"
    if found.get(START_PARAMETERS) is Verdict.DEPARTS:
        return measured, DIFFERS, "the parameters are farther from their exact values than chance explains"
    if found.get(START_GAUSSIAN, Verdict.OPEN) is Verdict.OPEN:
        return measured, OPEN, _UNKNOWN
    if found[START_GAUSSIAN] is Verdict.NO_DEPARTURE:
        return measured, AGREES, ""
    uniform = "uniform" in run.config.initialisation
    why = "the entries are uniform: <w⁴> is 9/5 of <w²>² and not 3, which fourth powers see" if uniform else ""
    return measured, PARTLY, "; ".join(filter(None, ["mean and covariance agree, the higher invariants do not", why]))


def general_model(run: FinishedRun, layer: Tables, found: Found) -> tuple[str, str, str]:
    """(measurement, verdict, reason). By Wald tests against the 13 parameters at the last epoch.

    Agrees if both independent entries and the 5-parameter model are rejected, in part if only the former are. If not
    even these are, a run smaller than the paper's decides nothing.
    """
    last = at_last_epoch(layer["nested_models"]).set_index("symmetry").p_wald
    independent, five = float(last["iid"]), float(last["S_N x S_N"])
    measured = (
        f"independent entries of one law against the 13 parameters: {_p(independent)}; the five parameters that "
        f"permuting rows and columns independently leaves: {_p(five)}"
    )
    if independent != independent or five != five:
        return measured, OPEN, "too few networks for the Wald test"
    if found.get(INDEPENDENT) is not Verdict.DEPARTS:
        reason = "independent entries are not rejected"
        if smaller := reductions(run.config):
            return measured, OPEN, f"{reason}, but this run is smaller than those of the paper: {'; '.join(smaller)}"
        return measured, DIFFERS, reason
    if found.get(FIVE) is not Verdict.DEPARTS:
        reason = (
            "there are correlations, but the units of each layer can be relabelled on their own, so that eight "
            "constraints hold and only five of the 13 parameters move"
        )
        return measured, PARTLY, reason
    reason = (
        "eight constraints that the relabelling of units implies are rejected as well: chance, on one page of twenty, "
        "or a trainer that treats the units of a layer differently"
    )
    return measured, AGREES, reason


def predictions(run: FinishedRun, layer: Tables, found: Found) -> tuple[str, str, str]:
    """(measurement, verdict, reason). Agrees if chance explains all, in part if they are good on the paper's scale."""
    _, comparison = ends(layer["comparison"])
    scale = _on_the_papers_scale(papers_choice(comparison))
    measured = (
        f"{_higher(layer, comparison)}; {departures(comparison).sum()} of {len(comparison)} depart; median deviation "
    )
    measured += f"{number(comparison.deviation.median(), '.3f')} of one network's spread"
    if found.get(END_GAUSSIAN, Verdict.OPEN) is Verdict.OPEN:
        return measured, OPEN, _UNKNOWN
    if found[END_GAUSSIAN] is Verdict.NO_DEPARTURE:
        return measured, AGREES, ""
    reason = "the trained weights are not exactly Gaussian, and the ensemble is large enough to show it"
    if count := int(run.tables["networks"].untrained.sum()):
        reason += f"; {counted(count, 'network')} did not learn"
        learnt = at_last_epoch(run.table("comparison", int(comparison.layer.iloc[0]), TRAINED))
        if len(learnt):  # enough of them for a fit
            reason += (
                f", without which the largest |z| is {learnt.z.abs().max():.1f} and the median deviation "
                f"{learnt.deviation.median():.3f}"
            )
    return measured, DIFFERS if scale == DIFFERS else PARTLY, reason


def regularisation(runs: Sequence[FinishedRun], single: dict[str, list[Claim]]) -> list[Claim]:
    """Pairs of runs that differ only in the weight decay. Agrees if all verdicts about the layer are the same.

    >>> regularisation([], {})[0].verdict
    'not decided'
    """
    lines = []
    for first, second in combinations(sorted(runs, key=lambda run: run.config.weight_decay), 2):
        if differing_fields(first.config, second.config) != {"weight_decay"}:
            continue
        for layer in sorted({*first.square_layers} & {*second.square_layers}):
            found = [{v.claim: v.verdict for v in single[run.label] if v.layer == layer} for run in (first, second)]
            changed = [claim for claim, verdict in found[0].items() if verdict != found[1][claim]]
            measured = "; ".join(
                f"weight decay {run.config.weight_decay:g}: median deviation of the 39 {_last_median(run, layer):.3f}, "
                f"distance {_relative_distance(run, layer):.2f} of the initial norm"
                for run in (first, second)
            )
            label = f"{first.label} / {second.label}"
            if few := too_few(min(first.config.networks, second.config.networks), "network"):
                lines.append(Claim(label, layer, REGULARISATION, measured, OPEN, few))
                continue
            reason = f"other verdicts on: {'; '.join(changed)}" if changed else ""
            lines.append(Claim(label, layer, REGULARISATION, measured, PARTLY if changed else AGREES, reason))
    return lines or [_missing(REGULARISATION, "runs that differ only in the weight decay")]


def width(runs: Sequence[FinishedRun]) -> list[Claim]:
    """Runs that differ only in the width of their layers. Agrees if the widest depart most, and by more than chance.

    >>> width([])[0].reason
    'needs runs that differ only in the width, given together'
    """
    lines = []
    for family in _families_of_widths(runs):
        common = set.intersection(*({*run.square_layers} for run in family))
        # of several square layers the hidden ones: the output layer has one width only
        for layer in sorted(layer for layer in common if _sizes_differ(family, layer)):
            sizes = [run.config.shapes[layer][0] for run in family]
            medians = [_last_median(run, layer) for run in family]
            pairs = zip(sizes, medians, family, strict=True)
            measured = "median deviation of the 39 at the last epoch: " + "; ".join(
                f"{median:.3f} at width {size} ({run.config.networks} networks)" for size, median, run in pairs
            )
            noise = 2 / sqrt(family[-1].config.networks)
            few = too_few(min(run.config.networks for run in family), "network")
            if few:
                verdict, reason = OPEN, few
            elif medians[-1] < max(medians):
                verdict, reason = DIFFERS, "the widest layer does not depart most"
            elif medians[-1] < noise:
                verdict, reason = OPEN, f"below {noise:.2f} the deviations are sampling errors"
            else:
                verdict, reason = AGREES, ""
            lines.append(Claim(" / ".join(run.label for run in family), layer, WIDTH, measured, verdict, reason))
    return lines or [_missing(WIDTH, "runs that differ only in the width")]


def _families_of_widths(runs: Sequence[FinishedRun]) -> list[list[FinishedRun]]:
    """Runs of equal depth that differ only in their widths, from the narrowest on, two or more."""
    families: list[list[FinishedRun]] = []
    for run in sorted(runs, key=lambda run: run.config.hidden):
        for family in families:
            other = family[-1].config
            if len(other.hidden) == len(run.config.hidden) and differing_fields(other, run.config) == {"hidden"}:
                family.append(run)
                break
        else:
            families.append([run])
    return [family for family in families if len(family) > 1]


def _sizes_differ(family: Sequence[FinishedRun], layer: int) -> bool:
    return len({run.config.shapes[layer] for run in family}) > 1


def _missing(claim: str, what: str) -> Claim:
    return Claim("–", None, claim, "–", OPEN, f"needs {what}, given together")


def _epoch(rows: pd.DataFrame) -> str:
    return f"{rows.epoch.iloc[0]:g}"


def _p(value: float, smallest: float = 0.0) -> str:
    said = p_text(value, smallest)
    return f"p {said}" if said[0] in "<≤" else f"p = {said}"


def _on_the_papers_scale(rows: pd.DataFrame) -> str:
    if rows.deviation.max() < GOOD:
        return AGREES
    return PARTLY if rows.deviation.median() < GOOD else DIFFERS


def _higher(layer: Tables, comparison: pd.DataFrame) -> str:
    """The largest |z| of the higher invariants of one epoch, and the p-value of the bootstrap where it was done."""
    said = f"largest |z| of the higher invariants {number(comparison.z.abs().max(), '.1f')}"
    if test := gaussian_test(layer, comparison):
        said += f" (bootstrap, {_p(test.global_p_value, 1 / (test.replicates + 1))})"
    return said


def _last_median(run: FinishedRun, layer: int) -> float:
    return float(at_last_epoch(papers_choice(run.table("comparison", layer))).deviation.median())


def _relative_distance(run: FinishedRun, layer: int) -> float:
    last = at_last_epoch(run.table("distances", layer))
    return float(last.wasserstein.iloc[0]) / run.initial_norm(layer)
