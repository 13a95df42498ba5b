"""Random streams: the right distributions, independent of each other, the same for ever."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np
import pytest

from pigmm.training.streams import Purpose, initial_weights, shuffling_order, stream


@pytest.mark.parametrize("kind", ["gaussian", "uniform"])
@pytest.mark.parametrize("shape", [(10, 784), (10, 10)])
def test_initial_weights_have_the_stated_mean_and_variance(
    kind: Literal["gaussian", "uniform"], shape: tuple[int, int]
) -> None:
    draws = np.array([initial_weights(kind, shape, 0, network, 1) for network in range(200)], dtype=np.float64)
    variance = 1 / shape[1] if kind == "gaussian" else 1 / (3 * shape[1])
    fourth = 3 * variance**2 if kind == "gaussian" else 9 / 5 * variance**2
    assert draws.shape == (200, *shape)
    # five standard errors of a mean and of a mean square
    assert abs(draws.mean()) < 5 * np.sqrt(variance / draws.size)
    assert abs((draws**2).mean() - variance) < 5 * np.sqrt((fourth - variance**2) / draws.size)
    assert abs((draws**4).mean() / fourth - 1) < 0.1
    if kind == "uniform":
        assert 0.99 < np.abs(draws).max() * np.sqrt(shape[1]) <= 1


def test_streams_of_networks_layers_seeds_and_purposes_are_uncorrelated() -> None:
    keys = [
        (seed, network, purpose, index)
        for seed in (0, 1)
        for network in (0, 1, 2)
        for purpose in Purpose
        for index in (0, 1)
    ]
    draws = np.array([stream(*key).standard_normal(10_000) for key in keys])
    correlations = np.corrcoef(draws)[np.triu_indices(len(keys), 1)]
    # 276 correlations of standard error 0.01: the largest is around 0.03
    assert np.abs(correlations).max() < 0.05
    assert abs(correlations.std() - 0.01) < 0.002


def test_orders_are_permutations_of_their_own() -> None:
    orders = [shuffling_order(4000, seed, network, epoch) for seed in (0, 1) for network in (0, 1) for epoch in (1, 2)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(4000))
    for first, second in combinations(orders, 2):
        assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(4000)


def test_streams_do_not_change_between_releases() -> None:
    """The raw counter-based numbers, which numpy guarantees; a change makes every stored ensemble irreproducible."""
    raw = [stream(0, 3, purpose, 1).bit_generator.random_raw() for purpose in (Purpose.WEIGHTS, Purpose.ORDER)]
    assert raw == [12854922111960443428, 12782001423144520641]
