"""An array in a file: name and shape are known, its entries are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

_LONGEST = 400


class FileRefused(ValueError):
    """A file that cannot or must not be read; the message is one line that names it."""


@dataclass(frozen=True)
class StoredArray:
    """One array of a file.

    Args:
        name: of the tensor; empty where a file holds a single array without a name.
        shape: as the file declares it.
        bytes: its size in memory, as the file declares it.
        load: reads the entries.
    """

    name: str
    shape: tuple[int, ...]
    bytes: int
    load: Callable[[], NDArray[Any]]


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever the content of a file leads a parser to into one line.

    Args:
        what: begins the line: the file, and the variable in it.

    Raises:
        FileRefused: in place of every error of the body, but for those of the system that name their file.

    >>> with reading("a.npz, x"):
    ...     raise KeyError("shape")
    Traceback (most recent call last):
        ...
    pigmm.studies.user_data.formats.stored_array.FileRefused: a.npz, x cannot be read: KeyError: 'shape'
    """
    try:
        yield
    except FileRefused:
        raise
    except MemoryError:
        raise FileRefused(f"{what} cannot be read: there is not enough memory for it") from None
    except Exception as error:  # parsers of other libraries fail in whatever way the bytes lead to
        if isinstance(error, OSError) and error.filename is not None:
            raise
        kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
        reason = " ".join(f"{kind}{error}".split())
        shown = reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]}..."
        raise FileRefused(f"{what} cannot be read: {shown}") from None


def label(path: object, name: str) -> str:
    """A file and a variable in it, as messages begin with them.

    >>> label("a.npz", "x"), label("a.npy", "")
    ('a.npz, x', 'a.npy')
    """
    return f"{path}, {name}" if name else str(path)
