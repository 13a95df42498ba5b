"""Where the analysis of a network goes, and what is said before it."""

from __future__ import annotations

import sys
from pathlib import Path

from ..notation.plain_text import say
from .analysis import Plan
from .readings import readings

_MARKS = ("network.csv", "checkpoints.csv")


def check_output(output: Path) -> None:
    """Refuse a folder that holds something else than an earlier analysis of networks.

    Args:
        output: folder for the results.

    Raises:
        ValueError: it does.

    >>> check_output(Path("/dev/null"))
    Traceback (most recent call last):
        ...
    ValueError: output must be a new or empty folder, or one of an earlier analysis, got /dev/null
    """
    earlier = any((output / "tables" / mark).exists() for mark in _MARKS)
    if output.exists() and not earlier and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"output must be a new or empty folder, or one of an earlier analysis, got {output}")


def print_readings(plan: Plan) -> None:
    """Say on standard error how the tensors are read.

    Args:
        plan: of the network.
    """
    for line in readings(plan):
        say(line, sys.stderr)
