"""Ensembles of small neural networks: configuration -> images -> networks -> weights on disk.

A module is imported with the first of its names that is used: a configuration needs no NumPy, reading no torch.

>>> from pigmm.training import EnsembleConfig, open_ensemble, train_ensemble
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .optional_dependencies import missing_extra

if TYPE_CHECKING:
    from .config import CustomDataset, EnsembleConfig
    from .data import LabelledData, load_dataset, normalise
    from .engines.plain import train_plain
    from .ensemble import train_ensemble
    from .health import untrained
    from .store.store import open_ensemble
    from .sweep import train_ensembles

__all__ = [
    "CustomDataset",
    "EnsembleConfig",
    "LabelledData",
    "load_dataset",
    "normalise",
    "open_ensemble",
    "train_ensemble",
    "train_ensembles",
    "train_plain",
    "untrained",
]

#: Name -> the module that has it, imported when the name is first used.
_MODULES = {
    "CustomDataset": "config",
    "EnsembleConfig": "config",
    "LabelledData": "data",
    "load_dataset": "data",
    "normalise": "data",
    "open_ensemble": "store.store",
    "train_ensemble": "ensemble",
    "train_ensembles": "sweep",
    "train_plain": "engines.plain",
    "untrained": "health",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f".{_MODULES[name]}", __package__), name)
    except ModuleNotFoundError as error:
        raise missing_extra(error) from None


def __dir__() -> list[str]:
    return __all__
