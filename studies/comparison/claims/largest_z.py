"""The largest |z| of the higher invariants at one epoch, and its p-value by the bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ...analysis.layers.layer import Tables
from ..questions import gaussian_test


@dataclass(frozen=True)
class LargestZ:
    """The largest |z| of the cubic and quartic invariants.

    Args:
        z: in standard errors.
        p: of the bootstrap; None if it was not done.
        smallest: the smallest p-value that it can give.
    """

    z: float
    p: float | None
    smallest: float

    @classmethod
    def of(cls, layer: Tables, comparison: pd.DataFrame) -> LargestZ:
        """Read the tables of a layer.

        Args:
            layer: the tables.
            comparison: the rows of one epoch.

        Returns:
            The record.
        """
        largest, test = comparison.z.abs().max(), gaussian_test(layer, comparison)
        return cls(largest, test.global_p_value, 1 / (test.replicates + 1)) if test else cls(largest, None, 0.0)
