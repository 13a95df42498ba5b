"""The one rule by which pages, tables and terminals say that something departs.

Everything that one page judges is judged together, by Holm's procedure at 5%: where nothing departs, a page says that
something does in at most one case of twenty. A test by random draws has a smallest p-value that it can give. Tests that
cannot depart among so many are not counted (Tarone 1990), and are "not decided" if they gave that p-value.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import Enum
from math import ceil

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from ..notation.number_format import counted
from ..notation.p_values import compared

#: The probability that a page states a departure where there is none.
LEVEL = 0.05

#: Below so many matrices the standard errors, which hold for large ensembles, are too rough for a verdict.
ENOUGH = 100


class Verdict(Enum):
    """The outcome of a test."""

    DEPARTS = "a departure"
    NO_DEPARTURE = "no departure detected"
    OPEN = "not decided"


@dataclass(frozen=True)
class Test:
    """One of the tests that a page judges.

    Args:
        question: what is asked.
        subject: what it is asked about: a layer, an ensemble, a layer of a run.
        p_value: NaN if the test could not be done.
        smallest: the smallest p-value that the test can give; 0 if there is none.
    """

    question: str
    subject: Hashable
    p_value: float
    smallest: float = 0.0

    # pytest takes every class of this name for a test
    __test__ = False


Verdicts = dict[tuple[str, Hashable], Verdict]


def judge(tests: Iterable[Test]) -> Verdicts:
    """Judge all tests of one page together.

    Args:
        tests: everything that the page judges, each question about a subject once.

    Returns:
        The verdicts by (question, subject). OPEN: a test has no p-value, or it gave its smallest, which is too large
        among so many.

    >>> found = judge([Test("Gaussian", 1, 0.06), Test("Gaussian", 2, 0.001), Test("Gaussian", 3, float("nan"))])
    >>> [verdict.name for verdict in found.values()]
    ['NO_DEPARTURE', 'DEPARTS', 'OPEN']
    """
    asked = list(tests)
    p_values, smallest = ([getattr(test, name) for test in asked] for name in ("p_value", "smallest"))
    departs, decidable = holm(p_values, smallest), can_depart(p_values, smallest)
    found: Verdicts = {}
    for test, departing, possible in zip(asked, departs, decidable, strict=True):
        unknown = test.p_value != test.p_value or (not possible and test.p_value <= test.smallest)
        verdict = Verdict.DEPARTS if departing else Verdict.OPEN if unknown else Verdict.NO_DEPARTURE
        found[test.question, test.subject] = verdict
    return found


def verdict_table(tests: Iterable[Test], subject: str) -> pd.DataFrame:
    """Tabulate the verdicts of one page.

    Args:
        tests: everything that the page judges.
        subject: the name of the column of subjects.

    Returns:
        A row a test: the subject, question, p_value, smallest_p_value (that the test can give) and verdict.

    >>> verdict_table([Test("Gaussian", 1, 0.06)], "layer").values.tolist()
    [[1, 'Gaussian', 0.06, 0.0, 'no departure detected']]
    """
    asked = list(tests)
    verdicts = judge(asked)
    rows = [
        {
            subject: test.subject,
            "question": test.question,
            "p_value": test.p_value,
            "smallest_p_value": test.smallest,
            "verdict": verdicts[test.question, test.subject].value,
        }
        for test in asked
    ]
    return pd.DataFrame(rows)


def holm(p_values: ArrayLike, smallest: ArrayLike = 0.0) -> NDArray[np.bool_]:
    """Find which of several tests depart, by Holm's procedure at 5% for all of them together.

    Tests by random draws that cannot depart among so many are not judged and not counted.

    Args:
        p_values: (tests,); NaN where a test could not be done.
        smallest: the smallest p-value that each can give, (tests,) or one for all; see `can_depart`.

    Returns:
        (tests,), False for NaN.

    Source:
        S. Holm, Scand. J. Statist. 6 (1979) 65.

    >>> holm([0.04, 0.001, float("nan"), 0.02]).tolist(), bool(holm([0.005] * 11, smallest=0.005).any())
    ([True, True, False, True], False)
    """
    p = np.asarray(p_values, dtype=float)
    chosen = can_depart(p, smallest)
    departs = np.zeros(len(p), dtype=bool)
    if chosen.any():
        order = np.flatnonzero(chosen)[np.argsort(p[chosen])]
        # not by statsmodels: its function collects all garbage at each call, up to half a second for each verdict
        departs[order] = np.logical_and.accumulate(p[order] <= LEVEL / np.arange(len(order), 0, -1))
    return departs


def can_depart(p_values: ArrayLike, smallest: ArrayLike = 0.0) -> NDArray[np.bool_]:
    """Find which of several tests are judged: those done, without those whose smallest p-value is too large.

    The count is the smallest k such that at most k tests can reach LEVEL / k. The choice does not depend on the
    p-values, so that Holm's procedure on the chosen keeps its level.

    Args:
        p_values: (tests,); NaN where a test could not be done.
        smallest: the smallest p-value that each can give, (tests,) or one for all.

    Returns:
        (tests,).

    Source:
        R. E. Tarone, Biometrics 46 (1990) 515.

    >>> can_depart([0.5, 0.5, float("nan")], smallest=[0.0, 0.04, 0.0]).tolist()
    [True, False, False]
    """
    p = np.asarray(p_values, dtype=float)
    reach = np.where(np.isnan(p), np.inf, np.broadcast_to(np.asarray(smallest, dtype=float), p.shape))
    for count in range(1, len(p) + 1):
        chosen: NDArray[np.bool_] = reach <= LEVEL / count
        if chosen.sum() <= count:
            return chosen
    return np.zeros(len(p), dtype=bool)


def draws_for(tests: int) -> int:
    """Count the random draws that let a test depart among so many: one less than a multiple of 100.

    Args:
        tests: how many a page judges.

    Returns:
        The number of draws.

    >>> draws_for(1), draws_for(5), draws_for(15)
    (99, 99, 299)
    """
    return 100 * ceil(round(max(tests, 1) / LEVEL) / 100) - 1


def smallest_of(p_values: ArrayLike) -> float:
    """Combine p-values, however they are correlated, into one of all of them, by Bonferroni's inequality.

    Args:
        p_values: (tests,); NaN is left out.

    Returns:
        The smallest times their number, at most 1; NaN if there is none.

    >>> smallest_of([0.5, 0.01]), smallest_of([float("nan")])
    (0.02, nan)
    """
    p = np.asarray(p_values, dtype=float)
    p = p[~np.isnan(p)]
    return min(1.0, float(len(p) * p.min())) if len(p) else float("nan")


def two_sided(z: ArrayLike) -> NDArray[np.float64]:
    """The two-sided p-values of normal numbers.

    Args:
        z: (count,), in standard errors.

    Returns:
        (count,), NaN where z is NaN.

    >>> two_sided([1.96]).round(3).tolist()
    [0.05]
    """
    p: NDArray[np.float64] = 2 * norm.sf(np.abs(np.asarray(z, dtype=float)))
    return p


def departures(comparison: pd.DataFrame) -> NDArray[np.bool_]:
    """Find which invariants of one comparison depart, at 5% for all of them together: the main count of every page.

    Args:
        comparison: (invariants, columns): familywise_p_value of the bootstrap, which decides where it was done, or
            p_value, which is judged by Holm's procedure.

    Returns:
        (invariants,), False where the fit forces an invariant to agree.

    >>> departures(pd.DataFrame({"p_value": [1e-6, 0.04, float("nan"), 0.03]})).tolist()
    [True, False, False, False]
    """
    if "familywise_p_value" in comparison:
        return (comparison.familywise_p_value <= LEVEL).to_numpy(dtype=bool)
    return holm(comparison.p_value)


def overflowing(comparison: pd.DataFrame) -> int:
    """Count the invariants that are too large for floating-point numbers, or whose squares are.

    Args:
        comparison: (invariants, columns) with predicted, measured and standard_error.

    Returns:
        Their number.

    >>> overflowing(pd.DataFrame({"predicted": [1e200, 1.0], "measured": 1.0, "standard_error": [np.inf, 0.1]}))
    1
    """
    finite = np.isfinite(comparison[["predicted", "measured", "standard_error"]]).all(axis=1)
    return int((~finite).sum())


def bound(count: int) -> float:
    """Compute the line on a figure that the largest |z| of `count` normal numbers crosses with probability 5% at most.

    Args:
        count: of the numbers, however they are correlated.

    Returns:
        |z|, in standard errors.

    >>> round(bound(1), 2), round(bound(348), 2)
    (1.96, 3.8)
    """
    return float(norm.isf(LEVEL / 2 / count))


def too_few(count: int, noun: str = "matrix") -> str:
    """Say why there is no verdict on so few matrices; empty if there are enough.

    Args:
        count: of the matrices.
        noun: what they are called.

    Returns:
        The reason, or an empty text.

    >>> too_few(24), too_few(100)
    ('too few matrices for a verdict: 24, and the standard errors are asymptotic, to be trusted from 100 on', '')
    """
    if count >= ENOUGH:
        return ""
    nouns = counted(2, noun).partition(" ")[2]
    return (
        f"too few {nouns} for a verdict: {count}, and the standard errors are asymptotic, to be trusted from "
        f"{ENOUGH} on"
    )


def stated(test: Test, verdict: Verdict) -> str:
    """Write a p-value and its verdict on a line.

    Args:
        test: as it was judged.
        verdict: of `judge`.

    Returns:
        Plain text.

    >>> stated(Test("Gaussian", 1, 0.42, 0.002), Verdict.NO_DEPARTURE)
    'p = 0.42 (499 draws): no departure detected'
    >>> stated(Test("Gaussian", 1, 0.05, 0.05), Verdict.OPEN)
    'p ≤ 0.05, the smallest possible (19 draws): too few draws for a verdict'
    """
    if test.p_value != test.p_value:
        return verdict.value
    at_least = test.p_value <= test.smallest
    said = f"p {compared(test.p_value, test.smallest)}" + (", the smallest possible" if at_least else "")
    draws = f" ({round(1 / test.smallest) - 1} draws)" if test.smallest else ""
    conclusion = "too few draws for a verdict" if verdict is Verdict.OPEN and at_least else verdict.value
    return f"{said}{draws}: {conclusion}"


def subjects(verdicts: Verdicts, question: str, verdict: Verdict = Verdict.DEPARTS) -> list[Hashable]:
    """List the subjects on which a question has a verdict, in their order.

    Args:
        verdicts: of `judge`.
        question: one of theirs.
        verdict: the one looked for.

    Returns:
        The subjects.

    >>> subjects({("Gaussian", 1): Verdict.DEPARTS, ("Gaussian", 2): Verdict.OPEN}, "Gaussian")
    [1]
    """
    return [subject for (asked, subject), found in verdicts.items() if asked == question and found is verdict]
