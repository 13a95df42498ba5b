"""Progress of a training run: a bar on a terminal, elsewhere a line at the start and then now and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

SECONDS_BETWEEN_LINES = 30.0

Report = Callable[[int, int], None]
"""Called with (network-epochs done, network-epochs in all), once at the start and after each epoch of a block."""


@contextmanager
def console_progress() -> Iterator[Report]:
    """A report to the console (standard error).

    >>> with console_progress() as report:
    ...     report(0, 100)
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line_by_line(console)
        return
    text = TextColumn("network-epochs"), _Rate()
    with Progress(
        TextColumn("training"), BarColumn(), MofNCompleteColumn(), *text, TimeRemainingColumn(), console=console
    ) as bar:
        task = bar.add_task("training", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(_per_second(speed) if speed else "")


def _per_second(rate: float) -> str:
    """A rate; below 1, where a whole number would say nothing, with one digit that is not zero.

    >>> _per_second(1234.5), _per_second(0.42), _per_second(0.0312)
    ('1234/s', '0.4/s', '0.03/s')
    """
    return f"{rate:.0f}/s" if rate >= 1 else f"{rate:.1f}/s" if rate >= 0.1 else f"{rate:.1g}/s"


def _line_by_line(console: Console) -> Report:
    """Prints a line at once, then when the last one is old enough; the rate leaves out what an earlier run had done."""
    started = last = time.monotonic()
    already: int | None = None

    def report(done: int, total: int) -> None:
        nonlocal last, already
        now = time.monotonic()
        if already is None:
            already = done
            console.print(f"training: {done} of {total} network-epochs", soft_wrap=True)
        elif now - last >= SECONDS_BETWEEN_LINES:
            last = now
            rate = (done - already) / (now - started)
            pace = f", {_per_second(rate)}, {(total - done) / rate:.0f} s remain" if rate > 0 else ""
            console.print(f"training: {done} of {total} network-epochs{pace}", soft_wrap=True)

    return report
