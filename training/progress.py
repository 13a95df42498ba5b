"""Progress of a training run: bars on a terminal, elsewhere a line at the start and then now and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

SECONDS_BETWEEN_LINES = 30.0

Report = Callable[[int, int], None]
"""Called with (network-epochs done, network-epochs in all), once at the start and after each epoch of a block."""

NamedReport = Callable[[str, int, int], None]
"""The same for several ensembles: called with (name, done, in all)."""


@contextmanager
def console_progress() -> Iterator[Report]:
    """Report to the console (standard error).

    Yields:
        A function to call with (network-epochs done, in all).

    >>> with console_progress() as report:
    ...     report(0, 100)
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line_by_line(console, "training")
        return
    with _bars(console) as bars:
        task = bars.add_task("training", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


@contextmanager
def table_progress(totals: Mapping[str, int], unfinished: Collection[str]) -> Iterator[NamedReport]:
    """Report on several ensembles to the console (standard error), in a table with a bar for each.

    Args:
        totals: name -> network-epochs in all.
        unfinished: those that will be trained.

    Yields:
        A function to call with (name, network-epochs done, in all).

    >>> with table_progress({"narrow": 100, "wide": 100}, ["wide"]) as report:
    ...     report("wide", 0, 100)
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        lines = {name: _line_by_line(console, f"training {name}") for name in unfinished}
        yield lambda name, done, total: lines[name](done, total)
        return
    with _bars(console) as bars:
        tasks = {
            name: bars.add_task(name, start=False, total=total, completed=0 if name in unfinished else total)
            for name, total in totals.items()
        }

        def report(name: str, done: int, total: int) -> None:
            bars.start_task(tasks[name])  # its clock, unless it runs already
            bars.update(tasks[name], completed=done)

        yield report


def _bars(console: Console) -> Progress:
    text = TextColumn("network-epochs"), _Rate()
    name = TextColumn("{task.description}", markup=False)
    return Progress(name, BarColumn(), MofNCompleteColumn(), *text, TimeRemainingColumn(), console=console)


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


def _line_by_line(console: Console, label: str) -> Report:
    """Prints a line at once, then when the last one is old enough; the rate leaves out what an earlier run had done."""
    started = last = time.monotonic()
    already: int | None = None

    def report(done: int, total: int) -> None:
        nonlocal started, last, already
        now = time.monotonic()
        if already is None:
            already, started, last = done, now, now
            console.print(f"{label}: {done} of {total} network-epochs", soft_wrap=True, markup=False)
        elif now - last >= SECONDS_BETWEEN_LINES:
            last = now
            rate = (done - already) / (now - started)
            pace = f", {_per_second(rate)}, {(total - done) / rate:.0f} s remain" if rate > 0 else ""
            console.print(f"{label}: {done} of {total} network-epochs{pace}", soft_wrap=True, markup=False)

    return report
