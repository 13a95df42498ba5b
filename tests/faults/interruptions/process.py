"""A process that runs a command of pigmm, and what happens to it at a chosen moment.

A moment is a change of a file: the n-th in a part of the folder (`commands.part_of`), or some time of the processor.
Neither depends on how busy the machine is.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from commands import part_of

#: "killed": before the change; "killed, any time": after so many seconds of the processor; "file size": no file may be
#: larger from here on; "full disk": the disk of the folder is full from here on; "another process": it works in the
#: folder now, from its beginning to its end.
KINDS = ("killed", "killed, any time", "file size", "full disk", "another process")
FILL = "others"  # a file beside the folder that takes the room of a full disk

# Modules are imported once, and each process is a fork of one that has them but has not begun anything. That one finds
# modules by the environment alone.
os.environ["PYTHONPATH"] = os.pathsep.join((str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])))
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["preloaded"])


@dataclass(frozen=True)
class Fault:
    """What happens, and when.

    Args:
        kind: one of `KINDS`.
        part: of the folder, a change of which it comes before.
        number: of this change among those of the part, from 1 on.
        room: bytes that may still be written to a file, or to the disk.
        seconds: of the processor, instead of a change.
    """

    kind: str
    part: str = ""
    number: int = 0
    room: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Args:
        code: of the exit; negative by a signal.
        said: on both streams.
        reached: whether the fault happened.
        changes: of each part of the folder.
    """

    code: int
    said: str
    reached: bool
    changes: Counter[str]


def run(arguments: list[str], folder: Path, fault: Fault | None = None, meanwhile: Callable[[], Any] = int) -> Ended:
    """Run `pigmm` in a process of its own.

    Args:
        arguments: of the command.
        folder: whose changes are counted.
        fault: what happens to it.
        meanwhile: called at the moment of "another process", while the process waits.
    """
    ours, theirs = _CONTEXT.Pipe()
    said, says = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_work, args=(arguments, folder, fault, theirs, says))
    process.start()
    theirs.close(), says.close()
    reached, changes = False, Counter[str]()
    try:
        while True:
            message = ours.recv()
            if isinstance(message, Counter):
                changes = message
            else:
                reached = True
                meanwhile()
                ours.send("go on")
    except (EOFError, ConnectionError):
        pass
    text = b""
    while part := os.read(said.fileno(), 1 << 16):
        text += part
    process.join()
    assert process.exitcode is not None
    killed = process.exitcode < 0
    return Ended(process.exitcode, text.decode(errors="replace"), reached or killed, changes)


def _work(arguments: list[str], folder: Path, fault: Fault | None, connection: Connection, says: Connection) -> None:
    """What the process does."""
    sys.stdout.flush(), sys.stderr.flush()
    os.dup2(says.fileno(), 1), os.dup2(says.fileno(), 2)
    says.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from pigmm.studies.cli.main import main

    changes = Counter[str]()
    if fault is not None and fault.seconds:
        signal.setitimer(signal.ITIMER_PROF, fault.seconds)  # the signal ends a process that does not handle it
    sys.addaudithook(_Changes(folder, changes, fault, connection))
    try:
        main(arguments)
    finally:
        connection.send(changes)
        connection.close()


class _Changes:
    """Counts changes of files below a folder, and lets the fault happen before its own."""

    def __init__(self, folder: Path, counted: Counter[str], fault: Fault | None, connection: Connection) -> None:
        self._folder, self._counted = str(folder) + os.sep, counted
        self._fault, self._connection = fault, connection

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        path = _changed(event, arguments)
        if path is None or not path.startswith(self._folder):
            return
        part = part_of(path[len(self._folder) :])
        self._counted[part] += 1
        fault = self._fault
        if fault is not None and (part, self._counted[part]) == (fault.part, fault.number):
            _HAPPENS[fault.kind](fault, Path(self._folder), self._connection)


def _changed(event: str, arguments: tuple[Any, ...]) -> str | None:
    """The path of the file that is about to change; None if none is."""
    if event == "open":
        path, _, flags = arguments
        if not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return None
    elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate"):
        path = arguments[0]
    elif event == "os.rename":
        path = arguments[1]
    else:
        return None
    return None if isinstance(path, int) else os.path.abspath(os.fsdecode(path))


def _kill(fault: Fault, folder: Path, connection: Connection) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _limit_files(fault: Fault, folder: Path, connection: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (fault.room, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    _say(connection)


def _fill_disk(fault: Fault, folder: Path, connection: Connection) -> None:
    place = folder.parent / FILL
    place.write_bytes(bytes(max(0, shutil.disk_usage(folder.parent).free - fault.room)))
    _say(connection)


def _say(connection: Connection) -> None:
    """That the moment is there; and wait for what happens elsewhere."""
    connection.send("now")
    connection.recv()


_HAPPENS = {
    "killed": _kill,
    "file size": _limit_files,
    "full disk": _fill_disk,
    "another process": lambda fault, folder, connection: _say(connection),
}
