"""The fuzzer's short form: some hundreds of damaged files of every kind. `make faults` runs the long one."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FUZZ = Path(__file__).parent / "fuzz"


def test_damaged_files_are_read_or_refused_in_a_line() -> None:
    command = [sys.executable, str(FUZZ), "--files", "210", "--seed", "5", "--processes", "1"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "| all | 210 |" in found.stdout


def _executes(path: Path) -> dict[str, Any]:
    os.mkdir(path.parent / "executed")
    return {}


def _raises(path: Path) -> dict[str, Any]:
    raise KeyError("x")


def _does_not_name_the_file(path: Path) -> dict[str, Any]:
    raise ValueError("something is wrong")


def _refuses(path: Path) -> dict[str, Any]:
    raise ValueError(f"{path} is damaged")


def _takes_memory(path: Path) -> dict[str, Any]:
    return {"x": b"1" * 300_000_000}


def _believes_it(path: Path) -> dict[str, Any]:
    return {"x": path.read_bytes()}


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (_executes, "executed"),
        (_raises, "traceback"),
        (_does_not_name_the_file, "unnamed"),
        (_refuses, "refused"),
        (_takes_memory, "over memory"),
        (_believes_it, "wrong in silence"),
    ],
)
def test_the_fuzzer_sees_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], dict[str, Any]], expected: str
) -> None:
    monkeypatch.syspath_prepend(str(FUZZ))
    kinds, worker = importlib.import_module("kinds"), importlib.import_module("worker")
    monkeypatch.setattr(kinds, "SOUND", tmp_path)
    kind = kinds.Kind("test", "", lambda path: path.write_bytes(b"sound"), read, (), checksummed=True)
    monkeypatch.setattr(kinds, "KINDS", (kind,))
    worker.sound_of(kind)
    path = tmp_path / "case" / "a"
    path.parent.mkdir()
    path.write_bytes(b"damaged")
    assert worker.judged(kind, path)[0] == expected
