"""Ensembles of small neural networks: configuration -> images -> networks -> weights on disk.

Reading (EnsembleConfig, open_ensemble, untrained) needs no torch; it is imported with the first name that trains.

>>> from pigmm.training import EnsembleConfig, open_ensemble, train_ensemble
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .config import EnsembleConfig, OwnImages
from .data import LabelledImages, load_dataset, normalise
from .health import untrained
from .optional_dependencies import missing_extra
from .store.store import open_ensemble

if TYPE_CHECKING:
    from .engines.plain import train_plain
    from .ensemble import train_ensemble
    from .sweep import train_ensembles

__all__ = [
    "EnsembleConfig",
    "LabelledImages",
    "OwnImages",
    "load_dataset",
    "normalise",
    "open_ensemble",
    "train_ensemble",
    "train_ensembles",
    "train_plain",
    "untrained",
]


_TRAINS = {"train_ensemble": "ensemble", "train_ensembles": "sweep", "train_plain": "engines.plain"}


def __getattr__(name: str) -> Any:
    if name not in _TRAINS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f".{_TRAINS[name]}", __package__), name)
    except ModuleNotFoundError as error:
        raise missing_extra(error) from None


def __dir__() -> list[str]:
    return __all__
