"""A claim that the runs of a page cannot measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...report.claims import Agreement
from .claim import Line


@dataclass(frozen=True)
class Missing:
    """A claim without a measurement.

    Args:
        title: the claim.
        needed: the runs that it needs.
    """

    template: ClassVar[str] = "missing"
    verdict: ClassVar[Agreement] = Agreement.OPEN

    title: str
    needed: str

    def line(self) -> Line:
        """Make its line.

        Returns:
            A line without run and layer.
        """
        return Line("–", None, self, None)
