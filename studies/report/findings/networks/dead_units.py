"""The dead units of the hidden layers."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import ClassVar

import pandas as pd

from ....analysis.dead_units import ACTIVE, DEAD, RANDOM
from ....analysis.layers.layer import Tables
from ....analysis.selection import at_last_epoch, where
from ....notation.number_format import number
from ....notation.symbols import layer_name


@dataclass(frozen=True)
class LayerUnits:
    """The dead units of one hidden layer.

    Args:
        layer: index of the matrix into it.
        units: it has.
        first, last: mean number of dead units of a network, at the first and the last epoch.
        correlation: of the number of dead units with the test accuracy, over the networks; NaN if it does not vary.
    """

    layer: int
    units: int
    first: float
    last: float
    correlation: float


@dataclass(frozen=True)
class Columns:
    """Departures of some columns of a matrix from the 5-parameter model.

    Args:
        chosen: which columns: of active units, of dead ones, or as many at random.
        median_z, largest_z: of |z| over the 43 bipartite invariants.
    """

    chosen: str
    median_z: float
    largest_z: float


@dataclass(frozen=True)
class ActiveColumns:
    """A matrix in the networks with one number of active units.

    Args:
        layer: its index.
        networks: how many have so many.
        columns: that belong to active units.
        choices: columns chosen in one way or another.
    """

    layer: int
    networks: int
    columns: int
    choices: tuple[Columns, ...]


@dataclass(frozen=True)
class DeadUnits:
    """The number of dead units, their cost in accuracy, and the departures of the matrices without them."""

    heading: ClassVar[str] = "Dead units"
    template: ClassVar[str] = "dead_units"

    first: float
    last: float
    layers: tuple[LayerUnits, ...]
    active: tuple[ActiveColumns, ...]

    @classmethod
    def of(cls, tables: Tables) -> DeadUnits:
        """Read the tables of units.

        Args:
            tables: `units`, `networks` and, where enough networks had as many dead units, `active_units`.

        Returns:
            The record.

        >>> labels = {"layer": 0, "network": range(4), "units": 5}
        >>> units = [pd.DataFrame({"epoch": epoch, **labels, "dead": [0, 1, 1, 2]}) for epoch in (0.0, 2.0)]
        >>> networks = pd.DataFrame({"network": range(4), "test_accuracy": [0.9, 0.8, 0.8, 0.7]})
        >>> DeadUnits.of({"units": pd.concat(units), "networks": networks}).rows()[0]["dead at epoch 2"]
        '1.00'
        """
        units, accuracy = tables["units"], tables["networks"].set_index("network").test_accuracy
        first, last = units[units.epoch == units.epoch.min()], at_last_epoch(units)
        layers = tuple(
            LayerUnits(
                int(str(layer)),
                int(own.units.iloc[0]),
                where(first, layer=layer).dead.mean(),
                own.dead.mean(),
                own.dead.corr(own.network.map(accuracy)) if own.dead.nunique() > 1 else nan,
            )
            for layer, own in last.groupby("layer")
        )
        active = _active(at_last_epoch(tables["active_units"])) if "active_units" in tables else ()
        return cls(first.epoch.iloc[0], last.epoch.iloc[0], layers, active)

    def rows(self) -> list[dict[str, str]]:
        """A row a layer."""
        return [
            {
                "layer": layer_name(own.layer),
                "units": str(own.units),
                f"dead at epoch {self.first:g}": number(own.first, ".2f"),
                f"dead at epoch {self.last:g}": number(own.last, ".2f"),
                "correlation with the test accuracy": number(own.correlation, "+.2f"),
            }
            for own in self.layers
        ]


def _active(table: pd.DataFrame) -> tuple[ActiveColumns, ...]:
    found = []
    for layer, own in table.groupby("layer"):
        by_choice = own.set_index("chosen")
        choices = tuple(
            Columns(name, by_choice.median_z[name], by_choice.largest_z[name])
            for name in (ACTIVE, RANDOM, DEAD)
            if name in by_choice.index
        )
        columns = int(by_choice["columns"][ACTIVE])
        found.append(ActiveColumns(int(str(layer)), int(own.networks.iloc[0]), columns, choices))
    return tuple(found)
