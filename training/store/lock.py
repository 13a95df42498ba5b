"""One process a store or a folder: an operating-system lock, which ends with its holder however that ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def exclusive(file: Path) -> Iterator[None]:
    """Hold `file` locked.

    Args:
        file: made if it is not there, in a folder that exists, and left behind.

    Raises:
        BlockingIOError: another process, or this one, holds it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, exclusive(Path(folder) / "lock"):
    ...     print("alone")
    alone
    """
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BlockingIOError(f"another process works here and holds {file}: wait until it has ended") from None
    try:
        yield
    finally:
        lock.release()
