"""Set partitions, as the block of each element in order of first appearance: (0, 1, 0) is {1, 3}, {2}."""

from __future__ import annotations

from collections.abc import Iterator

#: The block of each element, blocks numbered in order of first appearance.
Partition = tuple[int, ...]  # block number of each leg, blocks numbered by first appearance


def set_partitions(legs: int) -> Iterator[Partition]:
    """Enumerate the set partitions of so many legs: 1, 2, 5, 15, ... (Bell numbers).

    Args:
        legs: number of elements.

    Yields:
        The block of each leg, blocks numbered in order of first appearance.

    >>> len(list(set_partitions(4)))
    15
    """

    def extend(prefix: Partition) -> Iterator[Partition]:
        if len(prefix) == legs:
            yield prefix
            return
        for block in range(max(prefix, default=-1) + 2):
            yield from extend((*prefix, block))

    yield from extend(())
