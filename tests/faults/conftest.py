"""A tiny study, whose copies are damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pigmm.studies.pipeline import run_study
from pigmm.training import EnsembleConfig


@pytest.fixture(scope="session")
def finished_run(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A finished study. Tests that change it make a copy."""
    config = EnsembleConfig(hidden=(5, 5), networks=24, epochs=1, block_size=12, seed=3)

    def make(run: Path) -> None:
        run_study(config, run, progress=False, replicates=0)

    return made_once("study-to-be-damaged", make)
