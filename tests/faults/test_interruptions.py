"""Interruptions at the worst moments, and what is told of a full disk."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from pigmm.studies.cli import main as command_line
from pigmm.studies.runs.folder import RunFolder
from pigmm.training import EnsembleConfig

# Sends Ctrl-C to itself when a module is looked for.
PROGRAM = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
wanted = sys.argv[1]

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from pigmm.studies.cli.entry import main
sys.argv = ["pigmm", "fit", "missing.npy", "--output", "fit"]
main()
"""


@pytest.mark.parametrize("module", ["pigmm.studies.cli.main", "typer", "numpy"])
def test_interrupted_while_importing(module: str, tmp_path: Path) -> None:
    found = subprocess.run([sys.executable, "-c", PROGRAM, module], cwd=tmp_path, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (130, "")
    assert found.stderr == "interrupted: the same command goes on from here\n"


def test_a_full_disk_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(**options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device while this file was written", str(tmp_path / "a.csv"))

    monkeypatch.setattr(command_line, "app", full)
    with pytest.raises(SystemExit) as left:
        command_line.main([])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert str(tmp_path / "a.csv") in said
    assert said.endswith("; make room, and the same command goes on\n")


@pytest.mark.parametrize("content", [b"", b"[", b"{}", b"[1, null]"])
def test_a_damaged_history_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    with RunFolder.claimed(tmp_path / "run", EnsembleConfig(networks=8)) as run:
        (run.path / "history.json").write_bytes(content)
        assert run.history == []
        with run.timed("training"):
            pass
        assert [entry["step"] for entry in run.history] == ["training"]
