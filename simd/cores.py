"""The number of cores to compute with."""

from __future__ import annotations

import os
from functools import lru_cache


def cores() -> int:
    """The cores that this process may use, within the limits of affinity and of containers.

    >>> cores() >= 1
    True
    """
    return _cores(frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None)


@lru_cache(maxsize=4)  # files of the system are read for it
def _cores(affinity: frozenset[int] | None) -> int:
    from joblib import cpu_count  # slow to import, and only threads need it

    return int(cpu_count())
