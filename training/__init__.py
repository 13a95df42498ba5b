"""Ensembles of small neural networks: configuration -> images -> networks -> weights on disk.

Reading (EnsembleConfig, open_ensemble, untrained) needs no torch; it is imported with the first name that trains.

>>> from pigmm.training import EnsembleConfig, open_ensemble, train_ensemble
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .config import EnsembleConfig
from .data import LabelledImages, load_dataset, normalise
from .health import untrained
from .store import open_ensemble

if TYPE_CHECKING:
    from .ensemble import train_ensemble
    from .plain import train_plain

__all__ = [
    "EnsembleConfig",
    "LabelledImages",
    "load_dataset",
    "normalise",
    "open_ensemble",
    "train_ensemble",
    "train_plain",
    "untrained",
]


def __getattr__(name: str) -> Any:
    if name == "train_ensemble":
        from .ensemble import train_ensemble

        return train_ensemble
    if name == "train_plain":
        from .plain import train_plain

        return train_plain
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
