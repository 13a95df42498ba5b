"""The differences of two ensembles as experiments, and the shortfall of one from the paper's size."""

from __future__ import annotations

from ...training import EnsembleConfig
from ..notation.number_format import counted

#: How an ensemble is computed and kept, not what it is
NOT_STUDIED = {"layers", "snapshots", "block_size", "engine", "device", "data_root"}
_PAPER_NETWORKS, _PAPER_EPOCHS = 1000, 50


def differing_fields(first: EnsembleConfig, second: EnsembleConfig) -> set[str]:
    """The options that make two ensembles different experiments.

    >>> differing_fields(EnsembleConfig(), EnsembleConfig(weight_decay=0.01, block_size=10))
    {'weight_decay'}
    """
    return first.differences(second).keys() - NOT_STUDIED


def reductions(config: EnsembleConfig) -> list[str]:
    """Say by how much an ensemble is smaller than those of the paper.

    >>> reductions(EnsembleConfig(dataset="mnist", networks=200))
    ['200 networks instead of 1000']
    >>> reductions(EnsembleConfig(epochs=2))
    ['the bundled mnist-5k (4,000 training images) instead of a full data set', '2 epochs instead of 50']
    """
    found = []
    if config.dataset == "mnist-5k":
        found.append("the bundled mnist-5k (4,000 training images) instead of a full data set")
    if config.networks < _PAPER_NETWORKS:
        found.append(f"{counted(config.networks, 'network')} instead of {_PAPER_NETWORKS}")
    if config.epochs < _PAPER_EPOCHS:
        found.append(f"{counted(config.epochs, 'epoch')} instead of {_PAPER_EPOCHS}")
    return found
