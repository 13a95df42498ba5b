"""Whether the largest of many deviations is larger than chance explains, and what a p-value says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from ..notation.number_format import counted
from ..notation.p_values import compared

#: What a p-value must not exceed for a departure to be stated.
LEVEL = 0.05

#: Below so many matrices the standard errors, which hold for large ensembles, are too rough for a verdict.
ENOUGH = 100

BOUND_IN_WORDS = (
    "a bound that the largest of so many normal numbers exceeds in at most one case of twenty, "
    "however they are correlated"
)


def bound(count: int) -> float:
    """What the largest |z| of `count` normal numbers exceeds with probability 0.05 at most, by Bonferroni's inequality.

    >>> round(bound(1), 2), round(bound(348), 2)
    (1.96, 3.8)
    """
    return float(norm.isf(0.025 / count))


def departing(p_values: Sequence[float], smallest: float) -> list[bool]:
    """Which of several tests say departure, by Holm's step-down procedure: at 5% for all of them together.

    The smallest p-value that the draws can give always does, or else none of many tests could.

    Args:
        p_values: NaN where a test could not be done; it is left out of the family.
        smallest: the smallest p-value that the draws can give.

    >>> departing([0.04, 0.001, 0.02], smallest=0.001), departing([0.04, 0.03, float("nan")], smallest=0.001)
    ([True, True, True], [False, False, False])
    """
    p = np.asarray(p_values, dtype=float)
    found: NDArray[np.bool_] = holm(p) | ((p <= smallest) & (smallest <= LEVEL))
    return [bool(departs) for departs in found]


def holm(p_values: ArrayLike, smallest: ArrayLike = 0.0) -> NDArray[np.bool_]:
    """Which of several tests depart, by Holm's procedure at 5% for all of them together.

    Tests by random draws that cannot depart among so many are not judged and not counted.

    Args:
        p_values: (tests,); NaN where a test could not be done.
        smallest: the smallest p-value that each can give, (tests,) or one for all; see `can_depart`.

    Returns:
        (tests,), False for NaN.

    >>> holm([0.04, 0.001, float("nan"), 0.02]).tolist(), bool(holm([0.005] * 11, smallest=0.005).any())
    ([True, True, False, True], False)
    """
    p = np.asarray(p_values, dtype=float)
    chosen = can_depart(p, smallest)
    departs = np.zeros(len(p), dtype=bool)
    if chosen.any():
        departs[chosen] = multipletests(p[chosen], LEVEL, method="holm")[0]
    return departs


def can_depart(p_values: ArrayLike, smallest: ArrayLike = 0.0) -> NDArray[np.bool_]:
    """Which of several tests are judged: those done, without those whose smallest p-value is too large.

    The count is the smallest k such that at most k tests can reach LEVEL / k. The choice does not depend on the
    p-values, so that Holm's procedure on the chosen keeps its level.

    Source: R. E. Tarone, Biometrics 46 (1990) 515.

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


def calibrated_verdict(global_p_value: float, replicates: int, departs: bool | None = None) -> str:
    """What the global test of Gaussianity says; it is calibrated, however few the matrices.

    Args:
        global_p_value: of the test.
        replicates: of the bootstrap.
        departs: the verdict, where several tests are judged together (default: of this one alone, at 5%).

    >>> calibrated_verdict(0.42, 499)
    'p = 0.42 (bootstrap, 499 replicates): no departure detected'
    >>> calibrated_verdict(0.002, 499)
    'p ≤ 0.002, the smallest possible (bootstrap, 499 replicates): a departure'
    """
    smallest = 1 / (replicates + 1)
    said = f"p {compared(global_p_value, smallest)}"
    if global_p_value <= smallest:
        said += ", the smallest possible"
    if smallest > LEVEL:
        return f"{said} (bootstrap, {replicates} replicates): too few replicates for a verdict"
    found = global_p_value <= LEVEL if departs is None else departs
    conclusion = "a departure" if found else "no departure detected"
    return f"{said} (bootstrap, {replicates} replicates): {conclusion}"


def too_few(count: int, noun: str = "matrix") -> str:
    """Why there is no verdict on so few matrices; empty if there are enough.

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


def verdict(z: pd.Series[float], count: int) -> str:
    """The largest |z| beside its bound, and what follows.

    Args:
        z: deviations in standard errors.
        count: matrices that they come from.

    >>> verdict(pd.Series([0.5, -2.9]), 1000)
    'largest |z| 2.9, bound 2.24: a departure'
    >>> verdict(pd.Series([0.5, -1.9]), 1000)
    'largest |z| 1.9, bound 2.24: no departure detected'
    """
    if reason := too_few(count):
        return reason
    known = z.abs().dropna()
    if not len(known):
        return "no invariant can depart: the fit forces all to agree"
    limit = bound(len(known))
    top = float(known.max())
    # near the bound one decimal does not tell which is larger
    shown = f"{top:.1f}" if abs(top - limit) > 0.1 else f"{top:.3f}"
    conclusion = "a departure" if top > limit else "no departure detected"
    return f"largest |z| {shown}, bound {limit:.2f}: {conclusion}"
