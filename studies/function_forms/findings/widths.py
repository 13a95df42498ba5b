"""What a finite width changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...analysis.selection import records
from ...notation.number_format import number
from ..measures.groups import group_name_html
from ..questions import Tables
from ..settings import Settings


@dataclass(frozen=True)
class Widths:
    """What a finite width changes.

    Args:
        hidden: the widths.
        shift, spread: by group name: of the mean eigenvalue and within the group, relative, at the full width: measured
            and expected.
        worst: the largest |measured - expected| in standard errors at the full width, of all quantities.
    """

    heading: ClassVar[str] = "What a finite width changes"
    template: ClassVar[str] = "function_forms/widths"

    hidden: tuple[str, ...]
    shift: dict[str, tuple[float, float]]
    spread: dict[str, tuple[float, float]]
    worst: float

    @classmethod
    def of(cls, tables: Tables, settings: Settings) -> Widths:
        """Read the tables.

        Args:
            tables: of the study: widths.
            settings: of the study.

        Returns:
            The record.
        """
        widths = tables["widths"]
        full = widths[widths.hidden == settings.hidden]
        both = {
            name: {row["group"]: (row["measured"], row["expected"]) for row in records(full[full.quantity == name])}
            for name in ("shift", "spread")
        }
        worst = ((full.measured - full.expected) / full.standard_error).abs().max()
        return cls(tuple(map(str, sorted(set(widths.hidden)))), both["shift"], both["spread"], float(worst))

    def rows(self) -> list[dict[str, str]]:
        """A row a group, at the full width."""
        return [
            {
                "group": group_name_html(name),
                "shift of the mean": f"{number(100 * shift[0], '+.2g')}%",
                "expected shift": f"{number(100 * shift[1], '+.2g')}%",
                "spread": f"{number(100 * self.spread[name][0], '.3g')}%",
                "expected spread": f"{number(100 * self.spread[name][1], '.3g')}%",
            }
            for name, shift in self.shift.items()
        ]
