"""Damaged and hostile files, seeded, and a table of what becomes of them.

    python tests/faults/fuzz --files 6000 --seed 0 --processes 2

A file may be read, or refused in one line that names it. Everything else is a defect and listed, with a number by which
`--only` makes the file again: an exception that the command line does not tell in a line (traceback), the end of the
process, more than 20 seconds of the processor, or 600 by the clock (hang), more memory than READ_LIMIT and
RESIDENT_LIMIT allow, code from the file executed; of ensembles and RUN folders, which have checksums, also content that
differs from the sound one's and is given without an error (wrong in silence).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter, deque
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import kinds
import worker

#: For one file: of the processor, and by the clock, which on a busy machine tells less.
SECONDS, SECONDS_BY_THE_CLOCK = 20, 600
FINE = ("read", "refused")
DEFECTS = ("unnamed", "traceback", "crash", "hang", "over memory", "executed", "wrong in silence")


class Reader:
    """A process that reads damaged files one after another; another is started when it ends or hangs."""

    def __init__(self, seed: int, sound: str, scratch: str) -> None:
        self._arguments = seed, sound, scratch
        Path(scratch).mkdir(exist_ok=True)
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=worker.serve, args=(theirs, *self._arguments), daemon=True)
        self._process.start()
        theirs.close()
        self.connection.recv()

    def give(self, number: int) -> None:
        """Let it read the file of this number."""
        self.number = number
        self.connection.send(number)
        self.case: tuple[str, str] = self.connection.recv()
        self._given = self._processor_seconds(), time.monotonic()

    def hangs(self) -> bool:
        """Whether the file has taken too long already."""
        used, began = self._given
        return self._processor_seconds() - used > SECONDS or time.monotonic() - began > SECONDS_BY_THE_CLOCK

    def _processor_seconds(self) -> float:
        times = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")

    def take(self) -> tuple[str, str]:
        """What became of it: outcome and message."""
        try:
            if self.connection.poll():
                found: tuple[str, str] = self.connection.recv()
                return found
            found = "hang", f"more than {SECONDS} s"
        except (EOFError, ConnectionError):
            found = "crash", "the process ended"
        self._process.kill()
        self._process.join()
        self._start()
        return found

    def stop(self) -> None:
        """End the process."""
        self.connection.send(None)
        self._process.join()


def fuzz(numbers: range, seed: int, processes: int, folder: str) -> list[tuple[int, str, str, str, str]]:
    """(number, kind, what was done, outcome, message) of each file."""
    kinds.SOUND = Path(folder) / "sound"
    kinds.SOUND.mkdir()
    for kind in kinds.KINDS:
        worker.sound_of(kind)
    readers = [Reader(seed, str(kinds.SOUND), f"{folder}/{n}") for n in range(processes)]
    waiting, found = deque(numbers), []
    busy: dict[Any, Reader] = {}
    for reader in readers:
        if waiting:
            reader.give(waiting.popleft())
            busy[reader.connection] = reader
    while busy:
        ready = wait(list(busy), timeout=1)
        hanging = [connection for connection, reader in busy.items() if connection not in ready and reader.hangs()]
        for connection in (*ready, *hanging):
            reader = busy.pop(connection)
            found.append((reader.number, *reader.case, *reader.take()))
            if len(found) % 1000 == 0:
                print(f"{len(found)} files:\n{table(found)}", file=sys.stderr, flush=True)
            if waiting:
                reader.give(waiting.popleft())
                busy[reader.connection] = reader
    for reader in readers:
        reader.stop()
    return sorted(found)


def table(found: list[tuple[int, str, str, str, str]]) -> str:
    """A row a kind, a column an outcome, in Markdown."""
    columns = ("files", *FINE, *DEFECTS)
    rows = [("kind", *columns), ("---", *["--:"] * len(columns))]
    for name in (*(kind.name for kind in kinds.KINDS), "all"):
        counts = Counter(outcome for _, kind, _, outcome, _ in found if name in (kind, "all"))
        rows.append((name, str(counts.total()), *(str(counts[column]) for column in columns[1:])))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> int:
    """Run, print, and give 1 if there is a defect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", type=int, help="make and read the file of this number, with a traceback")
    parser.add_argument("--keep", type=Path, help="with --only: the folder to make it in")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        if given.only is not None:
            return only(given.only, given.seed, Path(folder), given.keep or Path(folder) / "case")
        found = fuzz(range(given.files), given.seed, given.processes, folder)
    print(table(found))
    defects = [case for case in found if case[3] not in FINE]
    for number, kind, done, outcome, message in defects:
        print(f"{number}: {outcome}: {kind}, {done}: {message}")
    return bool(defects)


def only(number: int, seed: int, folder: Path, keep: Path) -> int:
    """Read one file, in this process."""
    kinds.SOUND = folder
    keep.mkdir(parents=True, exist_ok=True)
    kind, path, done = worker.damaged_copy(number, seed, keep)
    print(f"{path} ({kind.name}, {done})")
    print(kind.read(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
