"""A tiny study, whose copies are damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from pigmm.studies.pipeline import run_study
from pigmm.training import EnsembleConfig


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study. Tests that change it make a copy."""
    run = tmp_path_factory.mktemp("study") / "run"
    config = EnsembleConfig(hidden=(5, 5), networks=24, epochs=1, block_size=12, seed=3)
    run_study(config, run, progress=False, replicates=0)
    return run
