"""Sufficient statistics: exact merges, chunks, files, and fits from them; regularised fits."""

import json
from fractions import Fraction

import numpy as np
import pytest
import torch
import zarr

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    MultiMatrixSpace,
    RectangularSpace,
    SquareSpace,
    SufficientStatistics,
    SymmetricSpace,
    matrix_chunks,
)
from pigmm.invariants import evaluate, multigraphs

SPACES = [SquareSpace(4), RectangularSpace(3, 5), SymmetricSpace(4, diagonal=False), MultiMatrixSpace(2, 4)]


def assert_same(first, second, rtol=1e-12, atol=1e-12):
    assert first.space == second.space
    assert first.count == second.count
    np.testing.assert_allclose(first.mean, second.mean, rtol=rtol, atol=atol)
    for a, b in zip(first.scatter, second.scatter, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize("space", SPACES)
def test_chunks_in_any_order_are_the_whole(space, generic):
    matrices = generic(space, seed=1).sample(90, seed=1)
    whole = SufficientStatistics.of(matrices, space)
    a, b, c = (SufficientStatistics.of(part, space) for part in np.split(matrices, [1, 30]))
    assert_same(a.merge(b).merge(c), whole)
    assert_same(a.merge(b.merge(c)), whole)
    assert_same(c.merge(a).merge(b), whole)
    assert_same(SufficientStatistics.of_chunks(np.array_split(matrices, 7), space), whole)
    np.testing.assert_allclose(
        BlockGaussian.fit(whole).parameters, BlockGaussian.fit(matrices, space).parameters, rtol=1e-12
    )


def test_statistics_are_the_textbook_sums():
    """Against sums of rational numbers, behind a mean of 2^40: to the rounding of components, not of their squares."""
    integers = np.random.default_rng(0).integers(-9, 10, size=(40, 4, 4)) + (1 << 40)
    statistics = SufficientStatistics.of(integers[:13]).merge(SufficientStatistics.of(integers[13:]))
    totals = [Fraction(int(matrix.sum()), 4) for matrix in integers]  # the first component: the sum over N
    mean = sum(totals) / 40
    exact = sum((value - mean) ** 2 for value in totals)
    assert statistics.mean[0] == pytest.approx(float(mean), rel=1e-15)
    assert statistics.scatter[0][0, 0] == pytest.approx(float(exact), rel=1e-5)
    antisymmetric = integers - integers.swapaxes(1, 2)
    means = antisymmetric.sum(axis=2)
    norms = (antisymmetric**2).sum() / 4 - (means**2).sum() / 8  # |V_3|^2: without the part of row and column sums
    assert statistics.scatter[3][0, 0] == pytest.approx(norms, rel=1e-3)


def test_a_fit_of_a_stream_and_of_a_store(tmp_path, random_model):
    matrices = random_model(5, seed=2).sample(1000, seed=2)
    expected = PIGMM.fit(matrices).parameters
    np.testing.assert_allclose(PIGMM.fit(iter(np.split(matrices, 8))).parameters, expected, rtol=1e-12)
    with_gaps = (matrices[k : k + 300] for k in (0, 300, 600, 900, 1200))  # the last chunk is empty
    np.testing.assert_allclose(PIGMM.fit(with_gaps).parameters, expected, rtol=1e-12)
    store = zarr.create_array(tmp_path / "m.zarr", shape=matrices.shape, chunks=(64, 5, 5), dtype="f8")
    store[:] = matrices
    assert sum(len(chunk) for chunk in matrix_chunks(store)) == 1000
    np.testing.assert_allclose(PIGMM.fit(matrix_chunks(store)).parameters, expected, rtol=1e-12)


def test_slices_of_a_store_are_whole_chunks(monkeypatch, tmp_path):
    from pigmm.fitting.model import sufficient_statistics

    store = zarr.create_array(tmp_path / "m.zarr", shape=(100, 4, 4), chunks=(7, 4, 4), dtype="f4")
    monkeypatch.setattr(sufficient_statistics, "_READ_ENTRIES", 16 * 20)
    assert [len(chunk) for chunk in matrix_chunks(store)] == [14] * 7 + [2]


@pytest.mark.parametrize("space", SPACES)
def test_files_keep_every_digit(space, generic, tmp_path):
    statistics = SufficientStatistics.of(generic(space, seed=3).sample(20, seed=3), space)
    statistics.save(tmp_path / "statistics.json")
    loaded = SufficientStatistics.load(tmp_path / "statistics.json")
    assert_same(loaded, statistics, rtol=0, atol=0)
    assert loaded.rounding == statistics.rounding


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"space": {"kind": "SquareSpace", "size": 4}, "count": 1}'])
def test_other_files_are_refused(text, tmp_path):
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(ValueError, match=r"other\.json must be sufficient statistics"):
        SufficientStatistics.load(tmp_path / "other.json")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format", "pigmm model", "format must be 'pigmm sufficient statistics', got 'pigmm model'"),
        ("count", 0, "count must be an integer of at least 1, got 0"),
        ("count", 2.5, "count must be an integer of at least 1, got 2.5"),
        ("mean", [float("nan"), 0.0], "finite"),
        ("mean", [10**400, 0.0], "OverflowError"),
        ("rounding", 0.0, "rounding between 0 and 1"),
        ("space", {"kind": "SquareSpace", "size": 3}, "size must be an integer of at least 4"),
    ],
)
def test_wrong_numbers_in_a_file_are_named_with_it(name, value, message, tmp_path):
    path = tmp_path / "statistics.json"
    SufficientStatistics.of(np.ones((3, 4, 4))).save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    with pytest.raises(ValueError, match=rf"statistics\.json must be .*{message}"):
        SufficientStatistics.load(path)


