"""Curves against the epoch: their marks, and the ticks below them."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

_FEW = 6


def marks(points: Sized) -> dict[str, Any]:
    """Choose the marks of the points of a curve: few points are marked, many are a line.

    >>> marks([0, 1, 2]), marks(range(51))
    ({'marker': 'o', 'markersize': 3.5}, {})
    """
    return {"marker": "o", "markersize": 3.5} if len(points) <= _FEW else {}


def label_epochs(axes: Axes, most: int = 5) -> None:
    """Name the abscissa, and set `epoch_ticks` for the curves drawn so far.

    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> _ = axes.plot([0, 50], [1, 2])
    >>> label_epochs(axes, most=2)
    >>> axes.get_xlabel(), axes.get_xticks().tolist()
    ('epoch', [0.0, 25.0, 50.0])
    """
    axes.set_xlabel("epoch")
    axes.set_xticks(epoch_ticks(axes.dataLim.x0, axes.dataLim.x1, most=most))


def epoch_ticks(first: float, last: float, most: int) -> list[float]:
    """Round epochs, at most `most` intervals, and the last one, no other near it.

    >>> epoch_ticks(0, 50, most=2), epoch_ticks(0, 3, most=5), epoch_ticks(0, 47, most=2)
    ([0.0, 25.0, 50.0], [0.0, 1.0, 2.0, 3.0], [0.0, 25.0, 47.0])
    """
    if last <= first:
        return [first]
    ticks = MaxNLocator(most, integer=True).tick_values(first, last)
    step = ticks[1] - ticks[0]
    return [float(tick) for tick in ticks if first <= tick <= last - 0.6 * step] + [float(last)]
