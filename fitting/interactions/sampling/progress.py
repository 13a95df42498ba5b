"""A bar for what takes longer than a few seconds, on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

_SECONDS_BEFORE = 3.0


@contextmanager
def patient_bar(description: str, total: int) -> Iterator[Callable[[], None]]:
    """A function to call after each of `total` steps; a bar on standard error begins after three seconds.

    Args:
        description: of the steps.
        total: how many.

    Yields:
        The function.

    >>> with patient_bar("sampling", 2) as advance:
    ...     advance()
    """
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(description, total=total)
    begun, shown = time.monotonic(), False

    def advance() -> None:
        nonlocal shown
        if not shown and time.monotonic() - begun > _SECONDS_BEFORE:
            bar.start()
            shown = True
        bar.advance(task)

    try:
        yield advance
    finally:
        if shown:
            bar.stop()
