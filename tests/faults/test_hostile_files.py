"""Members of archives and tensors of checkpoints that are no plain matrices: one line that names file and variable."""

from __future__ import annotations

import os
import re
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from pigmm.fitting import BlockGaussian, SufficientStatistics
from pigmm.studies.cli import main as command_line
from pigmm.studies.runs.folder import RunFolder
from pigmm.studies.user_data.formats import torch_checkpoints
from pigmm.studies.user_data.read import read_matrices

MATRICES = np.random.default_rng(0).normal(size=(6, 4, 4))


def refusal(path: Path) -> str:
    with pytest.raises(ValueError, match=re.escape(str(path))) as refused:
        read_matrices([path])
    line = str(refused.value)
    assert "\n" not in line
    return line


def _flagged(path: Path, bit: int) -> None:
    """Set a bit of the flags of the member, where it stands and in the directory."""
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.index(signature) + offset
        content[place : place + 2] = struct.pack("<H", struct.unpack_from("<H", content, place)[0] | bit)
    path.write_bytes(content)


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=MATRICES)
    _flagged(path, 1)
    assert refusal(path) == f"{path}, x: is encrypted"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_of_other_compressions(tmp_path: Path, method: int) -> None:
    np.save(tmp_path / "x.npy", MATRICES)
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.write(tmp_path / "x.npy", "x.npy")
    assert refusal(path) == f"{path}, x: must be stored or deflated, as numpy does, got method {method} of compression"


def test_a_member_that_is_no_array(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "words")
    assert refusal(path) == f"{path}, notes.txt: is no array of numpy's: its first bytes are others"


def _quantised() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that it will drop the type
        return torch.quantize_per_tensor(torch.zeros(6, 4, 4), 0.1, 0, torch.qint8)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: torch.zeros(6, 4, 4).to_sparse(), "sparse"),
        (lambda: torch.zeros(4, 4).to_sparse_csr(), "sparse"),
        (_quantised, "quantised"),
        (lambda: torch.zeros(6, 4, 4, device="meta"), "meta"),
    ],
)
@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")  # of CSR: torch calls it beta
def test_tensors_without_plain_entries(tmp_path: Path, make: Callable[[], torch.Tensor], kind: str) -> None:
    path = tmp_path / "a.pt"
    torch.save({"state": {"weight": make()}}, path)
    assert refusal(path) == f"{path}, state.weight: must be a dense tensor of numbers, got a {kind} one"


def test_lazily_negated_tensors_are_read_and_complex_ones_are_not(tmp_path: Path) -> None:
    numbers = torch.complex(torch.from_numpy(MATRICES), torch.from_numpy(2 * MATRICES))
    negative = numbers.conj().imag
    assert negative.is_neg()
    torch.save({"weight": negative}, tmp_path / "negative.pt")
    np.testing.assert_array_equal(read_matrices([tmp_path / "negative.pt"])["negative weight"], -2 * MATRICES)
    path = tmp_path / "conjugate.pt"
    torch.save({"weight": numbers.conj()}, path)
    line = refusal(path)
    assert line.startswith(f"{path}, weight: ")
    assert "complex" in line


def test_dictionaries_that_hold_themselves(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    content: dict[str, Any] = {"weight": torch.zeros(6, 4, 4)}
    content["itself"] = content
    torch.save(content, path)
    assert refusal(path) == f"{path} holds more than 50 dictionaries in each other"


def test_dictionaries_that_share_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty of them would be 2^40 names, and none is loaded before that is known."""
    path = tmp_path / "a.pt"
    content: dict[str, Any] = {"weight": torch.zeros(6, 4, 4)}
    for _ in range(40):
        content = {"left": content, "right": content}
    torch.save(content, path)
    loaded: list[str] = []
    monkeypatch.setattr(torch_checkpoints, "_as_numpy", lambda where, tensor: loaded.append(where) or MATRICES)
    assert refusal(path) == f"{path} holds more than 100000 entries"
    assert not loaded


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_float8(tmp_path: Path, kind: torch.dtype) -> None:
    """From torch it is read, as its numbers are; numpy's reader of safetensors has no such type."""
    from safetensors.torch import save_file

    tensor = torch.from_numpy(MATRICES).to(kind)
    torch.save({"weight": tensor}, tmp_path / "a.pt")
    np.testing.assert_array_equal(read_matrices([tmp_path / "a.pt"])["a weight"], tensor.to(torch.float32).numpy())
    path = tmp_path / "a.safetensors"
    save_file({"weight": tensor}, path)
    assert refusal(path).startswith(f"{path}, weight: must be of a type that numpy has, got F8_")


@pytest.mark.parametrize("coordinates", [{}, {"epoch": ("epoch", np.zeros(0))}])
def test_ensembles_without_epochs(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch, coordinates: dict[str, Any]
) -> None:
    """What a file of another program, or another version, may say."""
    count = 0 if coordinates else 2
    weights = ("network", "epoch", "row_1", "col_1"), np.zeros((3, count, 4, 4))
    ensemble = xr.Dataset({"weight_1": weights}, coords=coordinates)
    monkeypatch.setattr("pigmm.training.open_ensemble", lambda path: ensemble)
    expected = f"{finished_run / 'ensemble.zarr'}: epoch must be a coordinate with an epoch at least"
    assert refusal(finished_run) == expected


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "there is not enough memory"),
        (MemoryError("Unable to allocate 6.6 GiB"), "there is not enough memory (Unable to allocate 6.6 GiB)"),
        (
            RuntimeError("of a library\nin two lines"),
            "RuntimeError: of a library in two lines (PIGMM_TRACEBACK=1 shows where it comes from)",
        ),
    ],
)
def test_errors_inside_a_command_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    told: str,
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    np.save(tmp_path / "a.npy", MATRICES)
    monkeypatch.setattr("pigmm.studies.user_data.fit._tests", fail)
    with pytest.raises(SystemExit) as left:
        command_line.main(["fit", str(tmp_path / "a.npy"), "--output", str(tmp_path / "fit")])
    assert (left.value.code, capsys.readouterr().err) == (2, f"error: {told}\n")
    assert sorted(file.name for file in tmp_path.iterdir()) == [".fit.lock", "a.npy"]


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.safetensors", "a.pt", "model.safetensors.index.json"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    os.mkfifo(path)
    assert refusal(path) == f"{path}: must be a regular file"


@pytest.mark.parametrize("load", [BlockGaussian.load, SufficientStatistics.load, RunFolder.open])
def test_pipes_for_models_and_configurations(tmp_path: Path, load: Callable[[Path], Any]) -> None:
    os.mkfifo(tmp_path / "config.json")
    path = tmp_path if load == RunFolder.open else tmp_path / "config.json"
    with pytest.raises(ValueError, match=re.escape(str(path))):
        load(path)
