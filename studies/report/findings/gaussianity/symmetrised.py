"""The gain from the symmetry of the network in the search for departures from the Gaussian model."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import ClassVar

import pandas as pd

from ....analysis.layers.layer import Tables
from ....analysis.layers.symmetrised import AVERAGED, BIPARTITE_GRAPHS, SQUARE_GRAPHS
from ....analysis.network_subsets import ALL
from ....analysis.selection import at_last_epoch, records, where
from ....analysis.verdicts import LEVEL
from ....notation.number_format import number
from ....notation.p_values import p_text
from ....notation.symbols import layer_name

# A single network with more of the squared standard errors than this by the root of their number is a warning. Fourth
# powers have heavy tails themselves: of 100, 200 and 1000 Gaussian 5 x 5 and 10 x 10 matrices one has mostly 1.7 to 3,
# and at most 8 in 60 draws, in the median over the averaged invariants.
_HEAVY_TAIL = 10.0

_NAMES = {SQUARE_GRAPHS: "the 348", AVERAGED: "averaged", BIPARTITE_GRAPHS: "the 43"}


@dataclass(frozen=True)
class InvariantSet:
    """The clarity with which one set of invariants of a layer shows departures.

    Args:
        tested: how many can depart.
        discoveries: how many have a false discovery rate of at most 5% within the set.
        largest_z, root_mean_square_z: of the set.
        discoveries_from: the epoch from which on there is at least one without interruption; None if there is none.
    """

    tested: int
    discoveries: int
    largest_z: float
    root_mean_square_z: float
    discoveries_from: float | None


@dataclass(frozen=True)
class LayerSets:
    """The three sets of invariants of one layer at the last epoch.

    Args:
        layer: its index.
        sets: by their names.
        error_ratio: of the standard errors of the averages and of the invariants themselves, in the median.
        largest_share: of one network in the squared standard errors of the averages, in the median.
        p_bipartite: of the global test by the bipartite invariants; NaN if there is none.
        smallest_p: the smallest that it can give.
    """

    layer: int
    sets: dict[str, InvariantSet]
    error_ratio: float
    largest_share: float
    p_bipartite: float
    smallest_p: float


@dataclass(frozen=True)
class Symmetrised:
    """The three sets of invariants of each square layer at the last epoch.

    Args:
        epoch: the last.
        threshold: the largest share of one of so many networks in the squared standard errors, if they are Gaussian.
        layers: one by one.
    """

    heading: ClassVar[str] = "The same departures, seen more sharply"
    template: ClassVar[str] = "symmetrised"

    epoch: float
    threshold: float
    layers: tuple[LayerSets, ...]

    @classmethod
    def of(cls, tables: Tables) -> Symmetrised:
        """Read the table of the three sets.

        Args:
            tables: `symmetrised_comparison`, `parameters` and, if there is one, `bipartite_gaussianity`.

        Returns:
            The record.
        """
        everyone = where(tables["symmetrised_comparison"], subset=ALL)
        last = at_last_epoch(everyone)
        networks = int(where(tables["parameters"], subset=ALL).networks.iloc[0])
        layers = []
        for layer, own in last.groupby("layer"):
            sets = {
                row["invariants"]: InvariantSet(
                    int(row["tested"]),
                    int(row["significant"]),
                    row["largest_absolute_z"],
                    row["root_mean_square_z"],
                    discoveries_from(where(everyone, layer=layer, invariants=row["invariants"])),
                )
                for row in records(own)
            }
            averaged = where(own, invariants=AVERAGED).iloc[0]
            p, smallest = _bipartite(tables, layer, own.epoch.iloc[0])
            layers.append(LayerSets(int(str(layer)), sets, averaged.error_ratio, averaged.largest_share, p, smallest))
        return cls(float(last.epoch.iloc[0]), heavy_tail_threshold(networks), tuple(layers))

    @property
    def heavy(self) -> list[LayerSets]:
        """The layers in which a single network has too much of the standard errors."""
        return [own for own in self.layers if own.largest_share > self.threshold]

    def rows(self) -> list[dict[str, str]]:
        """A row a layer."""
        rows = []
        for own in self.layers:
            line = {"layer": layer_name(own.layer)}
            for name, short in _NAMES.items():
                line[f"q ≤ {LEVEL:g}: {short}"] = f"{own.sets[name].discoveries} of {own.sets[name].tested}"
            for name, short in _NAMES.items():
                line[f"largest |z|: {short}"] = number(own.sets[name].largest_z, ".1f")
            for name, short in _NAMES.items():
                line[f"root mean z²: {short}"] = number(own.sets[name].root_mean_square_z, ".2f")
            line["standard errors, averaged / not"] = number(own.error_ratio, ".2f")
            line["of one network"] = number(100 * own.largest_share, ".0f") + "%"
            if own.p_bipartite == own.p_bipartite:
                line["Gaussian? p by the 43"] = p_text(own.p_bipartite, own.smallest_p)
            rows.append(line)
        return rows


def heavy_tail_threshold(count: int) -> float:
    """Bound the share of a single network in the squared standard errors, if so many networks are Gaussian.

    Args:
        count: of the networks.

    Returns:
        Between 0 and 1.

    >>> round(heavy_tail_threshold(1000), 2), heavy_tail_threshold(50)
    (0.32, 1.0)
    """
    return min(1.0, _HEAVY_TAIL / sqrt(count))


def discoveries_from(rows: pd.DataFrame) -> float | None:
    """Find the epoch from which on at least one invariant is a discovery, without interruption.

    Args:
        rows: of one layer and set, with the columns epoch and significant.

    Returns:
        The epoch; None if there is none.

    >>> discoveries_from(pd.DataFrame({"epoch": [0.0, 1.0, 2.0], "significant": [3, 0, 1]}))
    2.0
    """
    ordered = rows.sort_values("epoch")
    quiet = ordered[ordered.significant == 0]
    after = ordered[ordered.epoch > quiet.epoch.max()] if len(quiet) else ordered
    return float(after.epoch.iloc[0]) if len(after) else None


def _bipartite(tables: Tables, layer: object, epoch: float) -> tuple[float, float]:
    if "bipartite_gaussianity" not in tables:
        return nan, 0.0
    test = where(tables["bipartite_gaussianity"], layer=layer, epoch=epoch)
    return (test.global_p_value.iloc[0], 1 / (test.replicates.iloc[0] + 1)) if len(test) else (nan, 0.0)
