"""Progress goes to standard error: a bar on a terminal, now and then a line elsewhere, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pigmm.training import EnsembleConfig, progress, train_ensemble


def test_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.console_progress() as report:
        report(100, 400)
        report(200, 400)
        monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
        report(300, 400)
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first == "training: 100 of 400 network-epochs"
    assert second.startswith("training: 300 of 400 network-epochs, ")
    assert ", 0/s" not in second


def test_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    with progress.console_progress() as report:
        for done in (0, 100, 400):
            report(done, 400)
    err = capsys.readouterr().err
    assert "400/400 network-epochs" in err
    assert "training" in err


def test_silence(small: EnsembleConfig, store_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    train_ensemble(small, store_path, progress=False)
    assert capfd.readouterr() == ("", "")
