"""`pigmm verify` finds every kind of damage; what another ensemble left is not taken for this one's."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from pigmm.studies.runs.folder import RunFolder
from pigmm.studies.runs.kept_tables import keep_tables, kept_tables
from pigmm.studies.runs.verify import verify_run
from pigmm.studies.user_data.read import read_matrices
from pigmm.training import EnsembleConfig
from pigmm.training.store.lock import exclusive

CHUNK = "ensemble.zarr/weight_1/c/0/0/0/0"


def _flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _with_nan(file: Path) -> None:
    file.write_bytes(struct.pack("<f", float("nan")) + file.read_bytes()[4:])


DAMAGES: dict[str, Callable[[Path], None]] = {
    "flipped": _flipped,
    "NaN": _with_nan,
    "deleted": lambda file: file.unlink(),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:-7]),
    "prolonged": lambda file: file.write_bytes(file.read_bytes() + b"0"),
}


def test_a_sound_run_has_no_damage(finished_run: Path) -> None:
    found = verify_run(finished_run)
    assert found.damaged == ()
    assert "networks: 24 of 24 are trained" in found.sound[0]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [CHUNK, "ensemble.zarr/zarr.json", "tables/parameters.csv", "report.html"])
def test_damage_is_named(finished_run: Path, tmp_path: Path, name: str, damage: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    DAMAGES[damage](run / name)
    (line,) = verify_run(run).damaged
    assert line.startswith(str(run / name))


@pytest.mark.parametrize("read", [RunFolder.open, lambda run: read_matrices([run]), verify_run])
def test_a_configuration_of_other_networks_is_refused(
    finished_run: Path, tmp_path: Path, read: Callable[[Path], object]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    config = EnsembleConfig.model_validate_json((run / "config.json").read_bytes())
    other = config.model_copy(update={"initialisation": "uniform"})
    (run / "config.json").write_text(other.model_dump_json())
    with pytest.raises(ValueError, match=r"config.json is not the configuration of the ensemble .*initialisation"):
        read(run)


def test_a_refused_second_process_changes_nothing(finished_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    before = (run / "config.json").read_bytes()
    other = EnsembleConfig(hidden=(5, 5), networks=48, epochs=1, block_size=12, seed=3)
    with exclusive(run / "lock"), pytest.raises(BlockingIOError), RunFolder.claimed(run, other):
        pass
    assert (run / "config.json").read_bytes() == before


def test_tables_of_an_unfinished_analysis_belong_to_one_ensemble(finished_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    there = RunFolder.open(run, 0)
    chunk = run / "ensemble.zarr" / "blocks" / "00000.done"
    partial = there.partial
    assert partial == RunFolder.open(run, 0).partial
    chunk.unlink()
    assert there.partial != partial  # of an ensemble with other networks


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_cut_table_of_an_unfinished_analysis_is_not_used(finished_run: Path, tmp_path: Path, damage: str) -> None:
    from pigmm.studies.runs.files import read_table

    keep_tables(tmp_path / "kept", {"parameters": read_table(finished_run / "tables" / "parameters.csv")})
    assert kept_tables(tmp_path / "kept") is not None
    DAMAGES[damage](tmp_path / "kept" / "parameters.csv")
    assert kept_tables(tmp_path / "kept") is None