def test_models_and_statistics_are_told_apart(tmp_path):
    path = tmp_path / "model.json"
    model = PIGMM.iid(4, 1.0)
    model.save(path)
    with pytest.raises(ValueError, match=r"model\.json must be .*format"):
        SufficientStatistics.load(path)
    assert PIGMM.load(path) == model
    path.write_text(path.read_text().replace('"G3": 1.0', '"G3": -1.0'))
    with pytest.raises(ValueError, match=r"model\.json must be a model .*V_3 must be positive definite"):
        PIGMM.load(path)


def test_statistics_of_another_size_are_refused(tmp_path):
    path = tmp_path / "statistics.json"
    SufficientStatistics.of(np.ones((3, 4, 4))).save(path)
    path.write_text(path.read_text().replace('"SquareSpace"', '"SymmetricSpace"'))
    with pytest.raises(ValueError, match="copies"):
        SufficientStatistics.load(path)


def test_bad_matrices_are_named():
    rng = np.random.default_rng(0)
    chunks = [rng.normal(size=(5, 4, 4)) for _ in range(3)]
    chunks[2][3, 1, 2] = np.nan
    with pytest.raises(ValueError, match=r"chunk 2 \(after 10 matrices\).*first at index \(3, 1, 2\)"):
        PIGMM.fit(iter(chunks))
    with pytest.raises(ValueError, match=r"chunk 1 \(after 5 matrices\).*shape \(n, 4, 4\), got \(5, 5, 5\)"):
        PIGMM.fit(iter([chunks[0], rng.normal(size=(5, 5, 5))]))
    with pytest.raises(ValueError, match="array of numbers"):
        PIGMM.fit([np.ones((4, 4)), np.ones((5, 5))])
    with pytest.raises(ValueError, match="at least 1 matrix"):
        PIGMM.fit(iter([]))
    with pytest.raises(ValueError, match="at least 1, got shape"):
        SufficientStatistics.of(np.ones((0, 4, 4)))
    with pytest.raises(ValueError, match="statistics must be one or more, got none"):
        SufficientStatistics.merged([])
    with pytest.raises(ValueError, match=r"stored must be of shape .* got \(5, 0, 4\)"):
        next(matrix_chunks(np.ones((5, 0, 4))))
    beyond = np.ones((5, 4, 4), dtype=np.longdouble)
    beyond[3, 1, 2] = np.longdouble(np.finfo(np.float64).max) * 4
    tensor = torch.ones((5, 4, 4), requires_grad=True)
    for fit in (PIGMM.fit, SufficientStatistics.of):
        with pytest.raises(ValueError, match=r"finite, got 1 .* first at index \(3, 1, 2\)"):
            fit(beyond)
        with pytest.raises(ValueError, match=r"tensor\.detach\(\)\.cpu\(\)\.numpy\(\)"):
            fit(tensor)
    with pytest.raises(ValueError, match="same space"):
        SufficientStatistics.of(np.ones((2, 4, 4))).merge(SufficientStatistics.of(np.ones((2, 5, 5))))
    with pytest.raises(ValueError, match="space must be that of the statistics"):
        BlockGaussian.fit(SufficientStatistics.of(chunks[0]), SymmetricSpace(4))
    with pytest.raises(ValueError, match="square"):
        PIGMM.fit(SufficientStatistics.of(rng.normal(size=(9, 3, 4))))


