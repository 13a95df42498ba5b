"""Small inputs shared by the tests of the trainer."""

from __future__ import annotations

from pathlib import Path

import pytest

from pigmm.training import EnsembleConfig, LabelledData, load_dataset


@pytest.fixture(scope="session")
def digits() -> LabelledData:
    """The bundled digits, 4,000 for training and 1,000 for testing."""
    return load_dataset("mnist-5k")


@pytest.fixture
def small() -> EnsembleConfig:
    """Three blocks of networks, the last one not full: a fraction of a second."""
    return EnsembleConfig(networks=10, block_size=4, epochs=2)


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "ensemble.zarr"
