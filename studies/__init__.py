"""Whole experiments: an ensemble is trained, analysed, drawn and reported; and the command line.

>>> from pigmm.studies import run_study
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .networks.analysis import analyse_network
    from .pipeline import run_study

__all__ = ["analyse_network", "run_study"]

_PLACES = {"analyse_network": "networks.analysis", "run_study": "pipeline"}


def __getattr__(name: str) -> Any:
    # the command line lies in this package too, and its help must not wait for the libraries of a study
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __package__), name)
