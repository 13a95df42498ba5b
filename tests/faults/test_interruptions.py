"""Interruptions at the worst moments, and what is told of a full disk."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pigmm.fitting import PIGMM
from pigmm.studies.cli import main as command_line
from pigmm.studies.runs.folder import RunFolder
from pigmm.studies.runs.kept_tables import keep_tables
from pigmm.training import EnsembleConfig, train_ensemble
from pigmm.training.store.store import EnsembleStore

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


def test_a_model_for_which_there_is_no_room_is_named(tmp_path: Path) -> None:
    model = PIGMM.iid(4, variance=1.0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="File too large while this file was written") as full:
            model.save(tmp_path / "model.json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert full.value.filename == str(tmp_path / "model.json")
    assert not (tmp_path / "model.json").exists()


@pytest.mark.parametrize("content", [b"", b"[", b"{}", b"[1, null]"])
def test_a_damaged_history_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    with RunFolder.claimed(tmp_path / "run", EnsembleConfig(networks=8)) as run:
        (run.path / "history.json").write_bytes(content)
        assert run.history == []
        with run.timed("training"):
            pass
        assert [entry["step"] for entry in run.history] == ["training"]


def test_markers_are_on_the_disk_before_they_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a marker speaks of, then the marker under its temporary name, then its new name in the folder."""
    events: list[tuple[str, str]] = []
    fsync, replace = os.fsync, Path.replace

    def recorded_fsync(descriptor: int) -> None:
        events.append(("flushed", Path(os.readlink(f"/proc/self/fd/{descriptor}")).relative_to(tmp_path).as_posix()))
        fsync(descriptor)

    def recorded_replace(file: Path, target: Path) -> Path:
        events.append(("named", target.relative_to(tmp_path).as_posix()))
        return replace(file, target)

    config = EnsembleConfig(networks=4, epochs=1, block_size=4)
    train_ensemble(config, tmp_path / "e.zarr", progress=False)
    store = EnsembleStore(tmp_path / "e.zarr", config)
    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "replace", recorded_replace)
    store.mark_finished(range(4), "")
    chunks = [("flushed", f"e.zarr/{name}") for name in store.expected_chunks()]
    assert events == [
        *chunks,
        ("flushed", "e.zarr/blocks/00000.done.partial"),
        ("named", "e.zarr/blocks/00000.done"),
        ("flushed", "e.zarr/blocks"),
    ]
    with RunFolder.claimed(tmp_path / "run", config) as run:
        events.clear()
        run.mark_finished([])
    keep_tables(tmp_path / "kept", {})
    assert events == [
        (what, f"{folder}{name}")
        for folder, marker in (("run", "finished.json"), ("kept", "done"))
        for what, name in (("flushed", f"/{marker}.partial"), ("named", f"/{marker}"), ("flushed", ""))
    ]
