"""The distance of each layer to its law at initialisation, through training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ...analysis.network_subsets import ALL, TRAINED, of_all_networks
from ...analysis.selection import where
from ...notation.symbols import layer_name
from ..epochs import label_epochs, marks
from ..style import GREY, in_house_style
from .panels import Entry, layer_entries, layer_looks, legend_above

# on top of the curve of all networks, which it often follows closely
_WITHOUT_UNTRAINED: dict[str, Any] = {"color": "black", "linewidth": 1.3, "linestyle": ":", "zorder": 5}


@in_house_style
def plot_distances(distances: pd.DataFrame) -> Figure:
    """Plot the Wasserstein distance of each fitted model from the exact one at initialisation.

    Args:
        distances: the table of that name of a study: layer, epoch, subset, networks, wasserstein, null_lower,
            null_upper (the band that chance explains).

    Returns:
        One panel, a curve for each layer; a dotted one without untrained networks, where there are any.

    >>> row = {"layer": 1, "subset": "all", "networks": 9, "null_lower": 0.1, "null_upper": 0.2}
    >>> table = pd.DataFrame([{**row, "epoch": 0.0, "wasserstein": 0.1}, {**row, "epoch": 1.0, "wasserstein": 1.0}])
    >>> len(plot_distances(table).axes[0].lines)
    1
    """
    figure = Figure(figsize=(7.2, 3.4))
    axes = figure.subplots()
    looks = layer_looks(distances)
    for layer, rows in distances.groupby("layer"):
        look = looks[layer]
        everyone, learnt = (where(rows, subset=name) for name in (ALL, TRAINED))
        axes.fill_between(
            everyone.epoch, everyone.null_lower, everyone.null_upper, color=look["color"], alpha=0.18, linewidth=0
        )
        axes.plot(everyone.epoch, everyone.wasserstein, **look, **marks(everyone))
        if learnt.networks.max() < everyone.networks.max():
            axes.plot(learnt.epoch, learnt.wasserstein, **_WITHOUT_UNTRAINED)
    axes.set_ylabel("Wasserstein distance $W_2$")
    axes.set_ylim(bottom=0)
    label_epochs(axes)
    entries: list[Entry] = [
        *layer_entries(distances),
        ("by chance alone", {"color": GREY, "alpha": 0.3, "linewidth": 7}),
    ]
    if (distances.subset == TRAINED).any() and distances.networks.nunique() > 1:
        entries.append(("without untrained networks", _WITHOUT_UNTRAINED))
    legend_above(figure, entries)
    return figure


@in_house_style
def plot_movement(distances: pd.DataFrame, norms: Mapping[int, float]) -> Figure:
    """Plot the distance of each layer from its law at initialisation, in percent of its initial size.

    Args:
        distances: the table of that name of a study: layer, epoch, wasserstein.
        norms: root mean square Frobenius norm of each layer at initialisation.

    Returns:
        One panel, small enough for a phone.

    >>> table = pd.DataFrame({"layer": 1, "epoch": [0.0, 1.0], "wasserstein": [0.0, 1.0]})
    >>> plot_movement(table, {1: 4.0}).axes[0].lines[0].get_ydata().tolist()
    [0.0, 25.0]
    """
    table = of_all_networks(distances)
    figure = Figure(figsize=(4.2, 2.7))
    axes = figure.subplots()
    looks = layer_looks(table)
    for layer, rows in table.groupby("layer"):
        share = 100 * rows.wasserstein / norms[int(str(layer))]
        axes.plot(rows.epoch, share, label=layer_name(layer), **looks[layer], **marks(rows))
    axes.set_ylim(bottom=0)
    axes.set_ylabel("moved, % of initial size")
    axes.legend()
    label_epochs(axes)
    return figure
