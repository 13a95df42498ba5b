"""The cache of compiled code: damaged or stale files are never run, and a cache that cannot be written stops nobody."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numba
import pytest

from pigmm.simd import compiled as module
from pigmm.simd.compiled import compiled


def twice(x: float) -> float:
    return x + x


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    module._warn_once.cache_clear()
    return tmp_path / "cache"


def hits() -> int:
    """Compile and run the function as a new process would; how often it came from the cache."""
    function: Any = compiled(twice)
    assert function(2.5) == 5.0
    return sum(function.stats.cache_hits.values())


def test_compiled_once(folder: Path) -> None:
    assert [hits(), hits(), hits()] == [0, 1, 1]
    assert len([file for file in folder.rglob("*") if file.is_file()]) == 1


def flipped(content: bytes) -> bytes:
    place = random.Random(len(content)).randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "digest only": lambda content: content[:32],
    "truncated": lambda content: content[:-1],
    "half": lambda content: content[: len(content) // 2],
    "longer": lambda content: content + b"\0",
    "flipped": flipped,
    "flipped digest": lambda content: bytes([content[0] ^ 128]) + content[1:],
    "random": lambda content: random.Random(0).randbytes(len(content)),
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_files_are_replaced(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    hits()
    (file,) = folder.glob("*/*.code")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert [hits(), hits()] == [0, 1]
    assert len(list(folder.glob("*/*"))) == 1


def test_other_sources_are_compiled_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hits()
    monkeypatch.setattr(module, "_fingerprint", lambda folder: b"of changed sources")
    assert [hits(), hits()] == [0, 1]


def test_a_file_in_the_place_of_the_cache(folder: Path) -> None:
    folder.write_text("a file, so that no folder can be made")
    with pytest.warns(RuntimeWarning, match="compiled code cannot be kept in .*cache") as warned:
        assert [hits(), hits()] == [0, 0]
    assert len(warned) == 1


def test_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half_written(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", half_written)
    with pytest.warns(RuntimeWarning, match="No space left on device"):
        assert hits() == 0
    assert not list(folder.glob("*/*"))


EVALUATES = """
import numpy as np
from pigmm.invariants import evaluate, multigraphs
print(evaluate(np.arange(32.0).reshape(2, 4, 4) % 7, multigraphs(1)).sum())
"""

COMPILES = """
from pigmm.simd.compiled import compiled

@compiled
def twice(x):
    return x + x

@compiled
def thrice(x):
    return twice(x) + x

print(thrice(2.5))
"""


def run(program: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, program], env=os.environ | environment, capture_output=True, text=True, check=True
    )


def test_kernels_of_invariants_survive_damage(folder: Path, tmp_path: Path) -> None:
    (program := tmp_path / "program.py").write_text(EVALUATES)
    first = run(program, NUMBA_CACHE_DIR=str(folder))
    files = sorted(folder.glob("*/*.code"))
    assert any(file.parent.name.startswith("lanes-") and file.name.startswith("loops.run") for file in files)
    whole = {file: file.read_bytes() for file in files}
    for file, damage in zip(files, cycle(DAMAGES.values()), strict=False):
        file.write_bytes(damage(whole[file]))
    second = run(program, NUMBA_CACHE_DIR=str(folder))
    assert (second.stdout, second.stderr) == (first.stdout, "")
    assert sorted(folder.glob("*/*.code")) == files


def test_no_place_for_a_cache(tmp_path: Path) -> None:
    """Neither the folder that was asked for nor the home can be written: one warning and the right result."""
    (program := tmp_path / "program.py").write_text(COMPILES)
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "below")
    for environment in (
        {"NUMBA_CACHE_DIR": nowhere},
        {"NUMBA_CACHE_DIR": "", "HOME": nowhere, "XDG_CACHE_HOME": nowhere},
    ):
        done = run(program, **environment)
        assert done.stdout == "7.5\n"
        assert done.stderr.count("RuntimeWarning: compiled code cannot be kept") == 1
