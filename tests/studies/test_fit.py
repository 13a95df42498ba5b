"""`pigmm fit` on every kind of file, and what it refuses."""

from __future__ import annotations

import json
import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
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
    bootstrap_comparison,
    compare,
    confidence_intervals,
    mean_invariance_test,
    model_ladder,
    randomisation_test,
    restricted_fits,
    wald_tests,
    wasserstein_distance,
)
from pigmm.invariants import multigraphs
from pigmm.studies.analysis.layers.tests import chosen_replicates
from pigmm.studies.cli.main import main
from pigmm.studies.runs.files import read_table
from pigmm.studies.runs.output_folder import output_folder
from pigmm.studies.user_data.fit import fit_paths
from pigmm.studies.user_data.read import read_matrices

Matrices = NDArray[np.float64]

ASYMPTOTIC = ("--replicates", "0", "--output")


@pytest.fixture(scope="module")
def square() -> Matrices:
    return np.random.default_rng(0).normal(size=(30, 5, 5))


@pytest.fixture(scope="module")
def rectangular() -> Matrices:
    return np.random.default_rng(1).normal(size=(30, 4, 6))


def write(folder: Path, kind: str, square: Matrices, rectangular: Matrices) -> Path:
    """A file, or store, of the given kind with both ensembles (.npy: the square one)."""
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
    outcome = pigmm("fit", path, "--output", tmp_path / "fit", "--replicates", "0")
    assert outcome.code == 0
    # a slow machine prints more of these lines
    assert outcome.err.startswith(f"testing: 0 of {5 if kind == 'npy' else 10}\n")
    assert all(line.startswith("testing: ") for line in outcome.err.splitlines())
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
        assert len(comparison[comparison.ensemble == own.ensemble.iloc[0]]) == (348 if rows == 5 else 43)
    direct = compare(expected[5], square, (*multigraphs(3), *multigraphs(4)))
    name = parameters[parameters.rows == 5].ensemble.iloc[0]
    own_rows = comparison[comparison.ensemble == name]
    np.testing.assert_allclose(own_rows.z, direct.z, rtol=1e-3 if kind == "pt" else 0)
    models = [BlockGaussian.load(file) for file in (tmp_path / "fit" / "models").iterdir()]
    assert sorted(model.space.shape[0] for model in models) == sorted(expected)


def test_files_with_a_matrix_each_are_one_ensemble(tmp_path: Path, square: Matrices) -> None:
    for number, matrix in enumerate(square):
        np.save(tmp_path / f"{number:02d}.npy", matrix)
    (matrices,) = read_matrices(sorted(tmp_path.glob("*.npy"))).values()
    np.testing.assert_array_equal(matrices, square)


