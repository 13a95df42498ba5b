"""Tasks shared out: results in order, whoever did them; errors arrive; arguments are made as they are needed."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial

import pytest

from pigmm.studies.runs.shared_out import SharedOut, Task


def doubled(numbers: list[int]) -> list[Callable[[], Task[int]]]:
    return [partial(partial, operator.mul, number, 2) for number in numbers]


@pytest.mark.parametrize(("processes", "ahead"), [(1, None), (2, None), (2, 1)])
def test_results_in_order(processes: int, ahead: int | None) -> None:
    done: list[int] = []
    found = SharedOut(doubled([5, 3, 4, 1, 2]), processes, ahead, done.append)
    assert [*found] == [10, 6, 8, 2, 4]
    assert sorted(done) == [0, 1, 2, 3, 4]


def test_alone_tasks_are_made_one_at_a_time() -> None:
    made: list[int] = []

    def task(number: int) -> Task[int]:
        made.append(number)
        return partial(operator.neg, number)

    results = iter(SharedOut([partial(task, number) for number in range(3)], processes=1))
    assert (next(results), made) == (0, [0])
    assert ([*results], made) == ([-1, -2], [0, 1, 2])


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_arrives(processes: int) -> None:
    tasks: list[Callable[[], Task[int]]] = [partial(partial, int, text) for text in ("1", "two", "3")]
    with pytest.raises(ValueError, match="'two'"):
        list(SharedOut(tasks, processes))
