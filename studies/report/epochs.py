"""All epochs of the overview of invariants, for the slider of a page."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..analysis.network_subsets import of_all_networks
from ..notation.symbols import formula_key, layer_name
from ..runs.files import file_name
from .html import packed_json

#: Of more epochs so many are taken, evenly, the last among them.
MOST = 60


def packed_epochs(comparison: pd.DataFrame) -> str:
    """Pack z of every invariant at every epoch, as the script of a page reads it.

    The content is `epochs`, and for each layer its `name` as in the figure, the `keys` of its invariants, and `z`, a
    list for each epoch with two decimals, null where there is none; and how many are `beyond` two of how many `known`.

    Args:
        comparison: the table of that name of a study: layer, epoch, formula, z.

    Returns:
        JSON, compressed and in base64; empty if there is one epoch only.

    >>> packed_epochs(pd.DataFrame({"layer": [1], "epoch": 0.0, "formula": "sum_i M_ii^3", "z": 0.5}))
    ''
    """
    table = of_all_networks(comparison)
    epochs = np.sort(table.epoch.unique())
    if len(epochs) < 2:
        return ""
    chosen = epochs[np.unique(np.linspace(len(epochs) - 1, 0, min(len(epochs), MOST)).round().astype(int))]
    layers = []
    for layer, rows in table[table.epoch.isin(chosen)].groupby("layer", sort=False):
        wide = rows.pivot(index="epoch", columns="formula", values="z")
        layers.append(
            {
                "name": file_name(layer_name(layer)),
                "title": layer_name(layer),
                "keys": [formula_key(str(formula)) for formula in wide],
                "z": [[round(z, 2) if np.isfinite(z) else None for z in row] for row in wide.to_numpy().tolist()],
                "beyond": (wide.abs() > 2).sum(axis=1).tolist(),
                "known": wide.notna().sum(axis=1).tolist(),
            }
        )
    return packed_json({"epochs": chosen.tolist(), "layers": layers})
