"""The commands that are interrupted, the parts of the folders that they write, and what these must hold in the end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pigmm.studies.runs.folder import RunFolder
from pigmm.studies.runs.verify import verify_run

OUTPUT = "output"

#: Parts of a folder in the order in which they are written first.
PARTS = ("folder", "training", "analysis", "tables", "models", "figures", "page", "marker")
_PARTS = {
    "ensemble.zarr": "training",
    "partial": "analysis",
    "tables": "tables",
    "models": "models",
    "figures": "figures",
    "report.html": "page",
    "finished.json": "marker",
}

# what differs between two runs of a command, and is no result; the time of a step is missing where there was no room to
# note it
_NO_RESULTS = re.compile(r"(.*/)?(lock|\.\w+\.lock|history\.json|finished\.json)")
_TIMES = re.compile(rb"\d+ \w+ \d{4}, \d\d:\d\d UTC|<dt>(?:started|time of \w+)</dt><dd>[^<]*</dd>\s*")


@dataclass(frozen=True)
class Command:
    """A command that writes a folder.

    Args:
        name: in the table.
        arguments: after the folder's option.
        others: the same command with other options, for another process in the same folder.
        parts: of the folder in which it is interrupted.
    """

    name: str
    arguments: tuple[str, ...]
    others: tuple[str, ...]
    parts: tuple[str, ...]

    def line(self, folder: Path, arguments: tuple[str, ...] | None = None) -> list[str]:
        """What is given to `pigmm`, to write into a folder of cases."""
        output = str(folder / OUTPUT)
        given = [self.name, *(arguments or self.arguments)]
        return [*given, output] if self.name == "study" else [*given, "--output", output]


def commands(inputs: Path) -> tuple[Command, ...]:
    """The commands, whose input files are made in a folder."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        np.save(inputs / f"{name}.npy", rng.normal(size=(20, 4, 4)))
        np.savez(inputs / f"{name}.npz", **{f"{k}.weight": rng.normal(size=(6, 6)) for k in range(2)})
    a, b = (str(inputs / name) for name in "ab")
    study = "--hidden 5,5 --networks 12 --epochs 1 --block-size 4 --replicates 0"
    few = ("--replicates", "0")
    return (
        Command(
            "study",
            tuple(study.split()),
            tuple(f"{study} --initialisation uniform".split()),
            ("folder", "training", "analysis", "tables", "figures", "page", "marker"),
        ),
        Command("fit", (f"{a}.npy", *few), (f"{b}.npy", *few), ("folder", "tables", "models", "figures", "page")),
        Command("network", (f"{a}.npz", *few), (f"{b}.npz", *few), ("folder", "tables", "figures", "page")),
    )


def part_of(path: str) -> str:
    """Which part of a folder a path below the folder of cases belongs to.

    >>> part_of("output/tables/a.csv.partial"), part_of(".output.partial/report.html"), part_of("output/lock")
    ('tables', 'page', 'folder')
    """
    names = path.split("/")[1:2]
    return next((part for name, part in _PARTS.items() if names and name in names[0]), "folder")


def results(command: Command, folder: Path) -> dict[str, bytes]:
    """Every file in a folder of cases that a command has to make the same however often it was interrupted.

    A study's marker must say that it is finished, and its files must match their checksums.
    """
    if command.name == "study":
        run = RunFolder.open(folder / OUTPUT, replicates=0)
        if not run.is_finished or verify_run(run.path).damaged:
            return {}
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    return {name: _TIMES.sub(b"", file.read_bytes()) for name, file in files.items() if not _NO_RESULTS.fullmatch(name)}
