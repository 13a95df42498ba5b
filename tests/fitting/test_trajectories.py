"""Distances along a path, and the coordinates that show it."""

import numpy as np
import pandas as pd
import pytest
import scipy.spatial

from pigmm.fitting import PIGMM, distance_matrix, embed, jeffreys_divergence, wasserstein_distance


def test_tables_are_labelled_on_both_sides(random_model):
    models = {(f"weight_{k}", float(e)): random_model(4, seed=10 * k + e) for k in (1, 2) for e in (0, 1, 2)}
    table = distance_matrix(models)
    assert table.index.names == table.columns.names == ["layer", "epoch"]
    first, second = ("weight_1", 2.0), ("weight_2", 0.0)
    assert table.loc[first, second] == wasserstein_distance(models[first], models[second])
    np.testing.assert_array_equal(table, table.T)
    assert not np.diag(table).any()
    other = distance_matrix(models, distance=jeffreys_divergence)
    assert other.loc[first, second] == pytest.approx(jeffreys_divergence(models[first], models[second]))


def test_euclidean_distances_are_embedded_exactly():
    points = np.random.default_rng(0).normal(size=(12, 3))
    distances = scipy.spatial.distance.squareform(scipy.spatial.distance.pdist(points))
    coordinates = embed(pd.DataFrame(distances), 3)
    np.testing.assert_allclose(scipy.spatial.distance.pdist(coordinates), scipy.spatial.distance.pdist(points))
    assert sum(coordinates.attrs["shares"]) == pytest.approx(1)
    # principal axes, the widest first, centred
    np.testing.assert_allclose(coordinates.mean(), 0, atol=1e-12)
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(coordinates, axis=0), spread)


def test_models_of_one_direction_lie_on_a_line():
    """Iid models are at distances N |sigma - sigma'|."""
    models = {epoch: PIGMM.iid(5, sigma**2) for epoch, sigma in enumerate([1.0, 1.1, 1.5, 2.0])}
    table = embed(distance_matrix(models))
    np.testing.assert_allclose(table.x1 - table.x1[0], [0, 0.5, 2.5, 5], atol=1e-7)
    np.testing.assert_allclose(table.x2, 0, atol=1e-6)
    assert table.index.tolist() == [0, 1, 2, 3]


def test_equal_models_have_no_extent():
    model = PIGMM.iid(4, 1.0)
    table = embed(pd.DataFrame(np.zeros((3, 3))))
    assert not table.to_numpy().any()
    assert distance_matrix({0: model}).to_numpy().tolist() == [[0.0]]


def test_bad_input(random_model):
    with pytest.raises(ValueError, match="models must be one or more"):
        distance_matrix({})
    with pytest.raises(ValueError, match="same space"):
        distance_matrix({0: random_model(4, seed=1), 1: random_model(5, seed=1)})
    with pytest.raises(ValueError, match="square"):
        embed(pd.DataFrame(np.zeros((3, 2))))
    with pytest.raises(ValueError, match="symmetric"):
        embed(pd.DataFrame([[0.0, 1.0, 1.0], [2.0, 0.0, 1.0], [1.0, 1.0, 0.0]]))
    with pytest.raises(ValueError, match="dimensions must be below the number of models, 3, got 3"):
        embed(pd.DataFrame(np.zeros((3, 3))), 3)
