"""One condition for all layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...analysis.selection import at_last_epoch
from ...notation.number_format import with_error
from ...notation.symbols import layer_name
from ..questions import Tables


@dataclass(frozen=True)
class OneCondition:
    """Whether the squared norms of all layers grow by the same amount, as gradient flow says.

    Args:
        growths: name -> (growth, standard error) of each layer.
    """

    heading: ClassVar[str] = "One condition, not one for each layer"
    template: ClassVar[str] = "initial_variance/one_condition"

    growths: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]

    @classmethod
    def of(cls, tables: Tables) -> OneCondition:
        """Read the tables.

        Args:
            tables: of the study.

        Returns:
            The finding.
        """
        last = at_last_epoch(tables["ratios"]).sort_values("layer", kind="stable")
        found = [
            (str(name), tuple(own[["growth", "growth_standard_error"]].itertuples(index=False, name=None)))
            for name, own in last.groupby("name", sort=False)
        ]
        order = list(dict.fromkeys(tables["ratios"].name))
        return cls(tuple(sorted(found, key=lambda one: order.index(one[0]))))

    def rows(self) -> list[dict[str, str]]:
        """A row a variance."""
        return [
            {"initial variance": name.replace("c-", "c = ")}
            | {layer_name(k): with_error(*growth) for k, growth in enumerate(growths)}
            for name, growths in self.growths
        ]
