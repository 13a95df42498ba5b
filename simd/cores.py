"""The number of cores to compute with."""

from __future__ import annotations


def cores() -> int:
    """The cores that this process may use, within the limits of affinity and of containers.

    >>> cores() >= 1
    True
    """
    from joblib import cpu_count  # slow to import, and only threads need it

    return int(cpu_count())