def test_a_run_is_fitted_at_one_epoch(finished_run: Path, pigmm: Any, tmp_path: Path) -> None:
    for path in (finished_run, finished_run / "ensemble.zarr"):
        out = tmp_path / f"fit-{path.name}"
        assert pigmm("fit", path, "--epoch", "1", "--tensor", "weight_2", *ASYMPTOTIC, out).code == 0
        fitted = read_table(out / "tables" / "parameters.csv")
        study = read_table(finished_run / "tables" / "parameters.csv")
        rows = study[(study.layer == 2) & (study.epoch == 1) & (study.subset == "all")]
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
    assert ("got {'id': 'pickle'}" if kind == "zarr" else "unpickling runs code") in outcome.err
    assert not sprung.exists()
    assert not (tmp_path / "fit").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", b"1.0 2.0\n", "is not a file of numpy's (.npy or .npz)"),
        ("a.npz", b"", "is not a file of numpy's (.npy or .npz)"),
        ("a.npy", b"\x93NUMPY", "must be of version 1.0 or 2.0"),
        ("a.npz", b"PK\x03\x04 and no more", "cannot be read"),
        ("a.pt", b"1.0 2.0\n", "is not a torch checkpoint"),
        ("a.pt", b"PK\x03\x04 and no more", "is a damaged torch checkpoint"),
        ("a.safetensors", b"1.0 2.0\n", "cannot be read"),
    ],
)
def test_files_that_are_something_else(pigmm: Any, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    outcome = pigmm("fit", tmp_path / name, "--output", tmp_path / "fit")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert message in outcome.err
    assert "pickled" not in outcome.err


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
        ("correlation", SymmetricSpace(5, diagonal=False), 4),
    ],
)
def test_kinds(pigmm: Any, tmp_path: Path, square: Matrices, kind: str, space: MatrixSpace, names: int) -> None:
    matrices = square + square.swapaxes(1, 2) if kind.startswith("symmetric") else square
    if kind == "symmetric-zero-diagonal":
        matrices = matrices * (1 - np.eye(5))
    if kind == "correlation":
        stored = np.array([np.corrcoef(np.random.default_rng(k).normal(size=(5, 30))) for k in range(30)], np.float32)
        matrices = (stored * (1 - np.eye(5))).astype(np.float64)
        matrices = (matrices + matrices.swapaxes(1, 2)) / 2
        stored[:, 0, 0] = np.nextafter(stored[:, 0, 0], 2, dtype=np.float32)  # as rounding may have it
    np.save(tmp_path / "words.npy", stored if kind == "correlation" else matrices)
    outcome = pigmm("fit", tmp_path / "words.npy", "--kind", kind, *ASYMPTOTIC, tmp_path / "fit")
    assert outcome.code == 0
    parameters = read_table(tmp_path / "fit" / "tables" / "parameters.csv")
    assert len(parameters) == names
    np.testing.assert_allclose(parameters.estimate, BlockGaussian.fit(matrices, space).parameters)
    # ensemble, parameters, verdict, two distances between samples, the best of the nested models, path
    assert len(outcome.out.splitlines()) == 1 + names + 5
    nested = read_table(tmp_path / "fit" / "tables" / "nested_models.csv")
    assert nested.parameters.iloc[-1] == names
    assert nested.p_randomisation.notna().sum() == (kind == "square")


CORRELATIONS = np.array([np.corrcoef(np.random.default_rng(k).normal(size=(5, 30))) for k in range(30)])


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (np.empty((0, 5, 5)), (), "matrices must be one or more, got none (shape (0, 5, 5))"),
        (np.ones((20, 5, 5)), (), "matrices must vary, got 20 that are all the same"),
        (np.random.default_rng(0).normal(size=(6, 6, 50)), (), "if these are 50 of 6 × 6, store numpy.moveaxis"),
        (np.random.default_rng(0).normal(size=(100, 36)), (), "if each row is a matrix, reshape to (100, 6, 6)"),
        (np.random.default_rng(0).normal(size=(1, 12, 12)), (), "`pigmm network` analyses single matrices"),
        (CORRELATIONS, (), "use --kind correlation"),
        (CORRELATIONS * 2, ("--kind", "correlation"), "must have ones on the diagonal, got entries 1 off one"),
        (CORRELATIONS + np.triu(CORRELATIONS, 1), ("--kind", "correlation"), "must be symmetric, got entries"),
        (2 * CORRELATIONS - np.eye(5), ("--kind", "correlation"), "entries between -1 and 1, got one of size 1."),
    ],
)
def test_messages_say_what_to_do(
    pigmm: Any, tmp_path: Path, array: Matrices, options: tuple[str, ...], message: str
) -> None:
    np.save(tmp_path / "words.npy", array)
    outcome = pigmm("fit", tmp_path / "words.npy", *options, *ASYMPTOTIC, tmp_path / "fit")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert message in outcome.err


def test_a_small_first_axis_is_taken_as_it_stands_if_said(tmp_path: Path) -> None:
    np.save(tmp_path / "words.npy", np.zeros((6, 6, 50)))
    assert read_matrices([tmp_path / "words.npy"], kind="rectangular")["words"].shape == (6, 6, 50)


def test_intervals_in_the_terminal_say_their_laws(pigmm: Any, tmp_path: Path, square: Matrices) -> None:
    np.save(tmp_path / "words.npy", square)
    said = pigmm("fit", tmp_path / "words.npy", *ASYMPTOTIC, tmp_path / "fit").out
    assert "estimates ± sandwich standard errors, 95% intervals by the exact law" in said


