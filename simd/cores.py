"""How many cores there are to compute with."""

from __future__ import annotations

import os


def cores() -> int:
    """Those that this process may use; not every system says which.

    >>> cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
