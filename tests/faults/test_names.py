"""Names in files, and RUN folders from others: nothing acts in a terminal, a spreadsheet, a page or a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pigmm.studies.cli.main import main
from pigmm.studies.notation.symbols import formula_html, group_html, parameter_html
from pigmm.studies.pipeline import inputs_of_the_test, rebuild
from pigmm.studies.runs.files import read_table, write_table
from pigmm.studies.runs.folder import RunFolder
from pigmm.studies.runs.kept_tables import keep_tables, kept_tables
from pigmm.training import EnsembleConfig
from pigmm.training.store.whole_files import write_whole


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, output and errors of the command."""
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1+1", "@sum", "'=1", "\t=1"])
def test_names_are_no_formulas_of_spreadsheets(tmp_path: Path, name: str) -> None:
    table = pd.DataFrame({"ensemble": [name, "weight"], "z": [-1.5, 2.0]})
    write_table(tmp_path / "a.csv", table)
    cells = [line.split(",")[0].strip('"') for line in (tmp_path / "a.csv").read_text().splitlines()]
    assert cells == ["ensemble", f"'{name}", "weight"]
    assert (tmp_path / "a.csv").read_text().splitlines()[1].endswith(",-1.5")  # numbers stay numbers
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.csv"), table, check_dtype=False)


def test_names_in_a_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    names = ["=1+1|cmd", "\x1b[31mred\x07", "<script>alert(1)</script>", "a</script><img src=x onerror=alert(1)>"]
    file = tmp_path / "a.npz"
    np.savez(file, **{name: rng.normal(size=(20, 4, 4)) for name in names}, **{"\x1b[2Jbias": np.zeros(4)})
    code, out, err = run(capsys, "fit", file, "-o", tmp_path / "fit", "--replicates", 0)
    assert code == 0, err
    assert "\x1b" not in out + err
    assert "\\x1b[31mred\\x07" in out
    page = (tmp_path / "fit" / "report.html").read_text()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    for table in (tmp_path / "fit" / "tables").glob("*.csv"):
        for line in table.read_text().splitlines()[1:]:
            assert not line.lstrip('"').startswith("=")


def test_names_of_tensors_in_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How tensors are read is said in a terminal, and their names are below a figure."""
    file = tmp_path / "a.npz"
    np.savez(file, **{"\x1b[31mred": np.random.default_rng(0).normal(size=(8, 8)), "\x1b[2Jbias": np.zeros(4)})
    code, out, err = run(capsys, "network", file, "-o", tmp_path / "out", "--replicates", 19)
    assert code == 0, err
    assert "\x1b" not in out + err
    assert "\\x1b[*mred" in err


def test_errors_name_files_without_acting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "\x1b[31m.npy"
    file.write_bytes(b"nothing")
    code, _, err = run(capsys, "fit", file, "-o", tmp_path / "fit")
    assert code == 2
    assert err.count("\n") == 1
    assert "\\x1b[31m.npy" in err
    assert "\x1b" not in err


@pytest.mark.parametrize("write", [group_html, formula_html])
def test_symbols_escape_what_is_none(write: Callable[[str], object]) -> None:
    assert "<img" not in str(write('S_N <img src="x"> "onclick=1'))
    assert '"onclick' not in str(write('S_N <img src="x"> "onclick=1'))


@pytest.mark.parametrize("name", ["mu_<img>", "mu<b>", "mu_1_<i>", "G0_<b>"])
def test_parameters_have_names_of_parameters(name: str) -> None:
    with pytest.raises(ValueError, match="must be that of a parameter"):
        parameter_html(name)


def _interrupted(*_: object) -> str:
    raise KeyboardInterrupt


def test_planted_tables_of_an_unfinished_analysis_are_escaped(finished_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "run"
    shutil.copytree(finished_run, path)
    (path / "finished.json").unlink()
    run = RunFolder.open(path, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pigmm.studies.report.page.study_report", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            rebuild(run, progress=False)
    planted: list[str] = []
    for folder in run.partial.iterdir():
        tables = kept_tables(folder)
        assert tables is not None
        for name, table in tables.items():
            for column in {"formula"} & set(table):
                planted.append(f"{name}.{column}")
                table[column] = [f"{value} <img/src=x onerror=alert(1)>" for value in table[column]]
        keep_tables(folder, tables)
    assert planted
    rebuild(run, progress=False)
    page = run.report.read_text()
    assert "&lt;img/src=x" in page
    assert "<img/src=x" not in page


def test_a_report_neither_downloads_nor_makes_folders(finished_run: Path, tmp_path: Path) -> None:
    place = tmp_path / "made by a report"
    for dataset in ("mnist", "fashion-mnist", "cifar10"):
        config = EnsembleConfig(dataset=dataset, data_root=place, hidden=(5, 5))  # type: ignore[arg-type]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("a download was tried"))
            assert inputs_of_the_test(config, None) is None
    assert not place.exists()


@pytest.mark.parametrize("name", ["tables", "figures", "partial", "tables/comparison.csv", "lock"])
def test_a_run_with_links_is_not_written_into(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    shutil.copytree(finished_run, path)
    elsewhere.mkdir()
    (elsewhere / "mine.csv").write_text("mine")
    place = path / name
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.symlink_to(elsewhere if "." not in name and name != "lock" else elsewhere / "mine.csv")
    code, _, err = run(capsys, "report", path)
    assert code == 2
    assert f"{place} must not be a link" in err
    assert [file.name for file in elsewhere.iterdir()] == ["mine.csv"]
    assert (elsewhere / "mine.csv").read_text() == "mine"


def test_a_draft_that_is_a_link_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "a.csv.partial").symlink_to(tmp_path / "mine")
    write_whole(tmp_path / "a.csv", b"new")
    assert (tmp_path / "mine").read_text() == "mine"
    assert (tmp_path / "a.csv").read_text() == "new"


def test_a_marker_does_not_name_files_elsewhere(finished_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "run"
    shutil.copytree(finished_run, path)
    marker = json.loads((path / "finished.json").read_text())
    (path / "finished.json").write_text(json.dumps({**marker, "files": {"../../etc/passwd": 1}}))
    assert RunFolder.open(path, 0).damaged_results() is None
