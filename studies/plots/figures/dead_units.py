"""Hidden units that are off for every test image."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ...analysis.selection import at_last_epoch, where
from ...notation.symbols import layer_name
from ..style import GREY, PALETTE, in_house_style


@in_house_style
def plot_dead_units(units: pd.DataFrame, networks: pd.DataFrame) -> Figure:
    """Plot the share of dead units by layer, and the accuracy of the networks by their number in the first layer.

    Args:
        units: the table `units` of a study: layer, network, epoch, units, dead.
        networks: its table `networks`: network, test_accuracy.

    Returns:
        Two panels: bars before and after training, and points.

    >>> labels = {"layer": 0, "network": range(4), "units": 5}
    >>> units = [pd.DataFrame({"epoch": epoch, **labels, "dead": [0, 1, 1, 2]}) for epoch in (0.0, 2.0)]
    >>> networks = pd.DataFrame({"network": range(4), "test_accuracy": [0.9, 0.8, 0.8, 0.7]})
    >>> plot_dead_units(pd.concat(units), networks).axes[1].get_xlabel()
    'dead units of layer 0'
    """
    last, start = at_last_epoch(units), units[units.epoch == units.epoch.min()]
    layers = sorted(units.layer.unique())
    figure = Figure(figsize=(7.2, 2.9))
    share, accuracy = figure.subplots(1, 2)
    width = 0.38
    for place, (table, colour) in enumerate(((start, GREY), (last, PALETTE[0]))):
        means = [(own := where(table, layer=layer)).dead.sum() / own.units.sum() for layer in layers]
        places = np.arange(len(layers)) + (place - 0.5) * width
        share.bar(places, means, width, color=colour, label=f"epoch {table.epoch.iloc[0]:g}")
    share.set_xticks(range(len(layers)), [layer_name(layer) for layer in layers])
    share.set_ylabel("share of dead units")
    share.grid(visible=False, axis="x")
    share.legend()
    own = where(last, layer=layers[0]).merge(networks[["network", "test_accuracy"]], on="network")
    middle = own.groupby("dead").test_accuracy.median()
    accuracy.scatter(own.dead, own.test_accuracy, s=5, color=PALETTE[0], alpha=0.25, linewidths=0)
    accuracy.plot(middle.index, middle, color=PALETTE[1], marker="o", markersize=4, label="median")
    accuracy.set_xlabel(f"dead units of {layer_name(layers[0])}")
    accuracy.set_ylabel("test accuracy")
    accuracy.legend()
    return figure
