"""The kinds of files that pigmm reads: how a sound one is made, how it is read, and how it is damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import damages
import numpy as np
import pandas as pd
from damages import Damage

from pigmm.fitting import PIGMM, BlockGaussian, SufficientStatistics
from pigmm.studies.pipeline import run_study
from pigmm.studies.runs.folder import RunFolder
from pigmm.studies.runs.kept_tables import keep_tables, kept_tables
from pigmm.studies.runs.verify import verify_run
from pigmm.studies.user_data.read import read_matrices
from pigmm.training import EnsembleConfig, open_ensemble

Content = dict[str, Any]

MATRICES = np.random.default_rng(0).normal(size=(6, 4, 4))
CONFIG = EnsembleConfig(hidden=(4, 4), networks=8, epochs=1, block_size=4, seed=3)


@dataclass(frozen=True)
class Kind:
    """A kind of file or folder.

    Args:
        name: in the table.
        suffix: of the file or folder.
        make: writes a sound one.
        read: gives its content, or raises ValueError or OSError.
        damages: to choose from, one for each file that is made.
        checksummed: whether content that differs from the sound one's must be noticed.
    """

    name: str
    suffix: str
    make: Callable[[Path], None]
    read: Callable[[Path], Content]
    damages: tuple[Damage, ...]
    checksummed: bool = False


def _matrices(path: Path) -> Content:
    return dict(read_matrices([path]))


def _torch(path: Path, **options: Any) -> None:
    import torch

    content = {"state": {"weight": torch.from_numpy(MATRICES[0]), "bias": torch.zeros(4)}, "epoch": 3}
    torch.save(content, path, **options)


def _safetensors(path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": MATRICES, "b": MATRICES[0].astype(np.float32)}, path, metadata={"made by": "a test"})


def _archive(path: Path) -> None:
    np.savez(path, a=MATRICES, b=MATRICES[0])


def _compressed(path: Path) -> None:
    np.savez_compressed(path, a=MATRICES, b=MATRICES[0])


def _zarr(form: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        import numcodecs
        import zarr
        from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

        codecs: list[Any] = (
            [None, numcodecs.Zstd(), numcodecs.Blosc(), numcodecs.GZip(), numcodecs.LZ4(), numcodecs.Zlib()]
            if form == 2
            else [None, ZstdCodec(), BloscCodec(), GzipCodec()]
        )
        group = zarr.open_group(path, mode="w", zarr_format=form)  # type: ignore[arg-type]
        for number, codec in enumerate(codecs):
            array = group.create_array(
                f"a{number}", shape=MATRICES.shape, chunks=(3, 4, 4), dtype="f8", compressors=codec
            )
            array[...] = MATRICES

    return make


def _ensemble(path: Path) -> None:
    shutil.copytree(_a_run() / "ensemble.zarr", path)


def _run(path: Path) -> None:
    shutil.copytree(_a_run(), path)


def _a_run() -> Path:
    """A finished study, made once for a folder of sound files."""
    assert SOUND is not None
    run = SOUND / "a study"
    if not (run / "finished.json").exists():
        run_study(CONFIG, run, progress=False, replicates=0)
    return run


SOUND: Path | None = None


def _read_ensemble(path: Path) -> Content:
    ensemble = open_ensemble(path)
    return {str(name): array.to_numpy() for name, array in ensemble.variables.items()} | {**ensemble.attrs}


def _read_run(path: Path) -> Content:
    """What a user relies on: networks, configuration and results that are called sound."""
    found = verify_run(path)
    if found.damaged:
        raise ValueError(found.damaged[0])
    run = RunFolder.open(path)
    content = run.config.model_dump(exclude={"data_root", "device"}) | dict(read_matrices([path]))
    content |= _read_ensemble(run.ensemble)
    run.history  # noqa: B018 (must not raise)
    if run.damaged_results() == []:
        results = [*run.tables.glob("*.csv"), *run.figures.glob("*"), run.report]
        content |= {file.relative_to(path).as_posix(): file.read_bytes() for file in results}
    return content


def _model(path: Path) -> None:
    PIGMM.fit(MATRICES).save(path)


def _read_model(path: Path) -> Content:
    return {"parameters": BlockGaussian.load(path).parameters}


def _statistics(path: Path) -> None:
    SufficientStatistics.of(MATRICES).save(path)


def _read_statistics(path: Path) -> Content:
    return {"count": SufficientStatistics.load(path).count}


def _tables(path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(20, 3)), columns=["measured", "predicted", "z"])
    keep_tables(path, {"comparison": table.assign(graph="00"), "parameters": table})


def _read_tables(path: Path) -> Content:
    if (tables := kept_tables(path)) is None:
        raise ValueError(f"{path}: they are not what was written, and made again")
    return {name: table.to_csv() for name, table in tables.items()}


_ZIPPED = (*damages.OF_BYTES, *damages.OF_FILES, *damages.OF_ARCHIVES)
_STORED = (*damages.OF_BYTES, *damages.OF_FILES, *damages.OF_JSON, *damages.OF_FOLDERS)

KINDS = (
    Kind(".npy", ".npy", lambda path: np.save(path, MATRICES), _matrices, (*damages.OF_BYTES, *damages.OF_NPY)),
    Kind(".npz", ".npz", _archive, _matrices, (*_ZIPPED, *damages.OF_NPZ)),
    Kind(".npz, compressed", ".npz", _compressed, _matrices, (*_ZIPPED, *damages.OF_NPZ)),
    Kind(".safetensors", ".safetensors", _safetensors, _matrices, (*damages.OF_BYTES, *damages.OF_SAFETENSORS * 3)),
    Kind("torch", ".pt", _torch, _matrices, (*_ZIPPED, *damages.OF_TORCH)),
    Kind(
        "torch before 1.6",
        ".pth",
        lambda path: _torch(path, _use_new_zipfile_serialization=False),
        _matrices,
        (*damages.OF_BYTES, *damages.OF_FILES),
    ),
    Kind("zarr, format 2", ".zarr", _zarr(2), _matrices, (*_STORED, *damages.OF_ZARR)),
    Kind("zarr, format 3", ".zarr", _zarr(3), _matrices, (*_STORED, *damages.OF_ZARR)),
    Kind("model, JSON", ".json", _model, _read_model, (*damages.OF_BYTES, *damages.OF_JSON * 2)),
    Kind("statistics, JSON", ".json", _statistics, _read_statistics, (*damages.OF_BYTES, *damages.OF_JSON * 2)),
    Kind("our ensemble", ".zarr", _ensemble, _read_ensemble, _STORED, checksummed=True),
    Kind("our RUN", "", _run, _read_run, _STORED, checksummed=True),
    Kind("our RUN, checksums forged", "", _run, _read_run, (*damages.FORGED, *damages.OF_ZARR)),
    Kind("our partial tables", "", _tables, _read_tables, _STORED, checksummed=True),
)
