"""One training process a store: an operating-system lock, which ends with its holder however that ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(file: Path) -> Iterator[None]:
    """Hold `file` locked (flock; made if it is not there, and left behind).

    Raises:
        BlockingIOError: another process, or this one, holds it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, exclusive(Path(folder) / "lock"):
    ...     print("alone")
    alone
    """
    with file.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(f"another process is training here and holds {file}: wait for it") from None
        yield
