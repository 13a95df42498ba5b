"""Whether mean and covariance of an ensemble are permutation invariant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ...analysis.questions import INVARIANT
from ...analysis.selection import records
from ...analysis.verdicts import Verdict, Verdicts
from ...notation.p_values import p_text
from ...notation.symbols import group_html


@dataclass(frozen=True)
class InvarianceTest:
    """A test of one moment in one part of the space of matrices.

    Args:
        moment: mean or covariance.
        irreps: the part.
        p_gaussian: for Gaussian matrices.
        p_permutation: by permuting each matrix at random; None if that was not done.
        smallest: the smallest p-value that permutations can give.
    """

    moment: str
    irreps: str
    p_gaussian: float
    p_permutation: float | None
    smallest: float


@dataclass(frozen=True)
class Invariance:
    """All tests of invariance of an ensemble, and the moments that depart."""

    heading: ClassVar[str] = "Are they permutation invariant?"
    template: ClassVar[str] = "fit/invariance"

    departing: tuple[str, ...]
    tests: tuple[InvarianceTest, ...]

    @classmethod
    def of(cls, name: str, table: pd.DataFrame, verdicts: Verdicts) -> Invariance:
        """Read the tests of one ensemble.

        Args:
            name: of the ensemble.
            table: a row a moment and part.
            verdicts: of everything that the page judges.

        Returns:
            The record.

        >>> table = pd.DataFrame({"moment": ["mean"], "irreps": ["all"], "p_gaussian": [1e-9]})
        >>> Invariance.of("words", table, {(INVARIANT["mean"], "words"): Verdict.DEPARTS}).departing
        ('mean',)
        """
        departing = (moment for moment, asked in INVARIANT.items() if verdicts.get((asked, name)) is Verdict.DEPARTS)
        permuted = "p_permutation" in table
        tests = tuple(
            InvarianceTest(
                row["moment"],
                row["irreps"],
                row["p_gaussian"],
                row["p_permutation"] if permuted else None,
                1 / (row["replicates"] + 1) if permuted else 0.0,
            )
            for row in records(table)
        )
        return cls(tuple(departing), tests)

    def rows(self) -> list[dict[str, str]]:
        """A row a test."""
        return [
            {
                "moment": own.moment,
                "part": group_html(own.irreps),
                "p if Gaussian": p_text(own.p_gaussian),
                "p by permutation": "–" if own.p_permutation is None else p_text(own.p_permutation, own.smallest),
            }
            for own in self.tests
        ]
