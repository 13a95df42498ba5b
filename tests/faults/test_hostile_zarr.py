"""Stores that try to run code, to pass for others, or to take all memory: nothing runs, one line is said."""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr

from pigmm.studies.user_data.read import read_matrices
from pigmm.training import open_ensemble
from pigmm.training.store.layout import RECORD, checksum, sealed, unsealed
from pigmm.training.store.zarr_guard import GuardedStore, _zstd_length

MATRICES = np.random.default_rng(0).normal(size=(6, 4, 4))

#: As zarr 3.1 lets it through; earlier versions also unpickled for arrays of numbers.
RUNS_CODE = {"dtype": "|O", "filters": [{"id": "vlen-utf8"}], "compressor": {"id": "pickle"}, "fill_value": ""}


class Sprung(Exception):
    """A codec that runs code was called."""


@pytest.fixture(autouse=True)
def trap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The codec that unpickles, as every version of numcodecs up to 0.16.5 has it, says that it was called."""

    class Pickle(numcodecs.abc.Codec):
        codec_id = "pickle"

        def encode(self, buf: Any) -> Any:
            raise Sprung

        def decode(self, buf: Any, out: Any = None) -> Any:
            raise Sprung

    monkeypatch.setitem(numcodecs.registry.codec_registry, "pickle", Pickle)


def format_2(path: Path, **changes: Any) -> dict[str, Any]:
    """A store of format 2 with an array, written without compression; the content of its metadata."""
    zarr.create_array(path, data=MATRICES, chunks=(2, 4, 4), zarr_format=2, compressors=None)
    content = json.loads((path / ".zarray").read_text()) | changes
    (path / ".zarray").write_text(json.dumps(content))
    return content


def refused(path: Path) -> str:
    with pytest.raises(ValueError) as said:  # noqa: PT011 (the tests look at the message)
        read_matrices([path])
    assert str(path) in str(said.value)
    return str(said.value)


def test_the_trap_works(tmp_path: Path) -> None:
    format_2(tmp_path / "a.zarr", **RUNS_CODE)
    with pytest.raises(Sprung):
        zarr.open_array(tmp_path / "a.zarr", mode="r")[...]


@pytest.mark.parametrize(
    "form", ["plain", "escaped", "utf-16", "linked", "filter", "consolidated", "linked array", "objects"]
)
def test_format_2_that_would_unpickle(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.zarr"
    hostile = {"filters": [{"id": "pickle"}]} if form == "filter" else {"compressor": {"id": "pickle"}}
    content = json.dumps(format_2(path) | (RUNS_CODE if form == "objects" else hostile))
    if form == "linked":
        (tmp_path / "elsewhere").write_text(content)
        (path / ".zarray").unlink()
        (path / ".zarray").symlink_to(tmp_path / "elsewhere")
    elif form == "linked array":
        (path / ".zarray").write_text(content)
        path.rename(tmp_path / "elsewhere")
        zarr.create_group(path, zarr_format=2)
        (path / "array").symlink_to(tmp_path / "elsewhere")
    elif form == "consolidated":
        path.rename(tmp_path / "array")
        zarr.create_group(path, zarr_format=2)
        (tmp_path / "array").rename(path / "array")
        listed = {".zgroup": {"zarr_format": 2}, "array/.zarray": json.loads(content), "array/.zattrs": {}}
        (path / ".zmetadata").write_text(json.dumps({"zarr_consolidated_format": 1, "metadata": listed}))
    else:
        text = content.replace("pickle", "pick\\u006ce") if form == "escaped" else content
        (path / ".zarray").write_bytes(text.encode("utf-16" if form == "utf-16" else "utf-8"))
    assert ("dtype must be real numbers" if form == "objects" else "pickle") in refused(path)


@pytest.mark.parametrize("name", ["pickle", "numcodecs.pickle", "vlen-utf8", "sharding_indexed", None, 3, ["bytes"]])
def test_format_3_with_other_codecs(tmp_path: Path, name: Any) -> None:
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=MATRICES, compressors=None)
    content = json.loads((path / "zarr.json").read_text())
    content["codecs"].append({"name": name, "configuration": {}})
    (path / "zarr.json").write_text(json.dumps(content))
    assert "codecs must be among" in refused(path)


def test_ensembles_and_runs_are_guarded(finished_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    metadata = run / "ensemble.zarr" / "zarr.json"
    content = json.loads(metadata.read_text())
    content["consolidated_metadata"]["metadata"]["weight_1"]["codecs"].append({"name": "numcodecs.pickle"})
    metadata.write_text(json.dumps(content))
    record = run / "ensemble.zarr" / RECORD  # whoever plants metadata plants its checksum
    sound = unsealed(json.loads(record.read_bytes()))
    record.write_bytes(sealed({**sound, "files": {**sound["files"], "zarr.json": checksum(metadata.read_bytes())}}))
    for path in (run, run / "ensemble.zarr"):
        with pytest.raises(ValueError, match=r"zarr.json.*weight_1.*numcodecs\.pickle"):
            read_matrices([path])
    with pytest.raises(ValueError, match=r"numcodecs\.pickle"):
        open_ensemble(run / "ensemble.zarr")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("null", "must be a JSON object, got NoneType"),
        ("[]", "must be a JSON object, got list"),
        ("3", "must be a JSON object, got int"),
        ("", "must be JSON"),
        ('{"a":' * 100_000, "nested too deeply"),
    ],
)
@pytest.mark.parametrize("name", ["zarr.json", ".zarray"])
def test_metadata_that_is_something_else(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=MATRICES, zarr_format=3 if name == "zarr.json" else 2)
    (path / name).write_text(content)
    assert message in refused(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chunks": [0, 4, 4]}, "chunks must be a list of integers of at least 1"),
        ({"chunks": [True, 4, 4]}, "chunks must be"),
        ({"chunks": [2, 4]}, "an entry an axis"),
        ({"chunks": [10**9, 10**9, 10**9]}, "more than the limit"),
        ({"shape": [160_000_000, 4, 4], "chunks": [1, 4, 4]}, "at most 4000000 chunks are read"),
        ({"shape": [-1, 4, 4]}, "shape must be"),
        ({"shape": [10**8, 100, 100], "chunks": [10**5, 10, 10]}, "more than the limit"),
        ({"dtype": "|O"}, "dtype must be real numbers"),
        ({"dtype": [["a", "<f8"]]}, "dtype must be real numbers"),
    ],
)
def test_declared_sizes_and_types(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "a.zarr"
    format_2(path, **changes)
    assert message in refused(path)


def test_damaged_chunks_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    format_2(path)
    chunk = path / "1.0.0"
    chunk.write_bytes(chunk.read_bytes()[:100])
    assert "1.0.0: the chunk is damaged: it must hold 256 bytes, got 100" in refused(path)
    chunk.unlink()
    assert "1.0.0: the chunk is missing" in refused(path)


@pytest.mark.parametrize("compressor", ["gzip", "zlib", "zstd", "lz4", "blosc"])
def test_chunks_that_unpack_to_more_than_declared(tmp_path: Path, compressor: str) -> None:
    path = tmp_path / "a.zarr"
    codec = numcodecs.get_codec({"id": compressor})
    format_2(path, compressor=codec.get_config(), fill_value=0)
    for chunk in path.glob("[0-9]*"):
        chunk.write_bytes(codec.encode(chunk.read_bytes()))
    np.testing.assert_array_equal(read_matrices([path])["a"], MATRICES)
    (path / "0.0.0").write_bytes(codec.encode(bytes(10**6)))
    assert "0.0.0: the chunk is damaged: it must hold 256 bytes, got" in refused(path)
    whole = codec.encode(bytes(256))
    (path / "0.0.0").write_bytes(bytes(whole) + bytes(codec.encode(bytes(10**6))))
    assert "0.0.0" in refused(path)


def test_a_second_member_does_not_hide_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    format_2(path, compressor={"id": "gzip", "level": 1})
    (path / "0.0.0").write_bytes(gzip.compress(bytes(256)) + gzip.compress(bytes(10**6)))
    assert "what cannot be read" in refused(path)
    assert len(zlib.decompress(gzip.compress(bytes(256)), wbits=47)) == 256


@pytest.mark.parametrize("size", [0, 1, 255, 256, 300, 65_791, 65_792, 1_000_000])
def test_length_of_frames(size: int) -> None:
    for content in (bytes(size), np.random.default_rng(0).bytes(size)):
        assert _zstd_length(bytes(numcodecs.Zstd().encode(content))) == size


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    import os

    path = tmp_path / "a.zarr"
    format_2(path)
    (path / "0.0.0").unlink()
    os.mkfifo(path / "0.0.0")
    assert "must be a regular file" in refused(path)


def test_the_store_is_read_only(tmp_path: Path) -> None:
    format_2(tmp_path / "a.zarr")
    with pytest.raises(ValueError, match="read-only"):
        zarr.open_array(GuardedStore(tmp_path / "a.zarr"), mode="r+")
