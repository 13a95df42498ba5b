"""The path of a model through training: distances between all epochs and layers, and coordinates that show them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd

from ...invariants.checks import checked_integer
from ..model.gaussian import BlockGaussian
from .closed_form import wasserstein_distance
from .null_bands import Distance, labels_index


def distance_matrix(
    models: Mapping[Hashable, BlockGaussian], *, distance: Distance = wasserstein_distance
) -> pd.DataFrame:
    """Distances between all pairs of models on one space.

    Args:
        models: by label (epoch, or (layer, epoch)).
        distance: any symmetric function of two models.

    Returns:
        A square table, labelled on both sides; zero on the diagonal.

    Raises:
        ValueError: if there is no model, or two are on different spaces.

    >>> from pigmm.fitting import PIGMM
    >>> distance_matrix({0: PIGMM.iid(4, 1.0), 1: PIGMM.iid(4, 4.0)}).values.tolist()
    [[0.0, 4.0], [4.0, 0.0]]
    """
    index = labels_index(models)
    members = list(models.values())
    table = np.zeros((len(members), len(members)))
    for i, p in enumerate(members):
        for j, q in enumerate(members[:i]):
            table[i, j] = table[j, i] = distance(p, q)
    return pd.DataFrame(table, index=index, columns=index)


def embed(distances: pd.DataFrame, dimensions: int = 2) -> pd.DataFrame:
    """Coordinates whose Euclidean distances are near the given ones: classical multidimensional scaling.

    With J = 1 - 11^T / m, the eigenvectors of B = -J D^2 J / 2 for the largest eigenvalues, times their roots
    (Torgerson 1952). Wasserstein distances of Gaussians are not quite Euclidean, so B may have negative eigenvalues;
    the share of a coordinate is of the sum of the absolute values.

    Args:
        distances: as `distance_matrix` gives them: square, symmetric, zero on the diagonal.
        dimensions: how many coordinates, at least 1 and below the number of models.

    Returns:
        A row a model, columns x1, x2, ...; of the sign that makes the last model's positive. `attrs["shares"]` has the
        share of each coordinate.

    Raises:
        ValueError: if the distances are not as above.

    Source:
        W. S. Torgerson, Psychometrika 17 (1952) 401.

    >>> line = pd.DataFrame([[0.0, 1.0, 3.0], [1.0, 0.0, 2.0], [3.0, 2.0, 0.0]])
    >>> table = embed(line, 1)
    >>> (table.x1 - table.x1[0]).round(9).tolist(), round(table.attrs["shares"][0], 9)
    ([0.0, 1.0, 3.0], 1.0)
    """
    values = np.asarray(distances, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not np.isfinite(values).all():
        raise ValueError(f"distances must be a square table of finite numbers, got shape {values.shape}")
    if np.diag(values).any() or (np.abs(values - values.T) > 1e-9 * values.max(initial=0)).any():
        raise ValueError("distances must be symmetric with a zero diagonal (give KL as its symmetric Jeffreys sum)")
    checked_integer("dimensions", dimensions, least=1)
    if dimensions >= len(values):
        raise ValueError(f"dimensions must be below the number of models, {len(values)}, got {dimensions}")
    squares = values**2
    centred = squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean()
    eigenvalues, vectors = np.linalg.eigh(-(centred + centred.T) / 4)
    largest = np.argsort(eigenvalues)[::-1][:dimensions]
    coordinates = vectors[:, largest] * np.sqrt(np.maximum(eigenvalues[largest], 0))
    coordinates *= np.where(coordinates[-1] < 0, -1, 1)
    table = pd.DataFrame(coordinates, index=distances.index, columns=[f"x{k + 1}" for k in range(dimensions)])
    total = np.abs(eigenvalues).sum()
    table.attrs["shares"] = [float(e / total) if total else 0.0 for e in np.maximum(eigenvalues[largest], 0)]
    return table
