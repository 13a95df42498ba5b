"""The median deviation of the paper's 39 invariants at the last epoch."""

from __future__ import annotations

from ...analysis.selection import at_last_epoch
from ...analysis.through_training.published_invariants import papers_choice
from ..runs import FinishedRun


def last_median(run: FinishedRun, layer: int) -> float:
    """Compute the median deviation of the 39 invariants of one layer at the last epoch.

    Args:
        run: which has the layer.
        layer: its index.

    Returns:
        In standard deviations of one network's value.
    """
    return float(at_last_epoch(papers_choice(run.table("comparison", layer))).deviation.median())
