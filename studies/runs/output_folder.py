"""The folder that a command writes: claimed before the work, held by one process, put in its place whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ...training.store.limits import read_json
from .files import file_name, write_text
from .provenance import package_version

_LONGEST = 60  # characters of a name of a file, which may have four bytes each


@contextmanager
def output_folder(output: Path, command: str, paths: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Path]:
    """Give a new folder to write into, which becomes `output` when the body ends without an error.

    What the command has made of the same paths before stays there until then. The lock is a file beside the folder,
    which stays behind.

    Args:
        output: a folder that does not exist, an empty one, or the output of the same command for the same paths.
        command: its name, such as "fit"; the file `fit.json` in the folder says that it is one's output.
        paths: the input.
        options: noted in the folder besides the paths.

    Yields:
        The folder to write into.

    Raises:
        ValueError: the folder is something else, or another process is writing it.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with output_folder(Path(folder) / "fit", "fit", [Path("a.npy")], {"kind": None}) as draft:
    ...         write_text(draft / "report.html", "whole")
    ...     sorted(file.name for file in (Path(folder) / "fit").iterdir())
    ['fit.json', 'report.html']
    """
    place = output.resolve()
    draft, old = (place.with_name(f".{place.name}.{ending}") for ending in ("partial", "old"))
    inputs = [str(path.resolve()) for path in paths]
    note = {"made by": f"pigmm {command} {package_version()}", "paths": inputs, **options}
    _check(output, command, inputs)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(place.with_name(f".{place.name}.lock"), timeout=0):
            if old.exists() and not place.exists():  # left between the two renamings below
                old.rename(place)
            _check(output, command, inputs)
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            try:
                write_text(draft / f"{command}.json", json.dumps(note, indent=1) + "\n")
                yield draft
                shutil.rmtree(old, ignore_errors=True)
                if place.exists():
                    place.rename(old)
                draft.rename(place)
                shutil.rmtree(old, ignore_errors=True)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except Timeout:
        raise ValueError(f"another process writes {output}: wait for it, or give another folder by --output") from None


def _check(output: Path, command: str, inputs: list[str]) -> None:
    """Raise ValueError unless the folder is free, or holds what the command made of the same input."""
    if not output.exists():
        return
    if not output.is_dir():
        raise ValueError(f"{output} must be a folder, but it is a file")
    if not any(output.iterdir()):
        return
    try:
        note = read_json(output / f"{command}.json")
        own = note["made by"].startswith(f"pigmm {command}")
        earlier = [str(Path(path).resolve()) for path in note["paths"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        own, earlier = False, []
    if not own:
        raise ValueError(
            f"{output} is not empty and not the output of `pigmm {command}`: give another folder by --output"
        )
    if earlier != inputs:
        raise ValueError(
            f"{output} holds the {command} of other input, {_shortened(earlier)}: give another folder by --output"
        )


def _shortened(paths: list[str]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Choose a name of a file for each name, all different, also where capitals do not count.

    Args:
        names: all different.

    Returns:
        File names by name.

    >>> file_names(["a b", "a_b", "A/B"])
    {'a b': 'a_b', 'a_b': 'a_b_2', 'A/B': 'A_B_3'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        base = candidate = file_name(name)[:_LONGEST]
        number = 1
        while candidate.lower() in taken:
            number += 1
            candidate = f"{base}_{number}"
        taken.add(candidate.lower())
        found[name] = candidate
    return found
