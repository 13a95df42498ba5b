"""Progress of an analysis: a bar on a terminal, elsewhere a line at the start and then now and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def progress_of(description: str, total: int, shown: bool = True) -> Iterator[Callable[[], None]]:
    """A function to call after each of `total` steps; what is shown goes to standard error.

    >>> with progress_of("analysing", 2, shown=False) as advance:
    ...     advance()
    """
    console = Console(stderr=True)
    if not shown:
        yield lambda: None
    elif console.is_terminal:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(description, total=total)
            yield lambda: bar.advance(task)
    else:
        yield _line_by_line(console, description, total)


def _line_by_line(console: Console, description: str, total: int) -> Callable[[], None]:
    done, last = 0, time.monotonic()
    console.print(f"{description}: 0 of {total}", soft_wrap=True)

    def advance() -> None:
        nonlocal done, last
        done += 1
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            console.print(f"{description}: {done} of {total}", soft_wrap=True)

    return advance
