"""Changes of the five parameters that the symmetry of the network leaves free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ....analysis.network_subsets import ALL
from ....analysis.selection import at_last_epoch, records, where
from ....notation.number_format import with_error
from ....notation.symbols import layer_name, parameter_text


@dataclass(frozen=True)
class Moved:
    """One parameter of one layer, in units of the initial variance (the mean in its root).

    Args:
        layer: its index.
        parameter: its name.
        value, error: the estimate, and its standard error.
        initial: the exact value at initialisation: 0 of the mean, 1 of variances.
        share: its part in the squared Wasserstein distance to initialisation.
    """

    layer: int
    parameter: str
    value: float
    error: float
    initial: float
    share: float

    @property
    def z(self) -> float:
        """The distance from its initial value, in standard errors."""
        return (self.value - self.initial) / self.error if self.error else float("nan")


@dataclass(frozen=True)
class InteriorParameters:
    """The five parameters of each layer at the last epoch."""

    heading: ClassVar[str] = "What training moves"
    template: ClassVar[str] = "interior_parameters"

    epoch: float
    moved: tuple[Moved, ...]

    @classmethod
    def of(cls, table: pd.DataFrame) -> InteriorParameters:
        """Read the table of the five parameters.

        Args:
            table: `interior_parameters` of `analyse`.

        Returns:
            The record.

        >>> row = {"layer": 1, "epoch": 2.0, "subset": "all", "relative_error": 0.1}
        >>> rows = [row | {"parameter": "mu", "relative": 1.0, "initial": 0.0, "wasserstein_squared": 3.0},
        ...         row | {"parameter": "GHH", "relative": 1.1, "initial": 0.2, "wasserstein_squared": 1.0}]
        >>> found = InteriorParameters.of(pd.DataFrame(rows))
        >>> found.farthest.z, found.farthest.share
        (10.0, 0.75)
        """
        last = at_last_epoch(where(table, subset=ALL))
        shares = last.wasserstein_squared / last.groupby("layer").wasserstein_squared.transform("sum")
        moved = tuple(
            Moved(
                int(row["layer"]),
                row["parameter"],
                row["relative"],
                row["relative_error"],
                float(row["initial"] > 0),
                row["share"],
            )
            for row in records(last.assign(share=shares))
        )
        return cls(float(last.epoch.iloc[0]), moved)

    @property
    def names(self) -> list[str]:
        """The names of the parameters."""
        return list(dict.fromkeys(own.parameter for own in self.moved))

    @property
    def farthest(self) -> Moved | None:
        """The parameter that is most standard errors from its initial value; None if none has an error."""
        known = [own for own in self.moved if own.z == own.z]
        return max(known, key=lambda own: abs(own.z), default=None)

    @property
    def nearest(self) -> list[Moved]:
        """The parameters within two standard errors of their initial values."""
        return [own for own in self.moved if abs(own.z) <= 2]

    def rows(self) -> list[dict[str, str]]:
        """A row a layer."""
        lines: dict[int, dict[str, str]] = {}
        for own in self.moved:
            line = lines.setdefault(own.layer, {"layer": layer_name(own.layer)})
            line[parameter_text(own.parameter)] = f"{with_error(own.value, own.error)} ({own.share:.0%})"
        return [*lines.values()]
