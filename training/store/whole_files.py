"""Files that are either whole or not there: written under a temporary name, then renamed."""

from __future__ import annotations

import os
from pathlib import Path

PARTIAL = ".partial"


def write_whole(path: Path, content: bytes, durable: bool = False) -> None:
    """Write a file, making its folder; an interruption leaves the old file, or none, under the name.

    Args:
        path: of the file.
        content: all of it.
        durable: whether the file is to be on the disk, and not only in the system's memory, before it has its name.

    Raises:
        OSError: the disk is full or not writable; names the file.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "new" / "a.txt", b"whole")
    ...     [file.name for file in (Path(folder) / "new").iterdir()]
    ['a.txt']
    """
    draft = path.with_name(path.name + PARTIAL)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)  # and never what a link of that name leads to
        with draft.open("xb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
        if durable:
            flush_to_disk(path.parent)
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        # the error of a full disk says neither where nor what
        raise OSError(error.errno, f"{error.strerror} while this file was written", str(path)) from error


def flush_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    Args:
        path: of the file or the folder. Windows cannot flush folders, where nothing happens.
    """
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
