"""Curves of |z| of the invariants in ascending order, in one small figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import norm

from ...analysis.network_subsets import of_all_networks
from ...analysis.selection import at_last_epoch
from ...notation.plain_text import printable
from ...notation.symbols import layer_name
from ..scales import log_scale
from ..style import GREY, in_house_style, line_looks

# |z| is drawn from there.
_LEAST = 0.1


@in_house_style
def plot_z_scores(comparison: pd.DataFrame) -> Figure:
    """Plot |z| of the invariants in ascending order, beside what chance gives.

    Args:
        comparison: the table of that name of a study, of which the last epoch is plotted, or of `pigmm fit` or
            `pigmm.fitting.compare`: z, and where there are several an `ensemble` or a `layer`.

    Returns:
        One panel, small enough for a phone, with a curve for each ensemble or layer.

    >>> axes = plot_z_scores(pd.DataFrame({"ensemble": "words", "z": [0.5, -3.0, 1.0, 2.0]})).axes[0]
    >>> axes.lines[0].get_ydata().tolist()
    [0.5, 1.0, 2.0, 3.0]
    """
    table = of_all_networks(comparison)
    table = at_last_epoch(table) if "epoch" in table else table
    column = next((name for name in ("ensemble", "layer") if name in table), None)
    groups = [("invariants", table)] if column is None else list(table.groupby(column, sort=False))
    figure = Figure(figsize=(4.2, 2.7))
    axes = figure.subplots()
    for (name, rows), look in zip(groups, line_looks(len(groups)), strict=True):
        z = np.sort(rows.z.dropna().abs())
        places = 100 * (np.arange(len(z)) + 0.5) / max(1, len(z))
        label = name if column == "ensemble" else layer_name(name)
        axes.plot(places, z.clip(min=_LEAST), label=_plain(printable(str(label))), **look)
    share = np.linspace(0.5, 99.8, 200)
    axes.plot(share, norm.isf((1 - share / 100) / 2).clip(min=_LEAST), color=GREY, linestyle="--", label="by chance")
    axes.set_xlabel("% of the invariants")
    axes.set_ylabel("|z| below")
    log_scale(axes, _LEAST)
    if len(groups) <= 6:
        axes.legend(loc="upper left")
    return figure


def _plain(name: str, letters: int = 28) -> str:
    """A name in a legend, where dollars would begin mathematics."""
    return (name if len(name) <= letters else name[: letters - 1] + "…").replace("$", r"\$")
