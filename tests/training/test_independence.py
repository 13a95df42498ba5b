"""The networks of an ensemble are independent: at initialisation, in their orders, and after training.

At initialisation the null distribution is known: of independent vectors of p Gaussian entries each correlation r about
zero has the mean square 1/p, and any two of them are independent, so that sums of r^2 over pairs have a known mean and
variance; the largest follows from the beta distribution of r^2.

After training the entries are neither Gaussian nor independent within a network, but the law of a network does not
change when its hidden units are relabelled. For independent networks neither does the joint law when each is relabelled
at random on its own: an exact null distribution for whatever correlates entry by entry. A dependence that all hidden
units share, as of networks that see the images in one order, outlives relabelling, but it moves an ensemble as a whole,
and is found by exchanging networks between ensembles of different seeds. Both tests have to find faults of their kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import beta

from pigmm.training import EnsembleConfig, LabelledData
from pigmm.training.engines import network as compiled
from pigmm.training.engines import numba_engine
from pigmm.training.snapshot import Snapshot
from pigmm.training.streams import initial_weights, shuffling_order

Numbers = NDArray[np.float64]

NETWORKS = 1000
SHAPE = (10, 10)


def square_layers(seed: int) -> Numbers:
    """Weights at initialisation, (network, layer, entry)."""
    return np.array(
        [
            [initial_weights("gaussian", SHAPE, seed, network, layer).ravel() for layer in (1, 2, 3)]
            for network in range(NETWORKS)
        ],
        dtype=np.float64,
    )


@pytest.fixture(scope="module")
def initial() -> tuple[Numbers, Numbers]:
    """Of two neighbouring seeds."""
    return square_layers(0), square_layers(1)


def unit(vectors: Numbers) -> Numbers:
    """(..., network, entries) -> rows of length one."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def assert_independent(correlations: Numbers, entries: int) -> None:
    """Correlations, of different pairs of vectors of so many Gaussian entries, are as small as they have to be.

    Neither their mean nor their mean square is five standard errors off, nor is the largest one of a million's.
    """
    squares, count = correlations**2, correlations.size
    assert abs(correlations.mean()) < 5 / np.sqrt(entries * count)
    variance = 2 * (entries - 1) / (entries**2 * (entries + 2))
    assert abs(squares.mean() - 1 / entries) < 5 * np.sqrt(variance / count)
    assert count * beta.sf(squares.max(), 1 / 2, (entries - 1) / 2) > 1e-6


def pairs(vectors: Numbers) -> Numbers:
    """Correlations of all pairs of rows of (rows, entries)."""
    units = unit(vectors)
    return (units @ units.T)[np.triu_indices(len(units), 1)]


def test_networks_begin_independent(initial: tuple[Numbers, Numbers]) -> None:
    first, _ = (weights.reshape(NETWORKS, -1) for weights in initial)
    assert_independent(pairs(first), first.shape[1])
    assert_independent((unit(first[:-1]) * unit(first[1:])).sum(1), first.shape[1])  # neighbours


def test_ensembles_of_neighbouring_seeds_begin_independent(initial: tuple[Numbers, Numbers]) -> None:
    first, second = (unit(weights.reshape(NETWORKS, -1)) for weights in initial)
    assert_independent(first @ second.T, first.shape[1])
    assert_independent((first * second).sum(1), first.shape[1])
    assert_independent((first[1:] * second[:-1]).sum(1), first.shape[1])  # the same sum of seed and number


def test_layers_begin_independent(initial: tuple[Numbers, Numbers]) -> None:
    layers = unit(initial[0]).transpose(1, 0, 2)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert_independent((layers[a] * layers[b]).sum(1), layers.shape[2])  # of one network
        assert_independent((layers[a, 1:] * layers[b, :-1]).sum(1), layers.shape[2])
        assert_independent((layers[a, :-1] * layers[b, 1:]).sum(1), layers.shape[2])


def test_a_hundredth_in_common_is_noticed(initial: tuple[Numbers, Numbers]) -> None:
    first, second = (weights.reshape(NETWORKS, -1) for weights in initial)
    with pytest.raises(AssertionError):
        assert_independent(pairs(np.sqrt(0.99) * first + np.sqrt(0.01) * second[0]), first.shape[1])
    with pytest.raises(AssertionError):
        assert_independent(pairs(np.concatenate([first, first[500:501]])), first.shape[1])


def test_orders_of_networks_and_epochs_are_independent() -> None:
    """Of uniform permutations: rank correlations, and images that come at the same place, one a pair on average."""
    size = 1000
    keys = product(range(3), range(6), range(1, 7))  # neighbouring seeds, networks and epochs
    orders = np.array([shuffling_order(size, *key) for key in keys])
    ranks = np.argsort(orders, axis=1).astype(np.float64)
    # a rank correlation has the mean square 1/(size - 1), as of size - 1 Gaussian entries, and nearly their law
    assert_independent(pairs(ranks - ranks.mean(1, keepdims=True)), size - 1)
    met = np.array([(orders[k + 1 :] == orders[k]).sum() for k in range(len(orders) - 1)])
    count = len(orders) * (len(orders) - 1) // 2
    assert abs(met.sum() - count) < 5 * np.sqrt(count)


# At this rate networks depend more on the order of the images.
TRAINED = EnsembleConfig(epochs=1, learning_rate=0.01)
SEEDS = 10

