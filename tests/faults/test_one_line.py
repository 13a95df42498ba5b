"""A store with several faults: the first is said, and nothing of the others comes after it."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
import zarr

from pigmm.studies.cli import main as command_line


def test_a_store_with_several_faults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=3)
    for number in range(4):
        group.create_array(f"a{number}", data=np.zeros((6, 4, 4)))
    (path / "a0" / "zarr.json").write_text("3")
    for number in (1, 2, 3):
        (path / f"a{number}" / "zarr.json").unlink()
    with pytest.raises(SystemExit) as left:
        command_line.main(["fit", str(path), "--output", str(tmp_path / "fit")])
    gc.collect()  # asyncio speaks when what nobody waits for any more is removed
    said = capsys.readouterr().err
    assert (left.value.code, said.count("\n")) == (2, 1)
    assert str(path) in said
    assert [record.getMessage() for record in caplog.records] == []
