"""What a loss surface shows: records of numbers and verdicts, each with its paragraph and its table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from ...spectra import GOE
from ..analysis.selection import records, where
from ..analysis.verdicts import Verdict, Verdicts
from ..notation.number_format import number, with_error
from ..notation.p_values import p_text
from ..report.findings.finding import Record
from .questions import HALF, LINEAR, POWER_LAW, SEMICIRCLE, SLOPE, STEP, Tables, cell, delocalised, ratios_of, spike


@dataclass(frozen=True)
class Ratios:
    """Ratios of spacings of one epoch and part of the data."""

    subject: str
    mean: float
    expected: float
    error: float
    zeros: float
    parameters: int
    verdicts: dict[str, Verdict]


@dataclass(frozen=True)
class LocalStatistics:
    """Whether neighbouring eigenvalues repel each other as those of a random matrix."""

    heading: ClassVar[str] = "Local statistics"
    template: ClassVar[str] = "local_statistics"

    cells: tuple[Ratios, ...]
    networks: int
    smallest: float
    largest: float

    @classmethod
    def of(cls, table: pd.DataFrame, verdicts: Verdicts) -> LocalStatistics:
        """From the table `local`.

        Args:
            table: as `local_statistics` returns it.
            verdicts: of the page.

        Returns:
            The record.
        """
        cells = []
        for row in records(where(table, ensemble=GOE.name)):
            subject = cell(row["epoch"], row["data"])
            names = where(table, epoch=row["epoch"], data=row["data"]).ensemble
            cells.append(
                Ratios(
                    subject,
                    row["mean_ratio"],
                    row["expected"],
                    row["standard_error"],
                    row["zeros"],
                    row["parameters"],
                    {name: verdicts[ratios_of(name), subject] for name in names},
                )
            )
        means = [own.mean for own in cells]
        return cls(tuple(cells), int(table.networks.iloc[0]), min(means), max(means))

    def departing(self, ensemble: str) -> list[str]:
        """Where the ratios are not those of an ensemble.

        Args:
            ensemble: its name.

        Returns:
            The subjects.
        """
        return [own.subject for own in self.cells if own.verdicts[ensemble] is Verdict.DEPARTS]

    def rows(self) -> list[dict[str, str]]:
        """A row for each epoch and part of the data."""
        return [
            {
                "batch Hessians": own.subject,
                "mean ratio": with_error(own.mean, own.error),
                "GOE of this size": number(own.expected, ".4f"),
                "zeros": f"{number(own.zeros, '.0f')} of {own.parameters}",
                **{name: verdict.value for name, verdict in own.verdicts.items()},
            }
            for own in self.cells
        ]


@dataclass(frozen=True)
class NoiseLaw:
    """The noise of batch Hessians as a function of the batch size."""

    heading: ClassVar[str] = "The noise of a batch"
    template: ClassVar[str] = "noise_law"

    fits: tuple[dict[str, float], ...]
    verdicts: tuple[dict[str, Verdict], ...]

    @classmethod
    def of(cls, table: pd.DataFrame, verdicts: Verdicts) -> NoiseLaw:
        """From the table `noise_fit`.

        Args:
            table: as `batch_size_tables` returns it.
            verdicts: of the page.

        Returns:
            The record.
        """
        fits = tuple(records(table))
        asked = (POWER_LAW, HALF, SEMICIRCLE)
        return cls(fits, tuple({q: verdicts[q, f"network {int(fit['network'])}"] for q in asked} for fit in fits))

    def count(self, question: str, verdict: Verdict = Verdict.DEPARTS) -> int:
        """For how many networks a question has a verdict.

        Args:
            question: one of those above.
            verdict: the one counted.

        Returns:
            The number of networks.
        """
        return sum(own[question] is verdict for own in self.verdicts)

    @property
    def exponents(self) -> list[str]:
        """With their intervals."""
        return [
            f"{number(fit['exponent'], '.2f')} ({number(fit['exponent_low'], '.2f')} to "
            f"{number(fit['exponent_high'], '.2f')})"
            for fit in self.fits
        ]

    @property
    def fourth_moment(self) -> float:
        """Median over the networks; 2 for a semicircle."""
        return float(np.median([fit["fourth_moment"] for fit in self.fits]))

    @property
    def not_half(self) -> int:
        """Networks whose power is not -1/2."""
        return self.count(HALF)

    @property
    def no_semicircle(self) -> int:
        """Networks whose noise is no semicircle."""
        return self.count(SEMICIRCLE)

    @property
    def undecided(self) -> int:
        """Networks whose noise is not decided to be a semicircle or none."""
        return self.count(SEMICIRCLE, Verdict.OPEN)

    def rows(self) -> list[dict[str, str]]:
        """A row a network."""
        return [
            {
                "network": number(fit["network"], ".0f"),
                "exponent": exponent,
                "power law": f"p {p_text(fit['p_power_law'])}: {own[POWER_LAW].value}",
                "−1/2": own[HALF].value,
                "fourth moment (semicircle: 2)": number(fit["fourth_moment"], ".3g"),
                "distance from the semicircle": number(fit["semicircle_distance"], ".2f"),
                "semicircle": own[SEMICIRCLE].value,
            }
            for fit, own, exponent in zip(self.fits, self.verdicts, self.exponents, strict=True)
        ]


@dataclass(frozen=True)
class Outliers:
    """Outliers of batch Hessians as functions of the batch size."""

    heading: ClassVar[str] = "Outliers"
    template: ClassVar[str] = "outliers"

    fits: tuple[dict[str, float], ...]
    verdicts: tuple[dict[str, Verdict], ...]

    @classmethod
    def of(cls, table: pd.DataFrame, verdicts: Verdicts) -> Outliers:
        """From the table `outliers`.

        Args:
            table: as `batch_size_tables` returns it.
            verdicts: of the page.

        Returns:
            The record.
        """
        fits = tuple(records(table))
        found = [
            {q: verdicts[q, spike(int(fit["network"]), int(fit["place"]))] for q in (LINEAR, SLOPE)} for fit in fits
        ]
        return cls(fits, tuple(found))

    @property
    def linear(self) -> int:
        """Outliers that show no departure from a line."""
        return sum(own[LINEAR] is Verdict.NO_DEPARTURE for own in self.verdicts)

    @property
    def other_slope(self) -> int:
        """Outliers whose slope is not that of a semicircle."""
        return sum(own[SLOPE] is Verdict.DEPARTS for own in self.verdicts)

    @property
    def times(self) -> float:
        """Median of slope over that of a semicircle."""
        return float(np.median([fit["slope"] / fit["semicircle_slope"] for fit in self.fits]))

    @property
    def coupled(self) -> float:
        """Median of slope over that of the measured couplings."""
        return float(np.median([fit["slope"] / fit["coupled_slope"] for fit in self.fits]))

    @property
    def along(self) -> float:
        """Median of the noise along an outlier, in units of that along a random direction."""
        return float(np.median([fit["noise_along_spike"] for fit in self.fits]))

    def rows(self) -> list[dict[str, str]]:
        """A row an outlier."""
        return [
            {
                "network": number(fit["network"], ".0f"),
                "outlier": number(-fit["place"], ".0f"),
                "θ, fitted": f"{number(fit['theta'], '.4g')} ({number(fit['theta_low'], '.4g')} to "
                f"{number(fit['theta_high'], '.4g')})",
                "θ of A": number(fit["whole"]),
                "slope": with_error(fit["slope"], fit["slope_error"]),
                "slope of a semicircle": number(fit["semicircle_slope"], ".3g"),
                "slope by the couplings": number(fit["coupled_slope"], ".3g"),
                "noise along it": number(fit["noise_along_spike"], ".3g"),
                "linear": f"p {p_text(fit['p_value'])}: {own[LINEAR].value}",
                "slope, semicircle": own[SLOPE].value,
            }
            for fit, own in zip(self.fits, self.verdicts, strict=True)
        ]


@dataclass(frozen=True)
class Delocalisation:
    """Whether the eigenvectors of the noise are spread over all directions."""

    heading: ClassVar[str] = "Eigenvectors of the noise"
    template: ClassVar[str] = "delocalisation"

    tests: tuple[dict[str, object], ...]
    verdicts: tuple[Verdict, ...]
    participation: float

    @classmethod
    def of(cls, table: pd.DataFrame, verdicts: Verdicts) -> Delocalisation:
        """From the table `delocalisation`.

        Args:
            table: as `batch_size_tables` returns it.
            verdicts: of the page.

        Returns:
            The record.
        """
        tests = tuple(records(table))
        found = tuple(verdicts[delocalised(str(row["direction"])), f"network {row['network']}"] for row in tests)
        return cls(tests, found, float(table.participation.mean()))

    @property
    def departing(self) -> int:
        """Tests that depart."""
        return sum(verdict is Verdict.DEPARTS for verdict in self.verdicts)

    def rows(self) -> list[dict[str, str]]:
        """A row for each network and direction."""
        return [
            {
                "network": str(row["network"]),
                "direction": str(row["direction"]),
                "mean of P |<u, q>|²": number(float(str(row["mean_overlap"])), ".3g"),
                "participation (random: 0.33)": number(float(str(row["participation"])), ".2f"),
                "p": p_text(float(str(row["p_value"]))),
                "verdict": verdict.value,
            }
            for row, verdict in zip(self.tests, self.verdicts, strict=True)
        ]


@dataclass(frozen=True)
class Descent:
    """Steps of preconditioned descent along the outliers."""

    heading: ClassVar[str] = "Preconditioned descent"
    template: ClassVar[str] = "descent"

    steps: tuple[dict[str, float], ...]
    verdicts: tuple[Verdict, ...]

    @classmethod
    def of(cls, table: pd.DataFrame, verdicts: Verdicts) -> Descent:
        """From the table `descent`.

        Args:
            table: as `batch_size_tables` returns it.
            verdicts: of the page.

        Returns:
            The record.
        """
        steps = tuple(records(table))
        found = tuple(
            verdicts[
                f"{STEP}, damping {number(step['damping'], '.3g')}", spike(int(step["network"]), int(step["place"]))
            ]
            for step in steps
        )
        return cls(steps, found)

    @property
    def departing(self) -> int:
        """Steps that are not as predicted."""
        return sum(verdict is Verdict.DEPARTS for verdict in self.verdicts)

    @property
    def error(self) -> float:
        """The largest difference of measured from predicted, as a share."""
        return max(abs(step["measured"] / step["predicted"] - 1) for step in self.steps)

    @property
    def effect(self) -> float:
        """The largest effect of the noise that is predicted, as a share of the step."""
        return max(abs(step["predicted"] / step["without_noise"] - 1) for step in self.steps)

    def rows(self) -> list[dict[str, str]]:
        """A row for each outlier and damping."""
        return [
            {
                "network": number(step["network"], ".0f"),
                "outlier": number(-step["place"], ".0f"),
                "damping": number(step["damping"], ".3g"),
                "e": number(step["effective_damping"], ".3g"),
                "step": with_error(step["measured"], step["standard_error"]),
                "1/(θ + e)": number(step["predicted"], ".3g"),
                "1/(θ + damping)": number(step["without_noise"], ".3g"),
                "verdict": verdict.value,
            }
            for step, verdict in zip(self.steps, self.verdicts, strict=True)
        ]


@dataclass(frozen=True)
class Headline:
    """What stands on the first screen."""

    local: LocalStatistics
    noise: NoiseLaw
    outliers: Outliers | None
    descent: Descent | None


def records_of(tables: Tables, verdicts: Verdicts) -> list[Record]:
    """Make the findings of a page, in their order.

    Args:
        tables: as `measured_tables` returns them.
        verdicts: of the page.

    Returns:
        The records; those of outliers only where there are any.
    """
    found: list[Record] = [
        LocalStatistics.of(tables["local"], verdicts),
        NoiseLaw.of(tables["noise_fit"], verdicts),
    ]
    if "outliers" in tables:
        found.append(Outliers.of(tables["outliers"], verdicts))
    found.append(Delocalisation.of(tables["delocalisation"], verdicts))
    if "descent" in tables:
        found.append(Descent.of(tables["descent"], verdicts))
    return found


def headline_of(found: list[Record]) -> Headline:
    """Collect what the first screen says.

    Args:
        found: the records of the page.

    Returns:
        The headline.
    """
    by_kind = {type(record): record for record in found}
    local, noise = by_kind[LocalStatistics], by_kind[NoiseLaw]
    assert isinstance(local, LocalStatistics)
    assert isinstance(noise, NoiseLaw)
    outliers, descent = by_kind.get(Outliers), by_kind.get(Descent)
    return Headline(
        local,
        noise,
        outliers if isinstance(outliers, Outliers) else None,
        descent if isinstance(descent, Descent) else None,
    )
