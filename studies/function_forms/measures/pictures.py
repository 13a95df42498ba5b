"""Values of functions for pictures: two inputs, and three on the unit sphere."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ....spectra import relu_eigenvectors, relu_functions
from ..settings import Settings
from .draws import Array, Stream, generator, hidden_weights
from .eigenspaces import Eigenspaces

#: One function of each group.
SHOWN = ("F_0", "F_1", "F_12", "F_11")

_SIDE = 40
_EXTENT = 3.0


def picture_table(settings: Settings) -> pd.DataFrame:
    """Evaluate one function of each group, as the network has it and in the limit, for d = 2 and 3.

    The network's is f_u for u the projection of the approximate eigenvector on the large eigenvalues' eigenspace.

    Args:
        settings: of the study; `picture_hidden` is the width.

    Returns:
        dimension, function (its name), across and up (for d = 2 the inputs; for d = 3 longitude and latitude of a unit
        vector, in degrees), network, limit.
    """
    parts = []
    for dimension, grid in ((2, plane()), (3, sphere())):
        across, up, inputs = grid
        rng = generator(settings.seed, Stream.PICTURES, dimension)
        weights = hidden_weights(dimension, settings.picture_hidden, rng)
        found, named, limits = Eigenspaces.of(weights), relu_eigenvectors(weights), relu_functions(inputs)
        active = np.maximum(inputs @ weights, 0)
        for name in SHOWN:
            degree = {"F_0": 0, "F_1": 1}.get(name, 2)
            _, own = found.of_degree(degree)
            values = active @ (own @ (own.T @ named[name]))
            columns = {"across": across, "up": up, "network": values, "limit": limits[name]}
            parts.append(pd.DataFrame({"dimension": dimension, "function": name, **columns}))
    return pd.concat(parts, ignore_index=True)


def plane() -> tuple[Array, Array, Array]:
    """Points of a square grid around, but not at, the origin.

    Returns:
        Both coordinates (points,), and the inputs (points, 2).
    """
    line = np.linspace(-_EXTENT, _EXTENT, _SIDE)
    across, up = (grid.ravel() for grid in np.meshgrid(line, line))
    return across, up, np.column_stack([across, up])


def sphere() -> tuple[Array, Array, Array]:
    """Points of the unit sphere, by longitude and latitude.

    Returns:
        Longitudes and latitudes in degrees (points,), and the inputs (points, 3).
    """
    longitude, latitude = (
        grid.ravel() for grid in np.meshgrid(np.linspace(-180, 180, _SIDE), np.linspace(-90, 90, _SIDE // 2))
    )
    a, b = np.radians(longitude), np.radians(latitude)
    return longitude, latitude, np.column_stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)])
