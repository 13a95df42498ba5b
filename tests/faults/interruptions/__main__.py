"""Commands that are killed, find a full disk or another process at any moment; and a table of what becomes of them.

    python tests/faults/interruptions --chains 120 --pairs 30 --seed 0

A chain is one folder: the command is begun, interrupted at some moment, given again, interrupted again and so on, until
it is left to end. A seed and a number make the same chain again (`--only NUMBER`). In the end everything in the folder
must be what the command makes without an interruption, but for times: then all tries of the chain survived. Defects:
a command that does not go on (stuck), a full disk or a refusal that is not told in one line that names a file
(not told), a file that is left and belongs to nothing (left behind), other results (wrong in silence).

A pair is two processes that begin in one new folder at nearly the same time, of the same options or of others. One of
them at least comes to its end; the folder must hold what it makes alone, and the other is refused in one line or finds
it done.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from commands import PARTS, Command, commands, results
from process import FILL, Ended, Fault, run

OUTCOMES = ("survived", "stuck", "not told", "left behind", "wrong in silence")

# A disk of its own for the folders; a user who is not root has to become it in a namespace of users first.
_MOUNT = 'mount -t tmpfs -o size=100m tmpfs "$1" && shift && exec "$@"'
_NAMESPACES = (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"])


class Try(NamedTuple):
    """One interruption: of what, how, where, and what became of it."""

    chain: int
    command: str
    fault: str
    part: str
    outcome: str
    message: str


class Suite:
    """Chains in one folder, one after another.

    Args:
        place: a new folder.
        seed: of all chains.
        small_disk: whether the folder lies on a disk that may be filled.
    """

    def __init__(self, place: Path, seed: int, small_disk: bool) -> None:
        self._folder, inputs = place / "case", place / "inputs"
        inputs.mkdir()
        self._seed, self._small_disk = seed, small_disk
        self.commands = commands(inputs)
        self._known: dict[tuple[Command, tuple[str, ...]], tuple[dict[str, bytes], Ended]] = {}

    def chain(self, number: int) -> list[Try]:
        """The tries of one chain: of interruptions, or of another process in the folder."""
        rng = np.random.default_rng([self._seed, number])
        kinds = len(self.commands) * 2
        command = self.commands[number % kinds % len(self.commands)]
        if number % kinds < len(self.commands):
            return self._interrupted(command, number, rng)
        return self._with_another(command, number, rng)

    def pair(self, number: int) -> list[Try]:
        """Two processes that begin together; which is the first is left to chance."""
        command = self.commands[number % len(self.commands)]
        alike = number // len(self.commands) % 2 == 0
        given = command.arguments, command.arguments if alike else command.others
        known = {arguments: self._uninterrupted(command, arguments)[0] for arguments in given}
        later = np.random.default_rng([self._seed, number]).uniform(0, 0.5)
        self._clear()

        def begin(arguments: tuple[str, ...], after: float) -> Ended:
            time.sleep(after)
            return self._run(replace(command, arguments=arguments))

        with ThreadPoolExecutor(2) as pool:
            ended = list(pool.map(begin, given, (0.0, later)))
        untold = _untold(*(found for found in ended if found.code != 0 and not self._is_told(found)))
        done = [arguments for arguments, found in zip(given, ended, strict=True) if found.code == 0]
        if done:
            outcome = self._judged(command, done[0], known[done[0]], again=False)
        else:
            outcome = "stuck", " ".join(found.said[-300:] for found in ended)
        name = "begun together" if alike else "begun together, other options"
        return [Try(number, command.name, name, "any", *_worst(untold, *outcome))]

    def _interrupted(self, command: Command, number: int, rng: np.random.Generator) -> list[Try]:
        expected, ended = self._uninterrupted(command, command.arguments)
        self._clear()
        tries: list[tuple[Fault, str]] = []
        for fault in self._faults(command, ended.changes, rng):
            found = self._run(command, fault)
            (self._folder.parent / FILL).unlink(missing_ok=True)
            if not found.reached:
                break
            told = found.code <= 0 or self._is_told(found, "goes on")
            tries.append((fault, "" if told else _untold(found)))
        outcome, message = self._judged(command, command.arguments, expected)
        return [
            Try(number, command.name, fault.kind, fault.part or "any", *_worst(untold, outcome, message))
            for fault, untold in tries
        ]

    def _faults(self, command: Command, changes: Counter[str], rng: np.random.Generator) -> list[Fault]:
        """Some in the order of the parts that they are in, and perhaps one at any time."""
        kinds = ("killed", "file size", *(("full disk",) if self._small_disk else ()))
        parts = sorted(rng.choice(command.parts, size=rng.integers(2, 6)), key=PARTS.index)
        faults = []
        for part in parts:
            number = int(rng.integers(1, changes[part] + 1))
            faults.append(Fault(str(rng.choice(kinds)), str(part), number, room=int(rng.choice([0, 100, 3000, 30000]))))
        if rng.random() < 0.5:
            seconds = float(np.exp(rng.uniform(np.log(0.05), np.log(20.0))))
            faults.insert(int(rng.integers(len(faults) + 1)), Fault("killed, any time", seconds=seconds))
        return faults

    def _with_another(self, command: Command, number: int, rng: np.random.Generator) -> list[Try]:
        """One process waits at some moment until the other, of the same or of other options, has come to its end."""
        other = command.others if rng.random() < 0.5 else command.arguments
        _, ended = self._uninterrupted(command, command.arguments)
        part = str(rng.choice(command.parts))
        fault = Fault("another process", part, int(rng.integers(1, ended.changes[part] + 1)))
        self._clear()
        seconds: list[Ended] = []
        first = self._run(command, fault, lambda: seconds.append(self._run(replace(command, arguments=other))))
        (second,) = seconds
        untold = _untold(*(found for found in (first, second) if found.code != 0 and not self._is_told(found)))
        last = command.arguments if first.code == 0 else other
        if 0 not in (first.code, second.code):
            outcome = "stuck", f"both are refused: {first.said[-300:]} {second.said[-300:]}"
        else:
            outcome = self._judged(command, last, self._uninterrupted(command, last)[0], again=False)
        name = "another process" if other == command.arguments else "another process, other options"
        return [Try(number, command.name, name, part, *_worst(untold, *outcome))]

    def _judged(
        self, command: Command, arguments: tuple[str, ...], expected: dict[str, bytes], again: bool = True
    ) -> tuple[str, str]:
        """What the folder is after the command was given once more, if `again`, and left to end."""
        if again and (last := self._run(replace(command, arguments=arguments))).code != 0:
            return "stuck", last.said[-400:]
        found = results(command, self._folder)
        if wrong := sorted(name for name in expected if found.get(name) != expected[name]):
            return "wrong in silence", ", ".join(wrong[:5])
        if more := sorted(found.keys() - expected.keys()):
            return "left behind", ", ".join(more[:5])
        return "survived", ""

    def _uninterrupted(self, command: Command, arguments: tuple[str, ...]) -> tuple[dict[str, bytes], Ended]:
        """What a command makes, and how many changes of files that takes."""
        if (command, arguments) not in self._known:
            self._clear()
            ended = self._run(replace(command, arguments=arguments))
            assert ended.code == 0, ended.said
            self._known[command, arguments] = results(command, self._folder), ended
        return self._known[command, arguments]

    def _run(self, command: Command, fault: Fault | None = None, meanwhile=int) -> Ended:
        return run(command.line(self._folder), self._folder, fault, meanwhile)

    def _is_told(self, ended: Ended, advice: str = "") -> bool:
        """Whether the last line is an error that names a file in the folder, and nothing is a traceback."""
        last = ended.said.splitlines()[-1:] or [""]
        named = last[0].startswith("error: ") and str(self._folder) in last[0] and advice in last[0]
        return ended.code == 2 and named and "Traceback" not in ended.said

    def _clear(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()


def _untold(*ended: Ended) -> str:
    """What processes said that end without a line which names the fault; empty if there are none."""
    return " ".join(found.said[-400:] for found in ended)


def _worst(untold: str, outcome: str, message: str) -> tuple[str, str]:
    """Of what became of a chain, and a message that one of its tries did not give."""
    return ("not told", untold) if untold and outcome == "survived" else (outcome, message)


def table(tries: list[Try]) -> str:
    """A row for each command, fault and part, in Markdown, and one for all."""
    columns = ("command", "fault", "in", "tries", *OUTCOMES)
    rows = [columns, ("---", "---", "---", *["--:"] * (len(columns) - 3))]
    order = sorted({found[1:4] for found in tries}, key=lambda row: (row[0], row[1], (*PARTS, "any").index(row[2])))
    for row in (*order, ("all", "", "")):
        counts = Counter(found.outcome for found in tries if row[0] == "all" or found[1:4] == row)
        rows.append((*row, str(counts.total()), *(str(counts[outcome]) for outcome in OUTCOMES)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def on_a_small_disk(place: Path) -> None:
    """Begin this program anew in a namespace where `place` is a disk of its own; return if none may be mounted."""
    for namespace in _NAMESPACES:
        prefix = [*namespace, "sh", "-c", _MOUNT, "sh", str(place)]
        if shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            os.execvp(prefix[0], [*prefix, sys.executable, *sys.argv, "--small-disk", str(place)])


def main() -> int:
    """Run, print, and give 1 if there is a defect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", type=int, default=120)
    parser.add_argument("--pairs", type=int, default=30, help="of processes that begin together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, nargs="*", help="the chains of these numbers")
    parser.add_argument("--small-disk", type=Path, help="a folder on a disk of its own that may be filled")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        if given.small_disk is None:
            on_a_small_disk(Path(folder))
        suite = Suite(given.small_disk or Path(folder), given.seed, given.small_disk is not None)
        tries: list[Try] = []
        numbers = range(given.chains) if given.only is None else given.only
        chains = (("chain", number, suite.chain) for number in numbers)
        pairs = (("pair", number, suite.pair) for number in range(given.pairs))
        for name, number, tried in (*chains, *pairs):
            tries += (found := tried(number))
            listed = "; ".join(f"{one.command}, {one.fault} in {one.part}: {one.outcome}" for one in found)
            print(f"{name} {number}: {listed}", file=sys.stderr, flush=True)
    print(table(tries))
    defects = [found for found in tries if found.outcome != "survived"]
    for found in defects:
        print(f"{found.chain}: {found.outcome}: {found.command}, {found.fault} in {found.part}: {found.message}")
    return bool(defects)


if __name__ == "__main__":
    sys.exit(main())
