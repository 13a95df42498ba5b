"""Changes of a report's numbers if the untrained networks are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ....analysis.layers.layer import Tables
from ....analysis.layers.symmetrised import AVERAGED
from ....analysis.network_subsets import ALL, TRAINED
from ....analysis.selection import at_last_epoch, where
from ....analysis.verdicts import departures, too_few
from ....notation.number_format import number
from ....notation.symbols import layer_name

# Counts of departures whose ratio is at least this are different results.
_FACTOR = 2


@dataclass(frozen=True)
class Results:
    """Results about one layer over some networks at the last epoch.

    Args:
        departing, tested: invariants, of the layer's own family, that depart, by Holm's procedure; that can depart.
        largest_z: over them.
        median_deviation: over them.
        distance: to initialisation.
        largest_share: of one network in the squared standard errors, of square layers.
        largest_constraint: |z| of the eight constraints, of square layers.
    """

    departing: int
    tested: int
    largest_z: float
    median_deviation: float
    distance: float
    largest_share: float | None
    largest_constraint: float | None


@dataclass(frozen=True)
class WithoutUntrained:
    """Results with and without the untrained networks.

    Args:
        networks, learnt: how many there are, and how many learnt something.
        layers: results over all, and over those that learnt, by layer.
        few: why those that learnt are too few for a verdict.
    """

    heading: ClassVar[str] = "Without the untrained networks"
    template: ClassVar[str] = "without_untrained"

    networks: int
    learnt: int
    layers: dict[int, tuple[Results, Results]]
    few: str

    @classmethod
    def of(cls, tables: Tables) -> WithoutUntrained | None:
        """Read the tables of both subsets.

        Args:
            tables: of `analyse`.

        Returns:
            None if there are none, or if all networks together have no fit at the last epoch, since some diverged.

        >>> WithoutUntrained.of({"distances": pd.DataFrame({"subset": ["all", "trained"], "networks": [9, 9]})})
        """
        distances = tables["distances"]
        counts = distances.groupby("subset").networks.max()
        if counts.get(TRAINED, counts[ALL]) == counts[ALL]:
            return None
        if (distances.groupby("subset").epoch.max() < distances.epoch.max()).any():
            return None
        layers = {
            int(layer): (_results(tables, layer, ALL), _results(tables, layer, TRAINED))
            for layer in sorted(where(distances, subset=TRAINED).layer.unique())
        }
        return cls(int(counts[ALL]), int(counts[TRAINED]), layers, too_few(int(counts[TRAINED]), "network"))

    @property
    def differing(self) -> list[int]:
        """The layers whose count of departures is at least doubled or halved without the untrained."""
        found = []
        for layer, pair in self.layers.items():
            low, high = sorted(own.departing for own in pair)
            if high >= _FACTOR * max(low, 1) or (low == 0 and high > 0):
                found.append(layer)
        return found

    def rows(self) -> list[dict[str, str]]:
        """A row a layer: with → without."""
        rows = []
        for layer, pair in self.layers.items():
            written = [_written(own) for own in pair]
            rows.append(
                {"layer": layer_name(layer)} | {name: " → ".join(own[name] for own in written) for name in written[0]}
            )
        return rows


def _written(own: Results) -> dict[str, str]:
    line = {
        "depart": f"{own.departing} of {own.tested}",
        "largest |z|": number(own.largest_z, ".1f"),
        "median deviation": number(own.median_deviation, ".3f"),
        "distance": number(own.distance, ".3g"),
    }
    if own.largest_share is not None:
        line["of one network"] = number(100 * own.largest_share, ".0f") + "%"
    if own.largest_constraint is not None:
        line["constraints, largest |z|"] = number(own.largest_constraint, ".2f")
    return line


def _results(tables: Tables, layer: int, subset: str) -> Results:
    def own(name: str) -> pd.DataFrame:
        if name not in tables:
            return pd.DataFrame()
        rows = where(tables[name], layer=layer, subset=subset)
        return at_last_epoch(rows) if len(rows) else rows

    comparison, averaged, symmetry = own("comparison"), own("symmetrised_comparison"), own("symmetry")
    share = float(where(averaged, invariants=AVERAGED).largest_share.iloc[0]) if len(averaged) else None
    return Results(
        int(departures(comparison).sum()),
        int(comparison.z.notna().sum()),
        float(comparison.z.abs().max()),
        float(comparison.deviation.median()),
        float(own("distances").wasserstein.iloc[0]),
        share,
        float(symmetry.z.abs().max()) if len(symmetry) else None,
    )