@pytest.mark.parametrize(("cubic", "word"), [(0.0, "no departure detected"), (1.0, "a departure")])
def test_verdict(pigmm: Any, tmp_path: Path, cubic: float, word: str) -> None:
    entries = np.random.default_rng(2).normal(size=(2000, 4, 6))
    np.save(tmp_path / "m.npy", entries + cubic * (entries**2 - 1))
    outcome = pigmm("fit", tmp_path / "m.npy", *ASYMPTOTIC, tmp_path / "fit")
    (line,) = [line for line in outcome.out.splitlines() if "cubic and quartic" in line]
    assert line.endswith(f": {word}")
    page = (tmp_path / "fit" / "report.html").read_text()
    assert f": {word}</b>" in page
    assert "one in twenty" not in page
    assert "sum_" not in re.sub(r"<[^>]*>", "", page.partition('<h2 id="tables">')[0])


@pytest.fixture(scope="module")
def tested(square: Matrices, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit of 30 Gaussian matrices of size 5, and of 30 whose diagonal is apart, with a bootstrap."""
    folder = tmp_path_factory.mktemp("tested")
    np.savez(folder / "m.npz", gaussian=square, diagonal=square + 2 * np.eye(5))
    with pytest.raises(SystemExit) as left:
        main(["fit", str(folder / "m.npz"), "--output", str(folder / "fit"), "--replicates", "39"])
    assert left.value.code == 0
    return folder / "fit"


def of_ensemble(folder: Path, name: str, ensemble: str = "m gaussian") -> pd.DataFrame:
    rows = read_table(folder / "tables" / f"{name}.csv")
    return rows[rows.ensemble == ensemble].drop(columns="ensemble").reset_index(drop=True)


def test_intervals_are_those_of_the_library(tested: Path, square: Matrices) -> None:
    model = PIGMM.fit(square)
    own = of_ensemble(tested, "parameters")
    for method, error in (("exact", "exact_standard_error"), ("sandwich", "standard_error")):
        expected = confidence_intervals(model, square, method=method)
        for column, name in (("standard_error", error), ("lower", f"{method}_lower"), ("upper", f"{method}_upper")):
            np.testing.assert_array_equal(own[name], expected[column])


def test_bootstrap_is_that_of_the_library(tested: Path, square: Matrices) -> None:
    graphs = (*multigraphs(3), *multigraphs(4))
    expected = bootstrap_comparison(PIGMM.fit(square), square, graphs, replicates=39)
    own = of_ensemble(tested, "comparison")
    pd.testing.assert_frame_equal(own, expected.table, check_exact=True)
    overall = of_ensemble(tested, "gaussianity").iloc[0]
    assert overall.global_p_value == expected.global_p_value
    assert overall.smallest_p_value == 1 / 40
    # few matrices, and a verdict all the same
    page = (tested / "report.html").read_text()
    assert "(39 draws): no departure detected" in page
    assert "too few" not in page
    assert "no p-value of it is below 0.025" in page


def test_symmetry_is_one_table(tested: Path, square: Matrices) -> None:
    own = of_ensemble(tested, "nested_models").set_index("symmetry")
    expected = model_ladder(square, replicates=199)
    np.testing.assert_allclose(own.bic, expected.bic)
    np.testing.assert_allclose(own.p_bootstrap, expected.p_bootstrap)
    np.testing.assert_allclose(own.p_wald, wald_tests(square).p_value.reindex(own.index))
    assert own.p_randomisation["S_N x S_N"] == randomisation_test(square, replicates=199).p_value
    assert own.p_randomisation["S_N x S_N"] > 0.05
    shifted = of_ensemble(tested, "nested_models", "m diagonal").set_index("symmetry")
    assert shifted.p_randomisation["S_N x S_N"] == 1 / 200
    assert shifted.bic.idxmin() == "independent, diagonal apart"
    page = (tested / "report.html").read_text().partition('<h2 id="tables">')[0]
    assert "≤ 0.005" in page
    assert "S_N" not in re.sub(r'alt="[^"]*"', "", page)


def test_invariance_and_distances(tested: Path, square: Matrices) -> None:
    invariance = of_ensemble(tested, "invariance")
    exact = mean_invariance_test(square)
    mean = invariance[invariance.moment == "mean"].set_index("irreps")
    np.testing.assert_allclose(mean.p_gaussian, exact.p_value)
    assert invariance.p_permutation.between(0.01, 1).all()
    rows = of_ensemble(tested, "distance_tests").set_index("distance")
    assert rows.index.tolist() == ["Wasserstein", "exact optimal transport", "sliced optimal transport"]
    model, iid = PIGMM.fit(square), restricted_fits(square)["iid"]
    assert rows.value["Wasserstein"] == pytest.approx(wasserstein_distance(model, iid))
    assert (rows.p_value > 0.01).all()
    shifted = of_ensemble(tested, "distance_tests", "m diagonal").set_index("distance")
    assert shifted.p_value["Wasserstein"] == 1 / 200


def test_heavy_tails_are_seen_between_samples(tmp_path: Path, pigmm: Any) -> None:
    np.save(tmp_path / "cubes.npy", np.random.default_rng(0).normal(size=(150, 4, 4)) ** 3)
    outcome = pigmm("fit", tmp_path / "cubes.npy", *ASYMPTOTIC, tmp_path / "fit")
    (line,) = [line for line in outcome.out.splitlines() if "sliced" in line]
    assert (
        line
        == "  sliced optimal transport to the fitted model: p ≤ 0.01, the smallest possible (99 draws): a departure"
    )


def test_a_row_apart_is_not_invariant(tmp_path: Path, pigmm: Any, square: Matrices) -> None:
    apart = square.copy()
    apart[:, 0] += 2
    np.save(tmp_path / "apart.npy", apart)
    assert pigmm("fit", tmp_path / "apart.npy", *ASYMPTOTIC, tmp_path / "fit").code == 0
    rows = read_table(tmp_path / "fit" / "tables" / "invariance.csv")
    assert (rows[(rows.moment == "mean") & (rows.irreps == "V_H")].p_gaussian < 1e-6).all()
    assert "Not invariant: mean" in (tmp_path / "fit" / "report.html").read_text()


def test_one_bad_file_of_many_is_named(tmp_path: Path, pigmm: Any, square: Matrices) -> None:
    for number, matrix in enumerate(with_nan(square)):
        np.save(tmp_path / f"{number:04d}.npy", matrix)
    outcome = pigmm("fit", *sorted(tmp_path.glob("*.npy")), "--output", tmp_path / "fit")
    assert outcome.code == 2
    assert "0003.npy: matrices must be finite" in outcome.err


def test_a_checkpoint_says_which_tensors_it_has(tmp_path: Path, pigmm: Any, square: Matrices) -> None:
    path = write(tmp_path, "pt", square, square)
    outcome = pigmm("fit", path, "--tensor", "fc9.*", "--output", tmp_path / "fit")
    assert outcome.code == 2
    assert "match 'fc9.*'; there are: state.square (30, 5, 5)" in outcome.err


def test_singular_matrices_name_the_block(tmp_path: Path, pigmm: Any, square: Matrices) -> None:
    # the entries of each matrix are all the same
    np.save(tmp_path / "flat.npy", np.broadcast_to(square[:, :1, :1], square.shape))
    outcome = pigmm("fit", tmp_path / "flat.npy", "--kind", "square", "--output", tmp_path / "fit")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "flat: " in outcome.err


def test_replicates_cannot_be_negative(tmp_path: Path, square: Matrices) -> None:
    np.save(tmp_path / "m.npy", square)
    with pytest.raises(ValueError, match=r"replicates must be 0 .* or more, got -1"):
        fit_paths([tmp_path / "m.npy"], tmp_path / "fit", replicates=-1)


def test_large_matrices_have_no_bootstrap_unasked() -> None:
    assert chosen_replicates(None, 499, 1000, (10, 10)) == 499
    assert chosen_replicates(None, 499, 1000, (200, 200)) == 0
    assert chosen_replicates(99, 499, 1000, (200, 200)) == 99
    assert chosen_replicates(0, 499, 10, (4, 4)) == 0


def test_what_is_passed_over_is_said(pigmm: Any, tmp_path: Path, square: Matrices) -> None:
    np.savez(tmp_path / "a.npz", weight=square, bias=np.zeros(3), other=square)
    outcome = pigmm("fit", tmp_path / "a.npz", "--tensor", "[wb]*", *ASYMPTOTIC, tmp_path / "fit")
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
    assert (outcome.code, "not the output of `pigmm fit`" in outcome.err) == (2, True)
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["models"]


def test_output_of_other_input_is_refused_before_the_work(pigmm: Any, tmp_path: Path, square: Matrices) -> None:
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", square)
    out = tmp_path / "fit"
    assert pigmm("fit", tmp_path / "a.npy", "--replicates", "0", "-o", out).code == 0
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    outcome = pigmm("fit", tmp_path / "b.npy", "--output", out)
    # no progress on stderr: nothing was tested
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert f"{out} holds the fit of other input, {tmp_path / 'a.npy'}: give another folder" in outcome.err
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before
    assert pigmm("fit", tmp_path / "a.npy", "--kind", "rectangular", *ASYMPTOTIC, out).code == 0
    assert len(read_table(out / "tables" / "parameters.csv")) == 5


def test_one_process_writes_a_folder_and_failure_leaves_the_earlier_one(tmp_path: Path) -> None:
    out, paths = tmp_path / "fit", [Path("a.npy")]
    with output_folder(out, "fit", paths, {}) as draft:
        (draft / "report.html").write_text("first")
        with pytest.raises(ValueError, match="another process writes"), output_folder(out, "fit", paths, {}):
            raise AssertionError

    def fail() -> None:
        with output_folder(out, "fit", paths, {}) as draft:
            (draft / "report.html").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (out / "report.html").read_text() == "first"
    assert sorted(file.name for file in tmp_path.iterdir()) == [".fit.lock", "fit"]


def test_names_that_collide_keep_models_and_figures(pigmm: Any, tmp_path: Path, square: Matrices) -> None:
    arrays = {name: square * scale for scale, name in enumerate(("a b", "a_b", "a/b"), 1)}
    np.savez(tmp_path / "m.npz", allow_pickle=False, **arrays)
    assert pigmm("fit", tmp_path / "m.npz", *ASYMPTOTIC, tmp_path / "fit").code == 0
    found = [BlockGaussian.load(file).parameters[2] for file in (tmp_path / "fit" / "models").iterdir()]
    expected = [PIGMM.fit(matrices).parameters[2] for matrices in arrays.values()]
    np.testing.assert_allclose(sorted(found), sorted(expected))
    assert len(list((tmp_path / "fit" / "figures").iterdir())) == 6
    assert len(read_table(tmp_path / "fit" / "tables" / "parameters.csv")) == 39


def test_a_page_says_the_same_verdict_everywhere(pigmm, tmp_path):
    """Nine draws decide nothing: neither the headline nor the finding nor the terminal does."""
    np.save(tmp_path / "words.npy", np.random.default_rng(0).exponential(size=(150, 4, 4)))
    done = pigmm("fit", tmp_path / "words.npy", "--output", tmp_path / "fit", "--replicates", "9")
    assert done.code == 0
    page = (tmp_path / "fit" / "report.html").read_text()
    for text in (done.out, page):
        assert "p ≤ 0.1, the smallest possible (9 draws): too few draws for a verdict" in text
    assert "Whether words is Gaussian is not decided" in page


def test_interactions_on_request(tmp_path: Path) -> None:
    """Signs times one scale a matrix: the square of the sum of squares is called for; too few matrices are told."""
    rng = np.random.default_rng(0)
    scales = rng.choice([0.8, 1.2], size=(150, 1, 1))
    np.save(tmp_path / "scaled.npy", scales * rng.normal(size=(150, 4, 4)))
    np.save(tmp_path / "few.npy", rng.normal(size=(12, 4, 4)))
    paths = [tmp_path / "scaled.npy", tmp_path / "few.npy"]
    lines: list[str] = []
    page = fit_paths(paths, tmp_path / "fit", replicates=0, say=lines.append, interactions=True)
    table = read_table(tmp_path / "fit" / "tables" / "interactions.csv")
    assert set(table.ensemble) == {"scaled"}
    assert table.graph[0] == "01 01 23 23"
    assert any("interactions: no selection, " in line and "at least 20" in line for line in lines)
    left = read_table(tmp_path / "fit" / "tables" / "interactions_left.csv").set_index("ensemble")
    assert left.candidates["few"] == 0 < left.candidates["scaled"]
    assert "Which interactions do they have?" in page.read_text()
    assert {"selection_scaled.svg", "interactions_scaled.svg"} <= {file.name for file in page.parent.glob("figures/*")}
