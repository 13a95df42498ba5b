"""The networks that learnt nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd


@dataclass(frozen=True)
class Untrained:
    """The number of networks that count as untrained, and of all."""

    heading: ClassVar[str] = "Untrained networks"
    template: ClassVar[str] = "untrained"

    untrained: int
    networks: int

    @classmethod
    def of(cls, networks: pd.DataFrame) -> Untrained:
        """Read the table of networks.

        Args:
            networks: of `analyse`.

        Returns:
            The record.

        >>> Untrained.of(pd.DataFrame({"untrained": [True, False]}))
        Untrained(untrained=1, networks=2)
        """
        return cls(int(networks.untrained.sum()), len(networks))

    def rows(self) -> list[dict[str, str]]:
        """None."""
        return []
