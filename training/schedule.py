"""The times of snapshots, and the steps of epochs that lie between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple


class Piece(NamedTuple):
    """Consecutive steps of one epoch: epoch from 1, steps of the epoch from `begin` to before `end`."""

    epoch: int
    begin: int
    end: int


def count_steps(images: int, batch_size: int) -> int:
    """Count the optimiser steps of one epoch, a last partial batch included.

    Args:
        images: how many an epoch has.
        batch_size: how many a step takes.

    Returns:
        The number of steps.

    >>> count_steps(250, 20)
    13
    """
    return -(-images // batch_size)


def snapshot_steps(snapshots: Literal["epochs", "log"] | int, epochs: int, steps_per_epoch: int) -> tuple[int, ...]:
    """Return the steps after which a snapshot is taken.

    Args:
        snapshots: 'epochs' for one after each epoch, 'log' after 1, 2, 4, 8, ... steps, or the steps from one to the
            next.
        epochs: length of the training.
        steps_per_epoch: from `count_steps`.

    Returns:
        Increasing numbers of steps; the first is 0, the last the end of the training.

    >>> snapshot_steps("epochs", 2, 40), snapshot_steps("log", 2, 40), snapshot_steps(30, 2, 40)
    ((0, 40, 80), (0, 1, 2, 4, 8, 16, 32, 64, 80), (0, 30, 60, 80))
    """
    last = epochs * steps_per_epoch
    if snapshots == "epochs":
        return tuple(range(0, last + 1, steps_per_epoch))
    if snapshots == "log":
        powers = (2**k for k in range((last - 1).bit_length()))
        return (0, *(step for step in powers if step < last), last)
    return (*range(0, last, snapshots), last)


def pieces(first: int, last: int, steps_per_epoch: int) -> Iterator[Piece]:
    """Divide steps into pieces within one epoch each.

    Args:
        first: first step, counted from 0.
        last: the step before which to end.
        steps_per_epoch: from `count_steps`.

    Yields:
        The pieces, in order.

    >>> list(pieces(30, 60, 40))
    [Piece(epoch=1, begin=30, end=40), Piece(epoch=2, begin=0, end=20)]
    """
    while first < last:
        epoch, begin = divmod(first, steps_per_epoch)
        end = min(steps_per_epoch, begin + last - first)
        yield Piece(epoch + 1, begin, end)
        first += end - begin