Trained = list[tuple[Snapshot, ...]]


def trained(images: LabelledData, networks: int) -> Trained:
    """Beginning and end of ensembles of neighbouring seeds, so many networks in all."""
    configs = (TRAINED.model_copy(update={"seed": seed}) for seed in range(SEEDS))
    return [tuple(numba_engine.train_block(config, images, range(networks // SEEDS))) for config in configs]


def standard_deviations_off(statistic: Callable[[np.random.Generator | None], Numbers], draws: int) -> Numbers:
    """How far statistics are above their mean under the null hypothesis; without a generator they are the observed."""
    rng = np.random.default_rng(0)
    null = np.array([statistic(rng) for _ in range(draws)])
    return (statistic(None) - null.mean(0)) / null.std(0)


def likeness(ensembles: Trained) -> Numbers:
    """Whether networks are alike entry by entry: mean square and mean of correlations, of all pairs and of neighbours.

    As standard deviations; the null distribution is by relabelling. The mean over networks is taken off each entry, or
    rather over all entries that relabelling makes alike: all of a matrix between hidden units, a row (of one class) of
    the output layer.
    """
    layers = [np.concatenate([end.weights[k] for _, end in ensembles]).astype(np.float64) for k in (1, 2, 3)]
    centred = [
        layer - layer.mean(axes, keepdims=True)
        for layer, axes in zip(layers, [(0, 1, 2), (0, 1, 2), (0, 2)], strict=True)
    ]

    def statistic(rng: np.random.Generator | None) -> Numbers:
        chosen = centred if rng is None else relabelled(centred, rng)
        units = unit(np.concatenate([layer.reshape(len(layer), -1) for layer in chosen], axis=1))
        of_pairs, of_neighbours = pairs(units), (units[:-1] * units[1:]).sum(1)
        return np.array([(of_pairs**2).mean(), of_pairs.mean(), (of_neighbours**2).mean(), of_neighbours.mean()])

    return standard_deviations_off(statistic, draws=100)


def relabelled(layers: Sequence[Numbers], rng: np.random.Generator) -> list[Numbers]:
    """Each network's hidden units in a random order of its own."""
    unchanged = np.tile(np.arange(10), (len(layers[0]), 1))
    orders = [
        *(rng.permuted(unchanged, axis=1) for _ in layers),
        unchanged,
    ]  # of the columns of each layer, the classes
    networks = np.arange(len(unchanged))[:, None, None]
    return [
        layer[networks, rows[:, :, None], columns[:, None, :]]
        for layer, columns, rows in zip(layers, orders[:-1], orders[1:], strict=True)
    ]


def test_relabelled_networks_are_the_same_networks(digits: LabelledData) -> None:
    [(_, end)] = [tuple(numba_engine.train_block(TRAINED, digits, range(3)))]
    layers = [end.weights[k].astype(np.float64) for k in (1, 2, 3)]
    other = relabelled(layers, np.random.default_rng(0))
    assert all((a != b).any() for a, b in zip(layers, other, strict=True))
    # through linear units, equal inputs to all: so the labels of the first layer's units do not matter either
    np.testing.assert_allclose(
        other[2] @ other[1] @ other[0] @ np.ones(10), layers[2] @ layers[1] @ layers[0] @ np.ones(10), atol=1e-12
    )


def shifts(ensembles: Trained) -> Numbers:
    """Whether ensembles differ as wholes: the spread of their means of what relabelling does not change.

    That is how far the row sums of the output layer move, one for each class, and losses and accuracies. As standard
    deviations; the null distribution is by exchanging networks between ensembles.
    """
    moves = np.concatenate([(end.weights[3] - start.weights[3]).sum(2) for start, end in ensembles])
    names = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
    others = np.concatenate([np.stack([getattr(end, name) for name in names], axis=1) for _, end in ensembles])

    def statistic(rng: np.random.Generator | None) -> Numbers:
        order = np.arange(len(moves)) if rng is None else rng.permutation(len(moves))
        spreads = [
            (features[order].reshape(SEEDS, -1, features.shape[1]).mean(1).var(0) / features.var(0)).sum()
            for features in (moves, others)
        ]
        return np.array(spreads)

    return standard_deviations_off(statistic, draws=500)


def test_networks_end_independent(digits: LabelledData) -> None:
    assert likeness(trained(digits, 200)).max() < 4
    assert shifts(trained(digits, 1000)).max() < 4


def test_a_common_part_of_initial_weights_is_noticed(digits: LabelledData, monkeypatch: pytest.MonkeyPatch) -> None:
    def partly_common(kind: str, shape: tuple[int, int], seed: int, network: int, layer: int) -> NDArray[np.float32]:
        own, common = (initial_weights(kind, shape, seed, n, layer) for n in (network, 10**6))
        return np.float32(np.sqrt(0.9)) * own + np.float32(np.sqrt(0.1)) * common

    monkeypatch.setattr(compiled, "initial_weights", partly_common)
    assert likeness(trained(digits, 200)).max() > 8


def test_a_common_order_is_noticed(digits: LabelledData, monkeypatch: pytest.MonkeyPatch) -> None:
    def common(size: int, seed: int, network: int, epoch: int) -> NDArray[np.int64]:
        return shuffling_order(size, seed, 0, epoch)

    monkeypatch.setattr(compiled, "shuffling_order", common)
    assert shifts(trained(digits, 1000)).max() > 8
