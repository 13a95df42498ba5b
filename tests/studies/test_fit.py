"""`pigmm fit` on every kind of file, and what it refuses."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zarr
from numpy.typing import NDArray
from safetensors.numpy import save_file

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    MatrixSpace,
    RectangularSpace,
    SquareSpace,
    SymmetricSpace,
    compare,
)
from pigmm.invariants import multigraphs
from pigmm.studies.files import read_table
from pigmm.studies.matrices import read_matrices

Matrices = NDArray[np.float64]


@pytest.fixture(scope="module")
def square() -> Matrices:
    return np.random.default_rng(0).normal(size=(30, 5, 5))


@pytest.fixture(scope="module")
def rectangular() -> Matrices:
    return np.random.default_rng(1).normal(size=(30, 4, 6))


def write(folder: Path, kind: str, square: Matrices, rectangular: Matrices) -> Path:
    """A file, or store, of the given kind with both populations (.npy: the square one)."""
    path = folder / f"matrices.{kind}"
    both = {"square": square, "other": rectangular, "bias": np.zeros(3)}
    if kind == "npy":
        np.save(path, square)
    elif kind == "npz":
        np.savez(path, allow_pickle=False, **both)
    elif kind == "safetensors":
        save_file(both, path)
    elif kind == "zarr":
        group = zarr.create_group(path)
        for name, array in both.items():
            group.create_array(name, data=array)
    else:
        torch.save({"state": {name: torch.from_numpy(array) for name, array in both.items()}, "epoch": 3}, path)
    return path


@pytest.mark.parametrize("kind", ["npy", "npz", "safetensors", "zarr", "pt"])
def test_every_kind_of_file(pigmm: Any, tmp_path: Path, square: Matrices, rectangular: Matrices, kind: str) -> None:
    path = write(tmp_path, kind, square, rectangular)
    outcome = pigmm("fit", path, "--output", tmp_path / "fit")
    assert (outcome.code, outcome.err) == (0, "")
    *said, path_said = outcome.out.splitlines()
    assert path_said == str(tmp_path / "fit" / "report.html")
    assert any("too few matrices for a verdict: 30" in line for line in said)
    assert ("bias (3,): 1 axis" in said[0]) == (kind != "npy")
    # single precision is enough to store a checkpoint
    precision = 1e-6 if kind == "pt" else 0
    parameters = read_table(tmp_path / "fit" / "tables" / "parameters.csv")
    comparison = read_table(tmp_path / "fit" / "tables" / "comparison.csv")
    expected = {5: PIGMM.fit(square)} | ({} if kind == "npy" else {4: BlockGaussian.fit(rectangular)})
    for rows, model in expected.items():
        own = parameters[parameters.rows == rows]
        np.testing.assert_allclose(own.estimate, model.parameters, rtol=precision, atol=precision)
        assert len(comparison[comparison.population == own.population.iloc[0]]) == (348 if rows == 5 else 43)
    direct = compare(expected[5], square, (*multigraphs(3), *multigraphs(4)))
    name = parameters[parameters.rows == 5].population.iloc[0]
    own_rows = comparison[comparison.population == name]
    np.testing.assert_allclose(own_rows.z, direct.z, rtol=1e-3 if kind == "pt" else 0)
    models = [BlockGaussian.load(file) for file in (tmp_path / "fit" / "models").iterdir()]
    assert sorted(model.space.shape[0] for model in models) == sorted(expected)


def test_files_with_a_matrix_each_are_one_population(tmp_path: Path, square: Matrices) -> None:
    for number, matrix in enumerate(square):
        np.save(tmp_path / f"{number:02d}.npy", matrix)
    (matrices,) = read_matrices(sorted(tmp_path.glob("*.npy"))).values()
    np.testing.assert_array_equal(matrices, square)


def test_a_run_is_fitted_at_one_epoch(finished_run: Path, pigmm: Any, tmp_path: Path) -> None:
    for path in (finished_run, finished_run / "ensemble.zarr"):
        assert pigmm("fit", path, "--epoch", "1", "--tensor", "weight_2", "--output", tmp_path / "fit").code == 0
        fitted = read_table(tmp_path / "fit" / "tables" / "parameters.csv")
        study = read_table(finished_run / "tables" / "parameters.csv")
        rows = study[(study.layer == 2) & (study.epoch == 1) & (study.population == "all")]
        np.testing.assert_array_equal(fitted.estimate, rows.estimate)
    outcome = pigmm("fit", finished_run, "--epoch", "9", "--output", tmp_path / "fit")
    assert (outcome.code, "epoch must be one of [0.0, 1.0, 2.0], got 9" in outcome.err) == (2, True)


def with_nan(square: Matrices) -> Matrices:
    bad = square.copy()
    bad[3, 1, 2] = np.nan
    return bad


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["npy", "npz", "pt", "zarr"])
def test_nothing_is_unpickled(pigmm: Any, tmp_path: Path, kind: str) -> None:
    sprung = tmp_path / "sprung"
    path = tmp_path / f"trap.{kind}"
    objects = np.array([Trap(sprung)], dtype=object)
    if kind == "npy":
        np.save(path, objects, allow_pickle=True)
    elif kind == "npz":
        np.savez(path, a=objects)
    elif kind == "pt":
        torch.save({"model": Trap(sprung)}, path)
    else:
        # an array of format 2 whose compressor is pickle, written by hand: numcodecs would unpickle its chunk
        path.mkdir()
        meta = {"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "<f8", "filters": None, "fill_value": 0}
        (path / ".zarray").write_text(json.dumps({**meta, "order": "C", "compressor": {"id": "pickle"}}))
        (path / "0").write_bytes(pickle.dumps(objects))
    outcome = pigmm("fit", path, "--output", tmp_path / "fit")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "unpickling runs code" in outcome.err
    assert not sprung.exists()
    assert not (tmp_path / "fit").exists()


def test_bad_matrices(pigmm: Any, tmp_path: Path, square: Matrices) -> None:
    def error_of(array: NDArray[Any], *options: str) -> str:
        np.save(tmp_path / "bad.npy", array)
        outcome = pigmm("fit", tmp_path / "bad.npy", "--output", tmp_path / "fit", *options)
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
        return str(outcome.err)

    assert "bad.npy: matrices must be finite, got 1 NaN" in error_of(with_nan(square))
    assert "at least 3 for a fit, got 2" in error_of(square[:2])
    assert "at least 4" in error_of(square[:, :3, :3])
    symmetric = square + square.swapaxes(1, 2)
    assert "use --kind symmetric\n" in error_of(symmetric)
    assert "use --kind symmetric-zero-diagonal\n" in error_of(symmetric * (1 - np.eye(5)))
    assert "zero diagonal" in error_of(symmetric, "--kind", "symmetric-zero-diagonal")
    assert "must be symmetric" in error_of(square, "--kind", "symmetric")
    assert "needs square matrices, got 5 × 4" in error_of(square[..., :4], "--kind", "square")
    assert "kind must be one of" in error_of(square, "--kind", "round")
    assert "real numbers" in error_of(square * 1j)
    assert "there are: bad (5,)" in error_of(np.zeros(5))
    assert "match 'x*'; there are: bad (30, 5, 5)" in error_of(square, "--tensor", "x*")


@pytest.mark.parametrize(
    ("kind", "space", "names"),
    [
        ("square", SquareSpace(5), 13),
        ("rectangular", RectangularSpace(5, 5), 5),
        ("symmetric", SymmetricSpace(5), 9),
        ("symmetric-zero-diagonal", SymmetricSpace(5, diagonal=False), 4),
    ],
)
def test_kinds(pigmm: Any, tmp_path: Path, square: Matrices, kind: str, space: MatrixSpace, names: int) -> None:
    matrices = square + square.swapaxes(1, 2) if kind.startswith("symmetric") else square
    if kind == "symmetric-zero-diagonal":
        matrices = matrices * (1 - np.eye(5))
    np.save(tmp_path / "words.npy", matrices)
    outcome = pigmm("fit", tmp_path / "words.npy", "--kind", kind, "--output", tmp_path / "fit")
    assert (outcome.code, outcome.err) == (0, "")
    parameters = read_table(tmp_path / "fit" / "tables" / "parameters.csv")
    assert len(parameters) == names
    np.testing.assert_allclose(parameters.estimate, BlockGaussian.fit(matrices, space).parameters)
    # population, parameters, verdict, path
    assert len(outcome.out.splitlines()) == 1 + names + 2


@pytest.mark.parametrize(("cubic", "word"), [(0.0, "no departure detected"), (1.0, "a departure")])
def test_verdict(pigmm: Any, tmp_path: Path, cubic: float, word: str) -> None:
    entries = np.random.default_rng(2).normal(size=(2000, 4, 6))
    np.save(tmp_path / "m.npy", entries + cubic * (entries**2 - 1))
    outcome = pigmm("fit", tmp_path / "m.npy", "--output", tmp_path / "fit")
    (line,) = [line for line in outcome.out.splitlines() if "largest |z|" in line]
    assert line.endswith(f"bound 3.25: {word}")
    page = (tmp_path / "fit" / "report.html").read_text()
    assert f"bound 3.25: {word}</b>" in page
    assert "one in twenty" not in page
    assert "sum_" not in page.partition("<h2>Tables")[0].replace("alt=", "").partition("Drawings")[0]


def test_what_is_passed_over_is_said(pigmm: Any, tmp_path: Path, square: Matrices) -> None:
    np.savez(tmp_path / "a.npz", weight=square, bias=np.zeros(3), other=square)
    outcome = pigmm("fit", tmp_path / "a.npz", "--tensor", "[wb]*", "--output", tmp_path / "fit")
    assert outcome.out.splitlines()[:2] == [
        "skipped bias (3,): 1 axis, where matrices have 2 or 3",
        "skipped other (30, 5, 5): the name does not match '[wb]*'",
    ]
    assert "Passed over: bias (3,)" in (tmp_path / "fit" / "report.html").read_text()


def test_a_folder_of_files_is_told_how(pigmm: Any, tmp_path: Path, square: Matrices) -> None:
    np.save(tmp_path / "a.npy", square)
    assert f"give {tmp_path}/*.npy" in pigmm("fit", tmp_path, "--output", tmp_path / "fit").err


def test_old_pickle_protocols_give_one_line(tmp_path: Path) -> None:
    (tmp_path / "old.pt").write_bytes(pickle.dumps({"a": Path("b")}, protocol=4))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(ValueError, match=r"old\.pt"):
            read_matrices([tmp_path / "old.pt"])
    assert not warned


def test_bad_paths(pigmm: Any, tmp_path: Path, square: Matrices) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01\x00v")
    (tmp_path / "cut.safetensors").write_bytes(b"abc")
    (tmp_path / "cut.pt").write_bytes(b"abc")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04abc")
    (tmp_path / "empty").mkdir()
    for name, words in (
        ("nowhere.npy", "does not exist"),
        ("notes.txt", "must be one of .npy"),
        ("empty", "neither a zarr store nor a RUN"),
        ("cut.npy", "cut.npy"),
        ("cut.npz", "cut.npz"),
        ("cut.safetensors", "cut.safetensors"),
        ("cut.pt", "cut.pt"),
    ):
        outcome = pigmm("fit", tmp_path / name, "--output", tmp_path / "fit")
        assert (outcome.code, outcome.err.count("\n")) == (2, 1), name
        assert words in outcome.err


def test_output_of_others_is_left_alone(pigmm: Any, tmp_path: Path, square: Matrices) -> None:
    np.save(tmp_path / "square.npy", square)
    (tmp_path / "mine" / "models").mkdir(parents=True)
    outcome = pigmm("fit", tmp_path / "square.npy", "--output", tmp_path / "mine")
    assert (outcome.code, "not the output of a fit" in outcome.err) == (2, True)
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["models"]
