"""Preloaded by the worker processes that `train_ensemble(workers=...)` starts."""

from __future__ import annotations

import signal


def dask_setup(worker: object) -> None:
    """Leave Ctrl-C, which a terminal sends to all processes at once, to the one that started this one.

    >>> before = signal.getsignal(signal.SIGINT)
    >>> dask_setup(worker=None)
    >>> signal.signal(signal.SIGINT, before) is signal.SIG_IGN
    True
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
