"""Tasks shared out between this process and others: it does the first ones, they do the last ones, until they meet.

Another process takes seconds to start. This one is at work meanwhile, and one process fewer is started.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import cache
from threading import Thread
from time import sleep
from typing import Generic, TypeVar

from joblib.externals.loky import get_reusable_executor
from threadpoolctl import threadpool_limits

Result = TypeVar("Result")
#: What another process can do as well as this one: a function of a module, with its arguments.
Task = Callable[[], Result]

# Seconds after which a process without work ends.
_PATIENCE = 60


class SharedOut(Generic[Result]):
    """Tasks that others begin with at once, and this process as soon as it is asked for results.

    Args:
        tasks: makes each task when its turn comes, in this process.
        processes: how many work, this one included.
        ahead: tasks that wait for each of the other processes; their arguments are in memory. None: all.
        advance: called after each task with its number, in the order in which they end.

    >>> list(SharedOut([lambda: str] * 3, processes=1))
    ['', '', '']
    """

    def __init__(
        self,
        tasks: Sequence[Callable[[], Task[Result]]],
        processes: int,
        ahead: int | None = None,
        advance: Callable[[int], None] = lambda number: None,
    ) -> None:
        self._tasks, self._others, self._advance = tasks, processes - 1, advance
        self._ahead = len(tasks) if ahead is None else ahead
        self._waiting = deque(range(len(tasks)))
        self._sent: dict[Future[Result], int] = {}
        self._found: dict[int, Result] = {}
        self._send()

    def __iter__(self) -> Iterator[Result]:
        """The results, in the order of the tasks."""
        try:
            for number in range(len(self._tasks)):
                while number not in self._found:
                    self._send()
                    if (own := self._next_own()) is None:
                        wait(self._sent, return_when=FIRST_COMPLETED)
                    else:
                        self._keep(own, self._tasks[own]()())
                    for future in [future for future in self._sent if future.done()]:
                        self._keep(self._sent.pop(future), future.result())
                yield self._found.pop(number)
        finally:
            for future in self._sent:
                future.cancel()

    def _send(self) -> None:
        """Give the others their next tasks."""
        while self._waiting and len(self._sent) < self._others * self._ahead:
            number = self._waiting.pop()
            executor = get_reusable_executor(max_workers=self._others, timeout=_PATIENCE)
            self._sent[executor.submit(_in_another_process, os.getpid(), self._tasks[number]())] = number

    def _next_own(self) -> int | None:
        """The task that this process does next: the first that waits, or one that was sent and is not begun."""
        if self._waiting:
            return self._waiting.popleft()
        for future in reversed(self._sent):
            if future.cancel():
                return self._sent.pop(future)
        return None

    def _keep(self, number: int, result: Result) -> None:
        self._found[number] = result
        self._advance(number)


def _in_another_process(parent: int, task: Task[Result]) -> Result:
    _end_with(parent)
    with threadpool_limits(1, user_api="blas"):  # products of small matrices only wait for each other's threads
        return task()


@cache
def _end_with(parent: int) -> None:
    """Let this process end with the one that started it, also if that is killed: loky would wait for a minute."""

    def watch() -> None:
        while os.getppid() == parent:
            sleep(0.5)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
