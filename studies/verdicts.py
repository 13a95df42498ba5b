"""Whether the largest of many deviations is larger than chance explains."""

from __future__ import annotations

import pandas as pd
from scipy.stats import norm

from .wording import counted

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
