"""A process that reads damaged files, within limits that the table counts against."""

from __future__ import annotations

import os
import resource
import shutil
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import kinds
import numpy as np

#: What the readers may take for one file (PIGMM_READ_LIMIT), and what may be resident in all beside the process itself.
READ_LIMIT, RESIDENT_LIMIT = 64 * 10**6, 256 * 10**6
_ADDRESSES = 3 * 10**9  # beyond that, allocations fail


def damaged_copy(number: int, seed: int, folder: Path) -> tuple[kinds.Kind, Path, str]:
    """The file number `number` of a seed, written into an empty folder.

    Returns:
        Its kind, its path, and what was done to it.
    """
    kind = kinds.KINDS[number % len(kinds.KINDS)]
    rng = np.random.default_rng([seed, number])
    path = folder / f"a{kind.suffix}"
    sound = sound_of(kind)
    if sound.is_dir():
        shutil.copytree(sound, path)
    else:
        shutil.copy(sound, path)
    damage = kind.damages[rng.integers(len(kind.damages))]
    return kind, path, damage(rng, path, str(folder / "executed"))


def sound_of(kind: kinds.Kind) -> Path:
    """The sound file of a kind, made if it is not there."""
    assert kinds.SOUND is not None
    path: Path = kinds.SOUND / str(kinds.KINDS.index(kind)) / f"a{kind.suffix}"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        kind.make(path)
    return path


def outcome(kind: kinds.Kind, path: Path) -> tuple[str, str]:
    """What becomes of reading a file, and the message."""
    try:
        content = kind.read(path)
    except (ValueError, OSError) as error:
        line = " ".join(str(error).split())
        return ("refused" if str(path) in line else "unnamed"), line[:300]
    except BaseException as error:
        return "traceback", repr(error)[:300]
    if kind.checksummed:
        sound = kind.read(sound_of(kind))
        if wrong := [name for name, value in content.items() if not _same(value, sound.get(name))]:
            return "wrong in silence", ", ".join(map(str, wrong))
    return "read", ""


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.shape(one) == np.shape(other) and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other)


def serve(connection: Connection, seed: int, sound: str, scratch: str) -> None:
    """Read the files whose numbers come through the connection; answer with kind, damage, outcome and message."""
    kinds.SOUND = Path(sound)
    os.environ["PIGMM_READ_LIMIT"] = str(READ_LIMIT)
    warnings.simplefilter("ignore")
    for kind in kinds.KINDS:
        kind.read(sound_of(kind))  # imports what it needs
    limit = _status("VmSize") + _ADDRESSES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    connection.send(None)
    while (number := connection.recv()) is not None:
        folder = Path(scratch) / "case"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        kind, path, done = damaged_copy(number, seed, folder)
        connection.send((kind.name, done))
        connection.send(judged(kind, path))


def judged(kind: kinds.Kind, path: Path) -> tuple[str, str]:
    """What becomes of reading a file, its memory and what it executes included; and the message."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = _status("VmRSS")
    found, message = outcome(kind, path)
    if (peak := _status("VmHWM") - before) > RESIDENT_LIMIT:
        found, message = "over memory", f"{peak / 1e6:.0f} MB"
    return ("executed" if (path.parent / "executed").exists() else found), message


def _status(name: str) -> int:
    """A size of this process, in bytes, as Linux counts it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
