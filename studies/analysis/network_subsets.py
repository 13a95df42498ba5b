"""Whom a result is about: all networks, and those that learnt something."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ...training import untrained
from .selection import where

ALL, TRAINED = "all", "trained"


def network_subsets(ensemble: xr.Dataset) -> dict[str, NDArray[np.bool_]]:
    """The networks of each subset, as masks (networks,): `all`, and `trained`, which leaves out `untrained` ones.

    >>> accuracy = ("network", "epoch"), [[0.1, 0.9], [0.1, 0.1]]
    >>> network_subsets(xr.Dataset({"test_accuracy": accuracy}))
    {'all': array([ True,  True]), 'trained': array([ True, False])}
    """
    failed = untrained(ensemble).to_numpy()
    return {ALL: np.ones_like(failed), TRAINED: ~failed}


def of_all_networks(table: pd.DataFrame) -> pd.DataFrame:
    """Select the rows about all networks.

    Args:
        table: with a column `subset`, or about all networks as a whole.

    Returns:
        The rows of that subset, without the column if there is none.

    >>> of_all_networks(pd.DataFrame({"subset": ["all", "trained"], "networks": [9, 8]})).networks.tolist()
    [9]
    """
    return where(table, subset=ALL) if "subset" in table else table
