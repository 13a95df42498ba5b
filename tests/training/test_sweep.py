"""Several ensembles: one store each, gone on with after an interruption, and how far they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr

from pigmm.training import EnsembleConfig, progress, train_ensemble, train_ensembles


@pytest.fixture
def sweep() -> dict[str, EnsembleConfig]:
    return {f"width {width}": EnsembleConfig(hidden=(width, width), networks=4, epochs=2) for width in (4, 6, 8)}


def test_interrupted_and_resumed(sweep: dict[str, EnsembleConfig], tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []

    def interrupt(name: str, done: int, total: int) -> None:
        calls.append((name, done, total))
        if (name, done) == ("width 6", 4):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_ensembles(sweep, tmp_path, interrupt)
    assert calls == [*(("width 4", done, 8) for done in (0, 4, 8)), *(("width 6", done, 8) for done in (0, 4))]

    calls.clear()
    ensembles = train_ensembles(sweep, tmp_path, lambda *call: calls.append(call))
    assert [call[0] for call in calls] == ["width 6"] * 3 + ["width 8"] * 3
    assert list(ensembles) == list(sweep)
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.zarr" for name in sweep}
    for name, ensemble in ensembles.items():
        assert ensemble.identical(xr.open_zarr(tmp_path / f"{name}.zarr"))
        assert ensemble.identical(train_ensemble(sweep[name], tmp_path / "alone" / name, progress=False))


def test_a_contradiction_shows_before_the_first_is_trained(sweep: dict[str, EnsembleConfig], tmp_path: Path) -> None:
    train_ensemble(sweep["width 8"].model_copy(update={"seed": 1}), tmp_path / "width 8.zarr", progress=False)
    with pytest.raises(ValueError, match=r"width 8\.zarr was made with another configuration: seed"):
        train_ensembles(sweep, tmp_path, progress=False)
    with pytest.raises(ValueError, match="engine: 'numba' requires"):
        train_ensembles(sweep | {"width 8": EnsembleConfig(bias=True, engine="numba")}, tmp_path / "b", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["width 8.zarr"]


@pytest.mark.parametrize("name", ["", "a/b", ".", "/a"])
def test_names_are_those_of_files(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="configs: a name must be that of a file"):
        train_ensembles({name: EnsembleConfig()}, tmp_path)


def test_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    with progress.table_progress({"[4]": 300, "wide": 400, "wider": 500}, ["wide", "wider"]) as report:
        report("wide", 100, 400)
        report("wide", 400, 400)
    lines = [line for line in capsys.readouterr().err.splitlines() if "network-epochs" in line][-3:]
    for line, name, count in zip(lines, ("[4]", "wide", "wider"), ("300/300", "400/400", "0/500"), strict=True):
        assert name in line
        assert f"{count} network-epochs" in line


def test_lines_where_there_is_no_terminal(
    sweep: dict[str, EnsembleConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_ensemble(sweep["width 4"], tmp_path / "width 4.zarr", progress=False)
    train_ensembles(sweep, tmp_path)
    assert capsys.readouterr().err.splitlines() == [
        "training width 6: 0 of 8 network-epochs",
        "training width 8: 0 of 8 network-epochs",
    ]
