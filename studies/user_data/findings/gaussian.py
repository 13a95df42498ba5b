"""Whether the cubic and quartic invariants of an ensemble depart from the fitted model, and which departs most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ...analysis.layers.layer import Tables
from ...analysis.questions import GAUSSIAN
from ...analysis.verdicts import Test, Verdict, Verdicts, departures, overflowing, too_few
from ..questions import CLOSED, fit_tests


@dataclass(frozen=True)
class Judged:
    """A test and its verdict among all that the page judges."""

    test: Test
    verdict: Verdict


@dataclass(frozen=True)
class Calibration:
    """The bootstrap of the comparison: how many ensembles it drew, and the smallest p-value that it can give."""

    replicates: int
    smallest: float


@dataclass(frozen=True)
class LargestDeparture:
    """The invariant of the largest |z|.

    Args:
        formula: in plain text.
        predicted, measured: means over the matrices.
        standard_error: of measured - predicted.
        z: their difference in standard errors.
        familywise_p: of the bootstrap; None without it.
    """

    formula: str
    predicted: float
    measured: float
    standard_error: float
    z: float
    familywise_p: float | None


@dataclass(frozen=True)
class Gaussian:
    """The cubic and quartic invariants of an ensemble beside what the fitted model predicts.

    Args:
        matrices: of the ensemble.
        compared: how many invariants can depart.
        overflow: how many are too large for floating-point numbers.
        overall: the test of all together; None if it could not be done.
        calibration: of the bootstrap; None if it was not done.
        departing: how many depart one by one; None if the matrices are too few for a verdict.
        largest: departure; None if no invariant can depart.
        between: tests of whole matrices, by distances between samples.
    """

    heading: ClassVar[str] = "Are they Gaussian?"
    template: ClassVar[str] = "fit/gaussian"

    matrices: int
    compared: int
    overflow: int
    overall: Judged | None
    calibration: Calibration | None
    departing: int | None
    largest: LargestDeparture | None
    between: tuple[Judged, ...]

    @classmethod
    def of(cls, own: Tables, verdicts: Verdicts) -> Gaussian:
        """Read the tables of one ensemble.

        Args:
            own: the rows about the ensemble, of the tables of `pigmm fit`.
            verdicts: of everything that the page judges.

        Returns:
            The record.
        """
        judged = [Judged(test, verdicts[test.question, test.subject]) for test in fit_tests(own)]
        distances = set(own["distance_tests"].distance) - {CLOSED}
        compared = own["comparison"].dropna(subset="z")
        calibrated = "familywise_p_value" in compared and bool(compared.familywise_p_value.notna().any())
        matrices = int(own["parameters"].matrices.iloc[0])
        return cls(
            matrices,
            len(compared),
            overflowing(own["comparison"]),
            next((own_test for own_test in judged if own_test.test.question == GAUSSIAN), None),
            _calibration(own["gaussianity"]) if calibrated else None,
            int(departures(compared).sum()) if calibrated or not too_few(matrices) else None,
            _largest(compared, calibrated) if len(compared) else None,
            tuple(own_test for own_test in judged if own_test.test.question in distances),
        )

    @property
    def few(self) -> str:
        """Why the matrices are too few for a verdict; empty if they are not."""
        return too_few(self.matrices)

    def rows(self) -> list[dict[str, str]]:
        """None: it has no table."""
        return []


def _calibration(gaussianity: pd.DataFrame) -> Calibration:
    overall = gaussianity.iloc[0]
    return Calibration(int(overall.replicates), float(overall.smallest_p_value))


def _largest(compared: pd.DataFrame, calibrated: bool) -> LargestDeparture:
    row = compared.loc[compared.z.abs().sort_values(ascending=False, kind="stable").index[0]]
    familywise = float(row.familywise_p_value) if calibrated else None
    return LargestDeparture(row.formula, row.predicted, row.measured, row.standard_error, row.z, familywise)
