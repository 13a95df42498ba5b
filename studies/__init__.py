"""Whole experiments: an ensemble is trained, analysed, drawn and reported; and the command line.

>>> from pigmm.studies import run_study
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .pipeline import run_study

__all__ = ["run_study"]


def __getattr__(name: str) -> Any:
    # the command line lies in this package too, and its help must not wait for the libraries of a study
    if name == "run_study":
        from .pipeline import run_study

        return run_study
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
