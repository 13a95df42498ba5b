"""The figure of dead units in a report."""

from __future__ import annotations

import pandas as pd

from ...analysis.selection import at_last_epoch, where
from ...notation.number_format import number
from ...notation.symbols import layer_name
from ...plots.figures.dead_units import plot_dead_units
from ...plots.style import Illustration


def dead_units(units: pd.DataFrame, networks: pd.DataFrame) -> Illustration:
    """Draw the dead units by layer, before and after training, and the accuracy by those of the first layer.

    Args:
        units: the table of this name.
        networks: the table of this name.

    Returns:
        The figure.
    """
    last = at_last_epoch(units)
    first_layer = units.layer.min()
    accuracy = networks.set_index("network").test_accuracy
    own = where(last, layer=first_layer)
    middle = own.network.map(accuracy).groupby(own.dead).median()
    fewest, most = middle.index.min(), middle.index.max()
    return Illustration(
        plot_dead_units(units, networks),
        "dead_units",
        "Units that are off for every test image",
        f"Left: their share in each hidden layer, before and after training. Right: the test accuracy at epoch "
        f"{last.epoch.iloc[0]:g} of each network, by the number of dead units of {layer_name(first_layer)}; the median "
        f"is {number(middle[fewest], '.3f')} with {fewest} and {number(middle[most], '.3f')} with {most}.",
        "Bars of the share of dead units by layer, and the accuracy of the networks against their number.",
    )