def test_shrinkage_is_towards_the_iid_variance(random_model):
    matrices = random_model(5, seed=1).sample(40, seed=1)
    plain, shrunk = PIGMM.fit(matrices), PIGMM.fit(matrices, shrinkage=0.25)
    whole = PIGMM.fit(matrices, shrinkage=1.0)
    centred = matrices - plain.mean
    variance = np.square(centred).sum() / matrices.size
    np.testing.assert_allclose(whole.covariance.reshape(25, 25), variance * np.eye(25), atol=1e-12)
    np.testing.assert_allclose(shrunk.parameters, 0.75 * plain.parameters + 0.25 * whole.parameters, rtol=1e-12)
    np.testing.assert_allclose(shrunk.means, plain.means)


@pytest.mark.parametrize(
    "matrices",
    [
        np.random.default_rng(0).normal(size=(2, 5, 5)),
        (lambda m: m + m.swapaxes(1, 2))(np.random.default_rng(0).normal(size=(50, 5, 5))),
        np.random.default_rng(0).normal(size=(50, 5, 5)) * (1 - np.eye(5)),
        (lambda m: m - m.mean(axis=2, keepdims=True))(np.random.default_rng(0).normal(size=(50, 5, 5))),
        (lambda m: m - m.mean(axis=2, keepdims=True) + 1e6)(np.random.default_rng(0).normal(size=(50, 5, 5))),
    ],
    ids=["two", "symmetric", "no diagonal", "rows of zero sum", "rows of one sum behind a large mean"],
)
def test_singular_fits_are_refused_and_can_be_regularised(matrices):
    with pytest.raises(ValueError, match=r"matrices must (be at least 3|vary in every irrep)|positive definite"):
        PIGMM.fit(matrices)
    assert np.isfinite(PIGMM.fit(matrices, shrinkage=0.1).log_prob(matrices)).all()


def test_what_shrinkage_cannot_mend():
    with pytest.raises(ValueError, match="at least 2"):
        PIGMM.fit(np.ones((1, 5, 5)), shrinkage=0.1)
    with pytest.raises(ValueError, match="vary"):
        PIGMM.fit(np.ones((5, 5, 5)), shrinkage=0.1)
    with pytest.raises(ValueError, match=r"shrinkage must be in \[0, 1\], got 1.5"):
        PIGMM.fit(np.ones((5, 5, 5)), shrinkage=1.5)


def test_chunks_of_a_dask_array():
    dask = pytest.importorskip("dask.array")
    matrices = np.random.default_rng(0).normal(size=(50, 4, 4))
    lazy = dask.from_array(matrices, chunks=((20, 25, 5), 4, 4))
    chunks = list(matrix_chunks(lazy))
    assert all(isinstance(chunk, np.ndarray) for chunk in chunks)
    np.testing.assert_array_equal(np.concatenate(chunks), matrices)
    np.testing.assert_array_equal(PIGMM.fit(matrix_chunks(lazy)).parameters, PIGMM.fit(matrices).parameters)


@pytest.mark.parametrize("use", [PIGMM.fit, SufficientStatistics.of, lambda m: evaluate(m, multigraphs(1))])
@pytest.mark.parametrize("wrap", [lambda m: m, list])
def test_masked_entries_are_refused(use, wrap):
    """Numpy would compute with what lies under the mask."""
    matrices = np.ma.masked_greater(np.random.default_rng(0).normal(size=(9, 4, 4)), 1.0)
    with pytest.raises(ValueError, match="matrices must be complete, got a masked array"):
        use(wrap(matrices))
    use(np.ma.masked_greater(matrices.data, 9.0))  # nothing is masked


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        (np.ones((0, 4, 4)), r"matrices must be at least 1, got shape \(0, 4, 4\)"),
        (np.ones((9, 4, 4)), "matrices must vary in every irrep, got matrices that are all the same"),
        (np.zeros((9, 4, 4)), "matrices must vary in every irrep, got matrices that are all the same"),
        (np.eye(4)[None] * np.ones((9, 1, 1)), "matrices must vary in every irrep, got matrices that are all the same"),
        (np.random.default_rng(0).normal(size=(1, 4, 4)), "at least 3 for a fit, got 1; `analyse_matrix`"),
    ],
)
def test_what_cannot_be_fitted_is_named(matrices, message):
    with pytest.raises(ValueError, match=message):
        PIGMM.fit(matrices)
