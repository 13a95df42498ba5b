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
    from .curvature.matrices import dense_matrix
    from .curvature.objective import Objective, initial_parameters, module_parameters, stored_parameters
    from .curvature.pooled import pooled_objective
    from .curvature.products import gauss_newton_product, hessian_product
    from .curvature.spectrum import lanczos_quadrature, largest_eigenvalues
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
    "Objective",
    "dense_matrix",
    "gauss_newton_product",
    "hessian_product",
    "initial_parameters",
    "lanczos_quadrature",
    "largest_eigenvalues",
    "load_dataset",
    "module_parameters",
    "normalise",
    "open_ensemble",
    "pooled_objective",
    "stored_parameters",
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
    "Objective": "curvature.objective",
    "dense_matrix": "curvature.matrices",
    "gauss_newton_product": "curvature.products",
    "hessian_product": "curvature.products",
    "initial_parameters": "curvature.objective",
    "lanczos_quadrature": "curvature.spectrum",
    "largest_eigenvalues": "curvature.spectrum",
    "load_dataset": "data",
    "module_parameters": "curvature.objective",
    "normalise": "data",
    "open_ensemble": "store.store",
    "pooled_objective": "curvature.pooled",
    "stored_parameters": "curvature.objective",
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
